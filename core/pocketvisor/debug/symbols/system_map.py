"""System.map: the symbols of a Linux kernel as nm prints them, a line for each."""

import asyncio
import os
import re
from pathlib import Path
from typing import Final

from pocketvisor.debug.symbols.messages import SYMBOLS_MAX, Symbols
from pocketvisor.debug.symbols.reader import open_file
from pocketvisor.debug.symbols.rows import Row, packed
from pocketvisor.errors import DebugError

_FILE_MAX: Final = 64 << 20
_LINE: Final = re.compile(rb"([0-9a-fA-F]{8}) ([A-Za-z?-]) (\S{1,512})")


async def beginning(path: Path) -> bytes:
    """Its first bytes, which say what kind of file it is. Raises DebugError for what cannot be read."""
    return await asyncio.to_thread(_beginning, path)


def _beginning(path: Path) -> bytes:
    fd = open_file(path)
    try:
        return os.read(fd, 8)
    finally:
        os.close(fd)


async def read(path: Path) -> Symbols:
    return await asyncio.to_thread(_read, path)


def _read(path: Path) -> Symbols:
    with os.fdopen(open_file(path, _FILE_MAX), "rb") as stream:
        text = stream.read(_FILE_MAX)
    rows: list[Row] = []
    for line in text.splitlines():
        match = _LINE.fullmatch(line.rstrip())
        if match is None:
            raise DebugError(f"{path.name}: is neither an ELF file nor a System.map of a 32-bit kernel")
        letter = match[2].decode()
        name = match[3].decode("utf-8", "replace")
        if name.startswith("$"):
            continue
        kind = "f" if letter in "tTwW" else "o" if letter in "bBdDrR" else "n"
        rows.append((int(match[1], 16), 0, kind, name))
        if len(rows) > SYMBOLS_MAX:
            raise DebugError(f"{path.name}: has more than {SYMBOLS_MAX} symbols")
    if not rows:
        raise DebugError(f"{path.name}: is neither an ELF file nor a System.map")
    rows.sort()
    sized = [
        (row[0], min(later[0] - row[0], 1 << 20), row[2], row[3])
        for row, later in zip(rows, [*rows[1:], rows[-1]], strict=True)
    ]
    return packed(sized)
