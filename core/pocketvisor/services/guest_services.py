"""What an open workbench does when it is asked about the services that guests offer each other."""

from collections.abc import Sequence

from msgspec import structs

from pocketvisor.control.service_calls import ServiceInfo, ServicesShown
from pocketvisor.errors import GuestError
from pocketvisor.guest.exchange import services_of
from pocketvisor.guest.guest import Guest
from pocketvisor.handset import Handset
from pocketvisor.images.offers import parse_offers


def show(handsets: Sequence[Handset]) -> ServicesShown:
    found = []
    for handset in handsets:
        for service in services_of(handset):
            fields = structs.asdict(service) | {"calling": list(service.calling)}
            found.append(ServiceInfo(handset=handset.name, **fields))
    return ServicesShown(services=found)


def set_offers(guest: Guest, offers: dict[str, int]) -> ServicesShown:
    """Raises GuestError."""
    parsed = parse_offers([f"{name}={port}" for name, port in offers.items()])
    if guest.calls is None:
        raise GuestError(
            f"{guest.name} has no socket device to be called on: start it with --offer or --part vsock"
        )
    guest.calls.set_offers(parsed)
    return show([guest.handset])
