"""NOR flash with Intel's command set (CFI, JESD68; QEMU's pflash_cfi01): two 16-bit chips side by side.

Firmware keeps its variables in it: it is read and written access by access, and nothing is executed from it.
The content is memory of whoever made the board, who is told when it has changed; it is no part of what is
saved, the command under way is.
Left out: locks (a sector is always unlocked), suspending (an erase takes no time), protection registers, and
chips that are told different things at once.
"""

from collections.abc import Callable
from typing import Annotated, Final

from msgspec import Meta, Struct

from pocketvisor.devices.device import Device, Port

SECTOR: Final = 256 << 10  # of both chips together

READ_ARRAY: Final = 0xFF
READ_ID: Final = 0x90
READ_STATUS: Final = 0x70
CLEAR_STATUS: Final = 0x50
QUERY: Final = 0x98
PROGRAM: Final = 0x40
PROGRAM_ALSO: Final = 0x10
ERASE: Final = 0x20
BUFFERED_PROGRAM: Final = 0xE8
LOCK: Final = 0x60
CONFIRM: Final = 0xD0
_LOCK_COMMANDS: Final = (0x01, 0x2F, CONFIRM)

READY: Final = 0x80
_COMMAND_ERROR: Final = 0x30  # erase and program error together: a wrong sequence
_BUFFER_LOG2: Final = 11
_BUFFER_WORDS: Final = 2 * (1 << _BUFFER_LOG2) // 4
_IDS: Final = (0x89, 0x18, 0x00)

_Byte = Annotated[int, Meta(ge=0, le=0xFF)]
_Offset = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
_Store = tuple[_Offset, Annotated[bytes, Meta(min_length=1, max_length=8)]]


class FlashState(Struct):
    command: _Byte = READ_ARRAY  # the last first cycle: it says what reads show
    cycles: _Byte = 0  # how many cycles of it came, 0 when the next one is a command
    status: _Byte = READY
    left: Annotated[int, Meta(ge=0, le=_BUFFER_WORDS)] = 0  # words that the buffer still expects
    buffer: Annotated[list[_Store], Meta(max_length=_BUFFER_WORDS)] = []


class CfiFlash(Device[FlashState]):
    name = "flash"

    def __init__(self, port: Port, content: memoryview, changed: Callable[[], None] = lambda: None) -> None:
        """`changed` is called at each change of the content, which may be every access."""
        self.size = len(content)
        self.written = False
        """Whether the content has changed, for whoever keeps it; it takes the mark away."""
        self._tell_changed = changed
        self._content = content
        self._table = _cfi_table(len(content))
        super().__init__(port, FlashState())

    def read(self, offset: int, size: int) -> int:
        match self.state.command:
            case 0xFF:  # READ_ARRAY, first because it is what is read most; from here on without a call
                self.port.show(self._content)
                return int.from_bytes(self._content[offset : offset + size], "little")
            case 0x90:  # READ_ID
                index = offset >> 2 & 0xFF
                return _both_chips(_IDS[index] if index < len(_IDS) else 0, offset, size)
            case 0x98:  # QUERY
                return _both_chips(self._table.get(offset >> 2 & 0xFF, 0), offset, size)
        return _both_chips(self.state.status, offset, size)

    def _changed(self) -> None:
        self.written = True
        self._tell_changed()

    def write(self, offset: int, size: int, value: int) -> None:
        self.port.show(None)
        state = self.state
        cycle = value & 0xFF
        if state.cycles == 0:
            self._begin(cycle)
        elif state.command in (PROGRAM, PROGRAM_ALSO):
            self._store(offset, value.to_bytes(8, "little")[:size])
            state.cycles = 0
        elif state.command == ERASE:
            if cycle == CONFIRM:
                start = offset - offset % SECTOR
                self._content[start : start + SECTOR] = b"\xff" * SECTOR
                self._changed()
            self._end(cycle == CONFIRM, cycle)
        elif state.command == LOCK:
            self._end(cycle in _LOCK_COMMANDS, cycle)
        elif state.cycles == 1:
            state.left = (value & 0xFFFF) + 1
            state.cycles = 2
            if state.left > _BUFFER_WORDS:
                self._end(False, cycle)
        elif state.left:
            state.buffer.append((offset, value.to_bytes(8, "little")[:size]))
            state.left -= 1
        else:
            if cycle == CONFIRM:
                for at, data in state.buffer:
                    self._store(at, data)
            self._end(cycle == CONFIRM, cycle)

    def restored(self) -> None:
        self.port.show(None)

    def _begin(self, command: int) -> None:
        state = self.state
        if command == CLEAR_STATUS:
            state.status = READY
        elif command in (READ_ID, READ_STATUS, QUERY):
            state.command = command
        elif command in (PROGRAM, PROGRAM_ALSO, ERASE, BUFFERED_PROGRAM, LOCK):
            state.command, state.cycles = command, 1
            state.buffer = []
        else:
            state.command = READ_ARRAY

    def _end(self, good: bool, cycle: int) -> None:
        """Of a command of several cycles: status is shown until the next one."""
        state = self.state
        state.cycles, state.left, state.buffer = 0, 0, []
        if cycle == READ_ARRAY:
            state.command = READ_ARRAY
        elif not good:
            state.status |= _COMMAND_ERROR

    def _store(self, offset: int, data: bytes) -> None:
        """Programming clears bits; only an erase sets them."""
        old = self._content[offset : offset + len(data)]
        self._content[offset : offset + len(data)] = bytes(a & b for a, b in zip(old, data, strict=True))
        self._changed()


def _both_chips(value: int, offset: int, size: int) -> int:
    """A byte that each 16-bit chip answers, in the lanes that were asked for."""
    lanes = value | value << 16 | value << 32 | value << 48
    return lanes >> 8 * (offset & 1) & (1 << 8 * size) - 1


def _cfi_table(size: int) -> dict[int, int]:
    """What QUERY shows, for one of the two chips."""
    sectors = size // SECTOR
    chip_sector = SECTOR // 2
    table = dict(zip(range(0x10, 0x13), b"QRY", strict=True))
    table |= {0x13: 0x01, 0x15: 0x31}  # Intel's extended commands, their table
    table |= {0x1B: 0x45, 0x1C: 0x55, 0x1F: 0x07, 0x20: 0x07, 0x21: 0x0A}  # voltages, typical times
    table |= {0x23: 0x04, 0x24: 0x04, 0x25: 0x04}  # longest times
    table |= {0x27: (size // 2).bit_length() - 1, 0x28: 0x02, 0x2A: _BUFFER_LOG2, 0x2C: 0x01}
    table |= {0x2D: (sectors - 1) & 0xFF, 0x2E: (sectors - 1) >> 8}
    table |= {0x2F: chip_sector >> 8 & 0xFF, 0x30: chip_sector >> 16}
    table |= dict(zip(range(0x31, 0x36), b"PRI10", strict=True))
    table[0x3F] = 0x01
    return table
