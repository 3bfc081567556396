"""What network a guest is given, and how that is said: `none`, `user`, `switch:NAME`; `tcp:8080:80`."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Final, Literal

from blake3 import blake3
from msgspec import Meta, Struct

from pocketvisor.board.config import NetworkConfig
from pocketvisor.errors import NetworkError
from pocketvisor.network.radio import NO_RADIO, Radio

Mode = Literal["none", "user", "switch"]
PortNumber = Annotated[int, Meta(ge=1, le=65535)]

LOOPBACK: Final = "127.0.0.1"
USER_MTU: Final = 65520
"""What passt takes, and what a guest is told of where it starts attached to it: fewer, larger frames."""
CAPTURE_MOST: Final = 1 << 30

_SWITCH_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}"
NETWORK_PATTERN: Final = rf"^(|none|user|switch:{_SWITCH_NAME})$"
_SWITCH = re.compile(_SWITCH_NAME)
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}")


class Forward(Struct, frozen=True):
    """A port of this machine that leads to one of the guest."""

    protocol: Literal["tcp", "udp"]
    host_port: PortNumber
    guest_port: PortNumber
    address: str = LOOPBACK

    def __str__(self) -> str:
        where = "" if self.address == LOOPBACK else f"{_bracketed(self.address)}:"
        return f"{self.protocol}:{where}{self.host_port}:{self.guest_port}"


class NetworkSpec(Struct, frozen=True, kw_only=True):
    """A guest's network card, and what is at the end of its cable."""

    mode: Mode = "none"
    switch: str = ""
    forwards: tuple[Forward, ...] = ()
    radio: Radio = NO_RADIO
    capture: Path | None = None
    mac: bytes | None = None
    mtu: int | None = None
    reach_host: bool = False
    """With `user`: the guest reaches services of this machine, at the address of its gateway."""

    @property
    def told_mtu(self) -> int:
        """What the driver is told, 0 for nothing."""
        return self.mtu if self.mtu is not None else USER_MTU if self.mode == "user" else 0


class CardHead(Struct, frozen=True):
    """What a guest sees of its card from the start: a replay has to have it alike."""

    mac: bytes
    mtu: int
    link: bool


def parse_network(text: str) -> tuple[Mode, str]:
    """(mode, switch) of `none`, `user` or `switch:NAME`. Raises NetworkError."""
    if text in ("none", "user"):
        return text, ""  # type: ignore[return-value]
    kind, _, name = text.partition(":")
    if kind != "switch":
        raise NetworkError(f"There is no network '{text}': it is none, user or switch:NAME")
    if not _SWITCH.fullmatch(name):
        raise NetworkError(f"'{name}' is no name for a switch: letters, digits, blanks and . _ - are")
    return "switch", name


def network_spec(text: str) -> NetworkSpec | None:
    """What parse_network() reads; None for nothing: no card at all."""
    if not text:
        return None
    mode, switch = parse_network(text)
    return NetworkSpec(mode=mode, switch=switch)


def card_head(config: NetworkConfig | None) -> CardHead | None:
    return CardHead(config.mac, config.mtu, config.link) if config is not None else None


def parse_forward(text: str) -> Forward:
    """`tcp:8080:80`, or `tcp:0.0.0.0:8080:80` to be reached from other machines. Raises NetworkError."""
    protocol, _, rest = text.partition(":")
    where, _, guest_port = rest.rpartition(":")
    address, _, host_port = where.rpartition(":")
    try:
        if protocol not in ("tcp", "udp"):
            raise ValueError
        ports = [int(port) for port in (host_port, guest_port) if port.isascii() and port.isdigit()]
        if len(ports) != 2 or not all(1 <= port <= 65535 for port in ports):
            raise ValueError
        if address:
            address = str(ipaddress.ip_address(address.removeprefix("[").removesuffix("]")))
    except ValueError:
        raise NetworkError(
            f"'{text}' forwards no port: it is tcp or udp, this machine's port, the guest's port, "
            "as in tcp:8080:80"
        ) from None
    return Forward(protocol, ports[0], ports[1], address or LOOPBACK)  # type: ignore[arg-type]


def parse_mac(text: str) -> bytes:
    """Raises NetworkError."""
    if not _MAC.fullmatch(text):
        raise NetworkError(f"'{text}' is no MAC address: it is six pairs of digits, as 02:00:00:12:34:56")
    mac = bytes.fromhex(re.sub("[:-]", "", text))
    if mac[0] & 1 or not any(mac):
        raise NetworkError(f"'{text}' is an address of several, or of none: no card can have it")
    return mac


def show_mac(mac: bytes) -> str:
    return mac.hex(":")


def derived_mac(handset: str, guest: str) -> bytes:
    """A locally administered address that a guest of this name has on a handset of this name each time."""
    digest = blake3(f"{handset}\0{guest}".encode()).digest(5)
    return b"\x02" + digest


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
