"""A channel of the virtio console as the user asks for it: `--port NAME=unix:PATH`."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from pocketvisor.board.config import PORT_NAME_MAX, PORT_PATTERN, PORTS_MAX
from pocketvisor.errors import GuestError


class PortSpec(Struct, frozen=True):
    """A channel of the guest's by name, and the Unix socket that is made for it."""

    name: str
    path: Path


def parse_ports(texts: Sequence[str]) -> tuple[PortSpec, ...]:
    """Raises GuestError with the sentence to show."""
    ports = tuple(_parse(text) for text in texts)
    if len({port.name for port in ports}) < len(ports):
        raise GuestError("--port: two ports have the same name")
    if len(ports) > PORTS_MAX:
        raise GuestError(f"--port: a guest has at most {PORTS_MAX} ports")
    return ports


def _parse(text: str) -> PortSpec:
    name, _, target = text.partition("=")
    kind, _, path = target.partition(":")
    if len(name) > PORT_NAME_MAX or not re.fullmatch(PORT_PATTERN, name) or kind != "unix" or not path:
        raise GuestError(f"--port: '{text}' is not NAME=unix:PATH")
    return PortSpec(name, Path(os.path.abspath(path)))
