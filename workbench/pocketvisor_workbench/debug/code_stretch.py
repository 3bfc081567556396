"""The stretch of code that the disassembly shows: read page by page, decoded when its bytes have changed."""

from pocketvisor.debug.disassembly import CodeSymbols, Line, disassemble
from pocketvisor_workbench.debug.code_lines import gap

BEFORE = 0x180
BEHIND = 0x500
_MORE = 0x400
_MOST = 0x4000
_TOP = 1 << 32


class CodeStretch:
    """Begins at an address that some instruction begins at, for all that is known."""

    def __init__(self) -> None:
        self.begin = 0
        self.end = 0
        self.lines: list[Line] = []
        self._read: tuple[object, ...] = ()

    def __contains__(self, address: int) -> bool:
        return self.begin <= address < self.end

    def around(self, address: int, start: int | None) -> None:
        """Anew around an address; `start` is where its function begins, if that is known and near."""
        begin = max((address & ~3) - BEFORE, 0)
        if start is not None and address - 2 * BEFORE < start <= address:
            begin = start
        self.begin, self.end = begin & ~1, min((address & ~3) + BEHIND, _TOP)

    def extend(self, before: bool) -> bool:
        """More at one end; the other one is let go of when it becomes too much."""
        was = self.begin, self.end
        if before:
            self.begin = max(self.begin - _MORE, 0)
            self.end = min(self.end, self.begin + _MOST)
        else:
            self.end = min(self.end + _MORE, _TOP)
            if self.end - self.begin > _MOST:
                self.begin += _MORE  # by whole instructions of either kind
        return (self.begin, self.end) != was

    def take(
        self,
        pieces: list[tuple[int, bytes]],
        *,
        thumb: bool,
        symbols: CodeSymbols | None,
        version: object,
    ) -> bool:
        """What was read of it. False where all is as it was the last time; `version` is of the symbols."""
        read = (tuple(pieces), thumb, version)
        if read == self._read:
            return False
        self._read = read
        self.lines = _decoded(_joined(pieces), thumb, symbols)
        return True


def _joined(pieces: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Instructions may lie across pages that follow each other."""
    joined: list[tuple[int, bytes]] = []
    for address, data in pieces:
        before, start = (joined[-1][1], joined[-1][0]) if joined else (b"", 0)
        if before and data and start + len(before) == address:
            joined[-1] = (start, before + data)
        else:
            joined.append((address, data))
    return joined


def _decoded(pieces: list[tuple[int, bytes]], thumb: bool, symbols: CodeSymbols | None) -> list[Line]:
    lines: list[Line] = []
    for address, data in pieces:
        if data:
            lines += disassemble(data, address, thumb=thumb, symbols=symbols)
        elif not lines or lines[-1].data:
            lines.append(gap(address))
    return lines
