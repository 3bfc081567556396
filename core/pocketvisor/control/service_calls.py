"""What an open workbench is asked about the services that guests offer each other. Both are answered by
ServicesShown."""

from typing import Annotated

from msgspec import Meta, Struct

_Name = Annotated[str, Meta(max_length=64)]
_OFFERS_MAX = 8


class _Message(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """Tagged with its class's name."""


class AskServices(_Message):
    """Of one handset, or of all."""

    handset: _Name = ""


class SetOffers(_Message):
    """What a guest offers from now on: ports by name. An empty `handset` is the only one with such a
    guest."""

    guest: _Name
    offers: Annotated[dict[_Name, int], Meta(max_length=_OFFERS_MAX)]
    handset: _Name = ""


ServicesRequest = AskServices | SetOffers


class ServiceInfo(Struct, forbid_unknown_fields=True, kw_only=True):
    """As guest.exchange.ServiceNow, with its handset."""

    handset: str
    name: str
    port: int
    guest: str
    problem: str
    calling: list[str]
    calls: int
    refused: int
    messages: int
    bytes: int


class ServicesShown(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    services: list[ServiceInfo]
