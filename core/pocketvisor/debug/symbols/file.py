"""One layer of a symbol table: an ELF file, a System.map, or what a kernel says of itself."""

import asyncio
import re
from bisect import bisect_right
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from pocketvisor.debug.symbols import debug_package, messages, system_map, values
from pocketvisor.debug.symbols.names import Names, words
from pocketvisor.debug.symbols.reader import Reader
from pocketvisor.debug.symbols.source_lines import LineTable
from pocketvisor.errors import DebugError

_ELF: Final = b"\x7fELF"
_HEX: Final = re.compile(r"(?:[0-9a-f]{2}){4,64}")
_COMPARED: Final = 300
_ALL: Final = (0, 1 << 32)
_UNIT_SPAN: Final = 4
_DIFFERS: Final = "is of another build than what is in the guest's memory"
_MODES: Final = {"a": "arm", "t": "thumb", "d": "data"}


class Memory(Protocol):
    """A guest's memory. What is not mapped is left out: an answer may be shorter than asked for."""

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes: ...


class Static(NamedTuple):
    """A variable of static storage. Empty `type`: the file does not say."""

    name: str
    address: int
    size: int
    type: str
    file: str
    line: int


class SymbolFile:
    """Made by open(), or of symbols that are known. close() ends the process that reads its file."""

    def __init__(self, name: str, symbols: messages.Symbols, start: int, end: int, bias: int = 0) -> None:
        self.name = name
        self.bias = bias
        self.start, self.end = start + bias, end + bias
        self.names = Names(symbols, name, bias)
        self.lines = LineTable(bias)
        self.path: Path | None = None
        self.build_id = ""
        self.differs = False
        """It is of another build than what is in the guest's memory, as far as can be told."""
        self.problems: list[str] = []
        self.exidx: tuple[int, int] | None = None
        """Where in memory the table of the ARM unwinder is, and its size."""
        self._facts: messages.Facts | None = None
        self._reader: Reader | None = None
        self._lines_failed = False
        self._statics: messages.Statics | None = None
        self._modes: tuple[list[int], str] = ([], "")

    @classmethod
    async def open(cls, path: Path, bias: int = 0) -> "SymbolFile":
        """An ELF file, a System.map, or a Debian package with a kernel's debug information. Raises DebugError
        with a sentence that names the file."""
        begins = await system_map.beginning(path)
        if begins == debug_package.MAGIC:
            path = await debug_package.kernel_in(path)
        elif not begins.startswith(_ELF):
            symbols = await system_map.read(path)
            return await asyncio.to_thread(cls._of_map, path, symbols, bias)
        reader = Reader(path, path.name)
        try:
            facts = await reader.ask(messages.AskFacts(), messages.Facts)
            file = await asyncio.to_thread(cls, path.name, facts.symbols, facts.start, facts.end, bias)
            file._take(path, reader, facts)
            if facts.has_lines and not facts.large:
                await file._ask_lines(*_ALL)
        except BaseException:
            await reader.close()
            raise
        return file

    @classmethod
    def _of_map(cls, path: Path, symbols: messages.Symbols, bias: int) -> "SymbolFile":
        addresses = words(symbols.addresses)
        start = next((address for address in addresses if address >= 0x1000), 0)
        file = cls(path.name, symbols, start, addresses[-1] + 1 if addresses else 0, bias)
        file.path = path
        return file

    def _take(self, path: Path, reader: Reader, facts: messages.Facts) -> None:
        self.path, self._reader, self._facts = path, reader, facts
        self.build_id = facts.build_id if _HEX.fullmatch(facts.build_id) else ""
        self.problems = [f"{self.name}: {messages.plain(problem[:500])}" for problem in facts.problems[:8]]
        if not facts.has_lines:
            self.problems.append(f"{self.name}: has no source lines")
        if facts.exidx_size:
            self.exidx = facts.exidx_at + self.bias & 0xFFFFFFFF, facts.exidx_size
        count = len(facts.mapping) // 5
        addresses = [(at + self.bias) & 0xFFFFFFFF for at in words(facts.mapping[: 4 * count])]
        self._modes = addresses, facts.mapping[4 * count :].decode("latin-1")

    @property
    def position_independent(self) -> bool:
        return self._facts is not None and self._facts.position_independent

    def holds(self, address: int) -> bool:
        return self.start <= address < self.end

    def mode(self, address: int) -> str:
        """Of code there: arm, thumb or data; empty where it does not say."""
        addresses, letters = self._modes
        number = bisect_right(addresses, address) - 1
        if 0 <= number < len(letters):
            return _MODES.get(letters[number], "")
        symbol = self.names.holding(address)
        if symbol is None or symbol.kind != "function":
            return ""
        return "thumb" if symbol.thumb else ""

    @property
    def has_lines(self) -> bool:
        """Has it debug information?"""
        return self._facts is not None and self._facts.has_lines

    # What needs the file's process

    @property
    def large(self) -> bool:
        return self._facts is not None and self._facts.large

    async def prepare(self, addresses: list[int]) -> None:
        """Reads the source lines of these places, where the file is too large for all of them."""
        if not self.has_lines or self._lines_failed:
            return
        for address in addresses:
            if self.holds(address) and not self.lines.knows(address):
                await self._ask_lines(address - self.bias, address - self.bias + _UNIT_SPAN)

    async def _ask_lines(self, start: int, end: int) -> None:
        assert self._reader is not None
        try:
            self.lines.add(
                await self._reader.ask(messages.AskLines(start, end), messages.Lines), (start, end)
            )
        except DebugError as error:  # its symbols are good for something nevertheless
            self.problems.append(str(error))
            self._lines_failed = True

    async def statics(self) -> list[Static]:
        """From DWARF, with types; of a large file, or one without, from its symbols alone."""
        if not self.has_lines or self.large:
            return [
                Static(symbol.name, symbol.address, symbol.size, "", "", 0)
                for symbol in self.names.all()
                if symbol.kind == "object"
            ]
        described = await self._described("")
        return [
            Static(
                messages.plain(static.name[:512]),
                (static.address + self.bias) & 0xFFFFFFFF,
                max(0, values.size_of(described.types, static.type)),
                messages.plain(values.type_name(described.types, static.type)[:200]),
                messages.plain(static.file[:4096]),
                static.line,
            )
            for static in described.statics
        ]

    async def value(self, name: str, memory: Memory) -> str:
        """Of a static variable, as C would write it. Raises DebugError."""
        described = await self._described(name)
        for static in described.statics:
            if static.name == name:
                size = max(0, min(values.size_of(described.types, static.type), values.READ_MAX))
                data = await memory.read((static.address + self.bias) & 0xFFFFFFFF, size) if size else b""
                return messages.plain(values.shown(described.types, static.type, data))
        raise DebugError(f"{self.name}: says nothing of a variable {name}")

    async def _described(self, name: str) -> messages.Statics:
        if self._reader is None:
            raise DebugError(f"{self.name}: has no debug information (DWARF)")
        if self.large:
            return await self._reader.ask(messages.AskStatics(name), messages.Statics)
        if self._statics is None:
            self._statics = await self._reader.ask(messages.AskStatics(), messages.Statics)
        return self._statics

    async def frame(self, address: int) -> messages.Frame | None:
        """Where the caller's registers are at a place in its code."""
        if self._reader is None:
            return None
        asked = messages.AskFrames(((address - self.bias) & 0xFFFFFFFF,))
        answer = await self._reader.ask(asked, messages.Frames)
        return answer.frames[0] if answer.frames else None

    async def layout(self, unit: str, structures: tuple[str, ...]) -> messages.Layout:
        """Where structures have their fields. Raises DebugError where it does not say."""
        if self._reader is None:
            raise DebugError(f"{self.name}: has no debug information (DWARF)")
        return await self._reader.ask(messages.AskLayout(unit, structures), messages.Layout)

    async def check(self, memory: Memory) -> None:
        """Is it of what is in the guest's memory? Sets `differs`, and says so among the problems."""
        if self._facts is not None:
            self._judged(await self._difference(memory, self._facts))

    def compare(self, own: "SymbolFile") -> None:
        """The same of a System.map, which has no build id: by what the kernel says of itself."""
        if self._facts is not None or self.path is None:
            return
        equal = other = 0
        for number in range(0, len(own.names), max(1, len(own.names) // _COMPARED)):
            symbol = own.names.at(number)
            found = self.names.beginning(symbol.name, exact=True) if symbol.kind == "function" else []
            if len(found) == 1:  # names of static functions may be there twice
                same = found[0].address == symbol.address
                equal, other = equal + same, other + (not same)
        if equal + other >= _COMPARED // 10:  # else it tells of something else
            self._judged("(functions are at other addresses)" if other > equal else "")

    def _judged(self, sentence: str) -> None:
        self.problems = [problem for problem in self.problems if _DIFFERS not in problem]
        self.differs = bool(sentence)
        if sentence:
            self.problems.insert(0, f"{self.name}: {_DIFFERS} {sentence}")

    async def _difference(self, memory: Memory, facts: messages.Facts) -> str:
        if facts.build_id_at and self.build_id:
            size = len(self.build_id) // 2
            found = await memory.read((facts.build_id_at + self.bias) & 0xFFFFFFFF, size)
            if len(found) < size or found.hex() == self.build_id:
                return ""
            return f"(its build id is {self.build_id}, in the guest's memory there is {found.hex()})"
        equal = other = 0
        for piece in facts.code[:64]:
            found = await memory.read((piece.address + self.bias) & 0xFFFFFFFF, len(piece.data))
            if len(found) == len(piece.data):
                equal, other = equal + (found == piece.data), other + (found != piece.data)
        return "(it has no build id, and its code is not what is there)" if other > equal else ""

    async def close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()
