"""A channel of the virtio console as the user asks for it: `--port NAME=unix:PATH`."""

import os
import re
from pathlib import Path

from msgspec import Struct

from pocketvisor.board.config import PORT_NAME_MAX, PORT_PATTERN


class PortSpec(Struct, frozen=True):
    """A channel of the guest's by name, and the Unix socket that is made for it."""

    name: str
    path: Path


def parse_port(text: str) -> PortSpec | None:
    """NAME=unix:PATH; None where it is not."""
    name, _, target = text.partition("=")
    kind, _, path = target.partition(":")
    if len(name) > PORT_NAME_MAX or not re.match(PORT_PATTERN, name) or kind != "unix" or not path:
        return None
    return PortSpec(name, Path(os.path.abspath(path)))
