"""Which source line an address is of, and the text of that line."""

import os
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from pocketvisor.debug.symbols import messages
from pocketvisor.debug.symbols.names import words
from pocketvisor.debug.symbols.reader import open_file
from pocketvisor.errors import DebugError

_SOURCE_MAX: Final = 8 << 20
_REACH: Final = 1 << 16
_KEPT: Final = 32
_FOLDERS_MAX: Final = 64


class Line(NamedTuple):
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class LineTable:
    """Grows by add() where a file is too large to be read at once."""

    def __init__(self, bias: int) -> None:
        self._bias = bias
        self._parts: list[tuple[array[int], array[int], array[int], list[str]]] = []
        self._known: list[tuple[int, int]] = []

    def add(self, lines: messages.Lines, asked: tuple[int, int]) -> None:
        addresses, files, numbers = words(lines.addresses), words(lines.files), words(lines.lines)
        if not len(addresses) == len(files) == len(numbers):
            raise DebugError("Its source lines contradict themselves")
        self._parts.append((addresses, files, numbers, [messages.plain(name) for name in lines.names]))
        self._known += [*lines.ranges, asked]

    def knows(self, address: int) -> bool:
        """Is there no need to ask for more?"""
        address -= self._bias
        return any(start <= address < end for start, end in self._known)

    def at(self, address: int) -> Line | None:
        address -= self._bias
        for addresses, files, numbers, names in reversed(self._parts):
            number = bisect_right(addresses, address) - 1
            if number >= 0 and numbers[number] and address - addresses[number] < _REACH:
                name = names[files[number]] if files[number] < len(names) else "?"
                return Line(name, numbers[number])
        return None

    def rows(self) -> Iterator[tuple[int, Line]]:
        """Where the code of each line begins, of what is known so far."""
        for addresses, files, numbers, names in self._parts:
            for address, file, number in zip(addresses, files, numbers, strict=True):
                if number and file < len(names):
                    yield address + self._bias, Line(names[file], number)

    def addresses(self, file: str, line: int) -> list[int]:
        """Where this line begins, of what is known so far: a name may be given by its end."""
        found = []
        for addresses, files, numbers, names in self._parts:
            wanted = {
                number
                for number, name in enumerate(names)
                if name == file or name.endswith("/" + file.lstrip("/"))
            }
            found += [
                address + self._bias
                for address, number, at in zip(addresses, files, numbers, strict=True)
                if at == line and number in wanted
            ]
        return sorted(found)


class Sources:
    """Source files, where they are on this machine. What names them may be hostile: only plain files are
    read, up to a size."""

    def __init__(self) -> None:
        self.folders: list[Path] = []
        self._read: dict[str, list[str] | None] = {}

    def text(self, file: str) -> list[str] | None:
        """All its lines, or None where it is not to be had."""
        if file not in self._read:
            if len(self._read) >= _KEPT:
                self._read.pop(next(iter(self._read)))
            self._read[file] = self._find(file)
        return self._read[file]

    def look_near(self, path: Path) -> None:
        """Sources may be beside a program, or above it."""
        folder = path.absolute().parent
        for place in (folder, *list(folder.parents)[:3]):
            if place not in self.folders and len(self.folders) < _FOLDERS_MAX:
                self.folders.append(place)
        self._read.clear()

    def _find(self, file: str) -> list[str] | None:
        if not file or "\0" in file:
            return None
        parts = Path(file).parts
        plain = Path(*parts[1:] if parts[0] == "/" else parts) if len(parts) > 1 else Path(file)
        for path in [Path(file)] * Path(file).is_absolute() + [folder / plain for folder in self.folders]:
            try:
                fd = open_file(path, _SOURCE_MAX)
            except (DebugError, ValueError):
                continue
            with os.fdopen(fd, "rb") as stream:
                try:
                    return stream.read(_SOURCE_MAX).decode("utf-8", "replace").splitlines()
                except OSError:
                    continue
        return None
