"""What is known by name of a guest's memory: layers of symbol files, the better one first."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from pocketvisor.debug.symbols.file import Memory, Static, SymbolFile
from pocketvisor.debug.symbols.names import Symbol
from pocketvisor.debug.symbols.source_lines import Line, Sources
from pocketvisor.errors import DebugError

LAYERS_MAX: Final = 600


class Place(NamedTuple):
    """An address as a symbol and a distance from it."""

    symbol: Symbol
    offset: int

    def __str__(self) -> str:
        return f"{self.symbol.name}+0x{self.offset:x}" if self.offset else self.symbol.name


class SymbolTable:
    """Empty at first. What reads no file answers at once, and knows nothing rather than fails."""

    def __init__(self) -> None:
        self.layers: list[SymbolFile] = []
        self._closed = False
        self.sources = Sources()
        self.generation = 0
        """Counted up at each change, for who keeps what it answered."""

    async def open(self, path: Path, memory: Memory | None = None, *, bias: int = 0) -> SymbolFile:
        """A further file in front of the others: ELF, System.map, a kernel's debug package. Raises
        DebugError."""
        file = await SymbolFile.open(path, bias)
        try:
            if memory is not None:
                await file.check(memory)
            if self._closed:
                raise DebugError(f"{file.name}: nobody wants its symbols any more")
            self.add(file)
        except BaseException:
            await file.close()
            raise
        self.sources.look_near(path)
        return file

    def add(self, file: SymbolFile) -> None:
        """One of another build goes behind those that are right. Raises DebugError over a bound."""
        for own in self.layers:
            if own.path is None:
                file.compare(own)
        if len(self.layers) >= LAYERS_MAX:
            raise DebugError(f"There are {LAYERS_MAX} files of symbols already")
        if file.differs:
            self.layers.append(file)
        else:
            self.layers.insert(0, file)
        self.generation += 1

    async def remove(self, file: SymbolFile) -> None:
        if file in self.layers:
            self.layers.remove(file)
            self.generation += 1
        await file.close()

    def add_own(self, file: SymbolFile) -> None:
        """What a guest says of itself: a file with more in it goes before it."""
        self.layers.append(file)
        for other in self.layers:
            other.compare(file)
        self.layers.sort(key=lambda file: file.differs)
        self.generation += 1

    async def check(self, memory: Memory, start: int = 0) -> None:
        """Looks again whether the files are of what is in memory from `start` on: after a guest's reset, as
        an example."""
        for file in list(self.layers):
            if file.start >= start:
                await file.check(memory)
        self.layers.sort(key=lambda file: file.differs)
        self.generation += 1

    @property
    def problems(self) -> list[str]:
        """What the user should know of the files: stripped, of another build, damaged."""
        return [problem for file in self.layers for problem in file.problems]

    async def close(self) -> None:
        self._closed = True
        for file in list(self.layers):
            await self.remove(file)

    # Addresses

    def name(self, address: int) -> Place | None:
        best: Place | None = None
        for file in self.layers:
            if not file.holds(address):
                continue
            symbol = file.names.holding(address)
            if symbol is None:
                continue
            place = Place(symbol, address - symbol.address)
            if not symbol.size or place.offset < symbol.size:
                return place
            best = best or place
        return best

    def label(self, address: int) -> str:
        """name, or name+0x10; empty where nothing is known."""
        place = self.name(address)
        return str(place) if place is not None else ""

    def line(self, address: int) -> Line | None:
        """Of a large file only what prepare() has read."""
        for file in self.layers:
            if file.holds(address) and (line := file.lines.at(address)) is not None:
                return line
        return None

    def source(self, address: int) -> tuple[str, int] | None:
        line = self.line(address)
        return (line.file, line.line) if line is not None else None

    def source_text(self, line: Line) -> str | None:
        """The line itself, where the file is on this machine."""
        lines = self.sources.text(line.file)
        return lines[line.line - 1] if lines is not None and 0 < line.line <= len(lines) else None

    def mode(self, address: int) -> str:
        """ "arm", "thumb" or "data" by mapping symbols; empty where nothing is known."""
        for file in self.layers:
            if file.holds(address) and (mode := file.mode(address)):
                return mode
        return ""

    async def prepare(self, addresses: Iterable[int]) -> None:
        """Reads the source lines of these places out of files that are too large to be read at once."""
        wanted = list(addresses)
        for file in self.layers:
            if file.large:
                await file.prepare(wanted)

    # Names

    def address(self, name: str) -> int | None:
        symbol = self.symbol(name)
        return symbol.address if symbol is not None else None

    def symbol(self, name: str) -> Symbol | None:
        """`file:name` is of this file alone."""
        for file in self.layers:
            symbol = file.names.named(name)
            if symbol is not None:
                return symbol
        layer, colon, rest = name.partition(":")
        if colon:
            for file in self.layers:
                if file.name == layer and (symbol := file.names.named(rest)) is not None:
                    return symbol
        return None

    def line_address(self, file: str, line: int) -> int | None:
        """Where the code of a source line begins."""
        for layer in self.layers:
            if found := layer.lines.addresses(file, line):
                return found[0]
        return None

    def search(self, text: str, limit: int = 100) -> list[Symbol]:
        """Those whose name begins so, then those that hold it."""
        found: dict[tuple[str, int], Symbol] = {}
        for file in self.layers:
            for symbol in file.names.beginning(text, limit):
                found.setdefault((symbol.name, symbol.address), symbol)
        for file in self.layers:
            if len(found) < limit and len(text) > 1:
                for symbol in file.names.containing(text, limit):
                    found.setdefault((symbol.name, symbol.address), symbol)
        return list(found.values())[:limit]

    def functions(self) -> list[Symbol]:
        return [symbol for file in self.layers for symbol in file.names.all() if symbol.kind == "function"]

    async def statics(self) -> list[Static]:
        found: list[Static] = []
        for file in self.layers:
            with suppress(DebugError):  # one damaged file does not hide the others' variables
                found += await file.statics()
        return found

    async def value(self, name: str, memory: Memory) -> str:
        """Of a static variable, shallowly, as C would write it. Raises DebugError where no file
        tells its type."""
        error = DebugError(f"No file of symbols tells what {name} is")
        for file in self.layers:
            try:
                return await file.value(name, memory)
            except DebugError as failure:
                if file.names.named(name) is not None:
                    error = failure
        raise error


async def open_symbols(paths: Iterable[Path | str], memory: Memory | None = None) -> SymbolTable:
    """A table of these files; the first is the best. With a memory it is looked whether they are of what is
    there. Raises DebugError for the first that cannot be read."""
    table = SymbolTable()
    try:
        for path in reversed(list(paths)):
            await table.open(Path(path), memory)
    except BaseException:
        await table.close()
        raise
    return table
