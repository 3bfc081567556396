"""A service that a guest offers to the other guests of its handset: a name for people, a port for guests."""

import re
from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta, Struct

from pocketvisor.errors import GuestError

OFFERS_MAX: Final = 8
_NAME: Final = "^[a-z][a-z0-9-]{0,30}$"
_PORT_MAX: Final = 0xFFFF_FFFE

ServiceName = Annotated[str, Meta(pattern=_NAME)]
ServicePort = Annotated[int, Meta(ge=1, le=_PORT_MAX)]


class Offer(Struct, frozen=True):
    name: ServiceName
    port: ServicePort


def parse_offers(texts: Sequence[str], option: str = "--offer") -> tuple[Offer, ...]:
    """Each as NAME=PORT. Raises GuestError with the sentence to show."""
    offers = tuple(_parse(text, option) for text in texts)
    check_offers(offers, option)
    return offers


def check_offers(offers: Sequence[Offer], where: str) -> None:
    """Raises GuestError where they do not go together."""
    if len(offers) > OFFERS_MAX:
        raise GuestError(f"{where}: a guest offers at most {OFFERS_MAX} services")
    for what, values in (
        ("name", [offer.name for offer in offers]),
        ("port", [offer.port for offer in offers]),
    ):
        if len(set(values)) < len(values):
            raise GuestError(f"{where}: two services have the same {what}")


def _parse(text: str, option: str) -> Offer:
    name, _, port = text.partition("=")
    if not re.fullmatch(_NAME[1:-1], name) or not re.fullmatch("[0-9]{1,10}", port):
        raise GuestError(f"{option}: '{text}' is not NAME=PORT, with a name of small letters, digits and '-'")
    if not 1 <= int(port) <= _PORT_MAX:
        raise GuestError(f"{option}: '{text}': a port is a number from 1 to {_PORT_MAX}")
    return Offer(name, int(port))
