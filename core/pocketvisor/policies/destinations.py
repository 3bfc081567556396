"""Where a governed phone's packets may go, as a policy writes it.

A host is a name ("intranet.acme.example", "*.acme.example"), an address or a network, each with a port after
a colon if only that one is meant; an IPv6 address with a port stands in brackets. A VPN's endpoint is
"host:port/udp" or "host:port/tcp".
"""

import ipaddress
import re
from typing import Final, Literal

from msgspec import Struct

from pocketvisor.errors import PolicyError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Range = ipaddress.IPv4Network | ipaddress.IPv6Network

_LABEL: Final = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")


class Host(Struct, frozen=True):
    """Either `name` (lower case, without a dot at the end; with "*." before it: all names below) or
    `addresses`. Port 0 is any."""

    text: str
    name: str = ""
    addresses: Range | None = None
    port: int = 0

    def has_name(self, name: str) -> bool:
        name = name.lower().removesuffix(".")
        if self.name.startswith("*."):
            return name.endswith(self.name[1:])
        return bool(self.name) and name == self.name

    def has_address(self, address: Address) -> bool:
        return self.addresses is not None and address in self.addresses

    def has_port(self, port: int) -> bool:
        return self.port in (0, port)


class Endpoint(Struct, frozen=True):
    """`name` or `address`."""

    text: str
    port: int
    protocol: Literal["udp", "tcp"]
    name: str = ""
    address: Address | None = None


def host_of(text: str) -> Host:
    """Raises PolicyError."""
    where, port = _with_port(text)
    try:
        return Host(text, addresses=ipaddress.ip_network(where), port=port)
    except ValueError:
        pass
    return Host(text, name=_name(where, text), port=port)


def endpoint_of(text: str) -> Endpoint:
    """Raises PolicyError."""
    whole, _, protocol = text.partition("/")
    where, port = _with_port(whole)
    if not port or protocol not in ("udp", "tcp", ""):
        raise PolicyError(f"The policy is malformed: '{text[:80]}' is no endpoint: 'host:port/udp' is one")
    kind: Literal["udp", "tcp"] = "tcp" if protocol == "tcp" else "udp"
    try:
        return Endpoint(text, port, kind, address=ipaddress.ip_address(where))
    except ValueError:
        pass
    name = _name(where, text)
    if name.startswith("*."):
        raise PolicyError(f"The policy is malformed: '{text[:80]}' is more than one host")
    return Endpoint(text, port, kind, name=name)


def _name(where: str, text: str) -> str:
    name = where.lower().removesuffix(".")
    numeric = name.rpartition(".")[2].isdigit()  # "10.0.0" or "10.0.0.1/33": an address that is wrong
    if len(name) > 253 or numeric or not _NAME.fullmatch(name):
        raise PolicyError(f"The policy is malformed: '{text[:80]}' is neither a host's name nor an address")
    return name


def _with_port(text: str) -> tuple[str, int]:
    """Port 0 where none is given. Raises PolicyError."""
    where, digits = text, ""
    if text.startswith("["):
        where, _, rest = text[1:].partition("]")
        if rest and not rest.startswith(":"):
            where = ""
        digits = rest[1:]
        if rest == ":":
            digits = "-"
    elif text.count(":") == 1:
        where, _, digits = text.partition(":")
        digits = digits or "-"
    if not digits:
        return where, 0
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and 1 <= int(digits) <= 65535):
        raise PolicyError(f"The policy is malformed: '{text[:80]}' has no port from 1 to 65535")
    return where, int(digits)
