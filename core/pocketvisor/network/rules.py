"""Where the frames of one port may go, as the network process is told: plain, and nothing of policies.

No rules at all is a network as ever. `hosts` empty is none at all: not even an address is to be had.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Port = Annotated[int, Meta(ge=0, le=65535)]
Address = Annotated[str, Meta(max_length=64)]


class HostRule(Struct, frozen=True):
    """Either `name` (lower case; with "*." before it: all names below) or `network`. Port 0 is any, an empty
    protocol is all that carry data, and what asks whether the host is there."""

    name: Annotated[str, Meta(max_length=255)] = ""
    network: Annotated[str, Meta(max_length=64)] = ""
    port: Port = 0
    protocol: Literal["", "tcp", "udp"] = ""


class NetworkRules(Struct, frozen=True, kw_only=True):
    """`address` is the guest's, `resolver` answers its questions for names: what an answer of that resolver
    says of an allowed name counts. Without a resolver no names are known."""

    hosts: Annotated[tuple[HostRule, ...], Meta(max_length=256)] = ()
    address: Address = ""
    gateway: Address = ""
    resolver: Address = ""
