"""Many symbols: by address, by name, by how a name begins."""

from array import array
from bisect import bisect_left, bisect_right
from typing import Final, NamedTuple

from pocketvisor.debug.symbols.messages import KINDS, SYMBOLS_MAX, Symbols, plain
from pocketvisor.errors import DebugError

REACH: Final = 1 << 20
"""How far behind a symbol of unknown size an address can still be said to be in it."""
_LOOK_BACK: Final = 64
_RANKS: Final = {"f": 0, "t": 0, "o": 1}


class Symbol(NamedTuple):
    """`kind`: "function", "object" or "label". Size 0: not known. `file`: the name of its layer."""

    name: str
    address: int
    size: int
    kind: str
    thumb: bool = False
    file: str = ""


class Names:
    """The symbols of one file. What it is made of may be a stranger's: it raises DebugError where that
    contradicts itself."""

    def __init__(self, symbols: Symbols, file: str, bias: int = 0) -> None:
        self._file = file
        self._addresses = words(symbols.addresses)
        self._sizes = words(symbols.sizes)
        self._kinds = symbols.kinds.decode("latin-1")
        self._names = [plain(name) for name in symbols.names.split("\n")[:-1]]
        count = len(self._addresses)
        if not (len(self._sizes) == len(self._kinds) == len(self._names) == count <= SYMBOLS_MAX):
            raise DebugError(f"{file}: its symbols contradict themselves")
        if bias:
            self._addresses = array("I", ((address + bias) & 0xFFFFFFFF for address in self._addresses))
        if any(map(int.__gt__, self._addresses, self._addresses[1:])):
            raise DebugError(f"{file}: its symbols contradict themselves")
        self._by_name = sorted(range(count), key=self._names.__getitem__)

    def __len__(self) -> int:
        return len(self._addresses)

    def at(self, number: int) -> Symbol:
        letter = self._kinds[number]
        kind = KINDS.get(letter, "label").removeprefix("thumb ")
        return Symbol(
            self._names[number],
            self._addresses[number],
            self._sizes[number],
            kind,
            letter == "t",
            self._file,
        )

    def all(self) -> list[Symbol]:
        return [self.at(number) for number in range(len(self))]

    def holding(self, address: int) -> Symbol | None:
        """What the address is in. Of several that begin there functions go before objects before labels, and
        plain names before those that begin with underscores, as the marks of a kernel's sections do."""
        last = bisect_right(self._addresses, address) - 1
        best: tuple[tuple[int, int, int], int] | None = None
        for number in range(last, max(-1, last - _LOOK_BACK), -1):
            start, size = self._addresses[number], self._sizes[number]
            if best is not None and start != self._addresses[best[1]]:
                break
            if address - start < (size or REACH):
                name = self._names[number]
                rank = (_RANKS.get(self._kinds[number], 2), len(name) - len(name.lstrip("_")), number)
                best = min(best, (rank, number)) if best is not None else (rank, number)
        return self.at(best[1]) if best is not None else None

    def named(self, name: str) -> Symbol | None:
        """One that is more than a label, if there is one."""
        found = None
        for symbol in self.beginning(name, exact=True):
            if found is None or (found.kind == "label" and symbol.kind != "label"):
                found = symbol
        return found

    def beginning(self, prefix: str, limit: int = 64, *, exact: bool = False) -> list[Symbol]:
        at = bisect_left(self._by_name, prefix, key=self._names.__getitem__)
        found: list[Symbol] = []
        while at < len(self._by_name) and len(found) < limit:
            name = self._names[self._by_name[at]]
            if not name.startswith(prefix) or (exact and name != prefix):
                break
            found.append(self.at(self._by_name[at]))
            at += 1
        return found

    def containing(self, text: str, limit: int) -> list[Symbol]:
        """In order of names, whatever the case."""
        text = text.lower()
        found: list[Symbol] = []
        for number in self._by_name:
            if text in self._names[number].lower():
                found.append(self.at(number))
                if len(found) >= limit:
                    break
        return found


def words(data: bytes) -> "array[int]":
    """u32, little endian as on every host that is supported."""
    found = array("I")
    found.frombytes(data[: len(data) // 4 * 4])
    return found
