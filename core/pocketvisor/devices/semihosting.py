"""Semihosting for AArch32 (ARM 100863): what a program asks its host for, with nothing of the host in it.

A program's output goes to the guest's console, its exit code ends the run, its clock is the guest's. It can
open ":tt", the console, and ":semihosting-features"; there are no other files, and nothing of this computer's
can be opened, made, renamed or removed. Input is at its end always: what is typed goes to the UART.

All memory that a call names is the program's, by its own virtual addresses; where it is none, the call fails.
A call does the same at the same tick each time.

Left out: SYS_SYSTEM, temporary names, writing to what is no console; input.
"""

import struct
from collections.abc import Callable
from typing import Annotated, Final, Protocol

from msgspec import Meta, Struct

from pocketvisor.devices.device import State, from_plain, plain

SYS_OPEN: Final = 0x01
SYS_CLOSE: Final = 0x02
SYS_WRITEC: Final = 0x03
SYS_WRITE0: Final = 0x04
SYS_WRITE: Final = 0x05
SYS_READ: Final = 0x06
SYS_READC: Final = 0x07
SYS_ISERROR: Final = 0x08
SYS_ISTTY: Final = 0x09
SYS_SEEK: Final = 0x0A
SYS_FLEN: Final = 0x0C
SYS_CLOCK: Final = 0x10
SYS_TIME: Final = 0x11
SYS_ERRNO: Final = 0x13
SYS_GET_CMDLINE: Final = 0x15
SYS_HEAPINFO: Final = 0x16
SYS_EXIT: Final = 0x18
SYS_EXIT_EXTENDED: Final = 0x20
SYS_ELAPSED: Final = 0x30
SYS_TICKFREQ: Final = 0x31

APPLICATION_EXIT: Final = 0x20026
FEATURES: Final = b"SHFB\x03"
"""SYS_EXIT_EXTENDED is there, and output and errors are two handles."""

_FAILED: Final = 0xFFFFFFFF
_ENOENT, _EBADF, _EFAULT, _EINVAL, _EMFILE = 2, 9, 14, 22, 24
_PAGE: Final = 4096
_WRITE_MAX: Final = 1 << 20  # bytes of one call
_LINE_MAX: Final = 1 << 16  # characters of SYS_WRITE0
_HANDLES_MAX: Final = 32
_CONSOLE: Final = ":tt"
_FEATURES_NAME: Final = ":semihosting-features"
_WORDS: Final = {number: struct.Struct(f"<{number}I") for number in (1, 2, 3, 4)}
_WRITABLE: Final = 2


class Host(Protocol):
    """What of the machine it needs, on the vCPU's thread; see _native.Machine."""

    def load(self, address: int, size: int) -> bytes: ...
    def store(self, address: int, data: bytes) -> None: ...
    def translate(self, address: int) -> tuple[int, int] | None: ...
    def now_ns(self) -> int: ...
    def request_exit(self, code: int) -> None: ...


class HandleState(Struct):
    name: Annotated[str, Meta(max_length=32)]
    position: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)] = 0


class SemihostingState(Struct):
    handles: Annotated[dict[str, HandleState], Meta(max_length=_HANDLES_MAX)]
    error: Annotated[int, Meta(ge=0, le=255)] = 0


class _Fault(Exception):
    """The program named memory that is not its own."""


class Semihosting:
    """`answer` is what Machine.set_semihosting() takes. `show` prints on the console. `stack` and `heap` are
    (lowest, highest) addresses that a program may have for each."""

    def __init__(
        self,
        host: Host,
        show: Callable[[bytes], None],
        *,
        command_line: str = "",
        epoch: int = 0,
        heap: tuple[int, int] = (0, 0),
        stack: tuple[int, int] = (0, 0),
    ) -> None:
        self._host = host
        self._show = show
        self._command_line = command_line.encode() + b"\0"
        self._epoch = epoch
        self._room = heap[0], heap[1], stack[1], stack[0]
        self.state = SemihostingState(handles={})
        self._calls: dict[int, Callable[[int], int]] = {
            SYS_OPEN: self._open,
            SYS_CLOSE: self._close,
            SYS_WRITEC: self._write_character,
            SYS_WRITE0: self._write_line,
            SYS_WRITE: self._write,
            SYS_READ: self._read,
            SYS_READC: lambda _: _FAILED,
            SYS_ISERROR: lambda at: int(self._words(at, 1)[0] >> 31),
            SYS_ISTTY: self._is_terminal,
            SYS_SEEK: self._seek,
            SYS_FLEN: self._length,
            SYS_CLOCK: lambda _: self._host.now_ns() // 10_000_000 & 0x7FFFFFFF,
            SYS_TIME: lambda _: self._epoch + self._host.now_ns() // 1_000_000_000 & 0xFFFFFFFF,
            SYS_ERRNO: lambda _: self.state.error,
            SYS_GET_CMDLINE: self._get_command_line,
            SYS_HEAPINFO: self._heap_info,
            SYS_EXIT: self._exit,
            SYS_EXIT_EXTENDED: self._exit_extended,
            SYS_ELAPSED: self._elapsed,
            SYS_TICKFREQ: lambda _: 1_000_000_000,
        }

    def answer(self, operation: int, parameter: int) -> int:
        """What goes into r0. A call that is not known, or not had here, fails."""
        call = self._calls.get(operation)
        if call is None:
            return self._fail(_EINVAL)
        try:
            return call(parameter)
        except _Fault:
            return self._fail(_EFAULT)

    def save(self) -> State:
        return plain(self.state)

    def restore(self, state: State) -> None:
        """Raises ValueError, and changes nothing, where the state is none."""
        self.state = from_plain(state, SemihostingState)

    def reset(self) -> None:
        self.state = SemihostingState(handles={})

    # Files: the console, and what says what this can do

    def _open(self, at: int) -> int:
        address, _mode, length = self._words(at, 3)
        name = self._read_memory(address, min(length, 256)).decode("ascii", "replace")
        if name not in (_CONSOLE, _FEATURES_NAME):
            return self._fail(_ENOENT)
        number = next(n for n in range(1, _HANDLES_MAX + 2) if str(n) not in self.state.handles)
        if number > _HANDLES_MAX:
            return self._fail(_EMFILE)
        self.state.handles[str(number)] = HandleState(name)
        return number

    def _close(self, at: int) -> int:
        found = self.state.handles.pop(str(self._words(at, 1)[0]), None)
        return 0 if found is not None else self._fail(_EBADF)

    def _handle(self, number: int) -> HandleState | None:
        return self.state.handles.get(str(number))

    def _write(self, at: int) -> int:
        """Answers how many bytes were not written."""
        number, address, length = self._words(at, 3)
        handle = self._handle(number)
        if handle is None or handle.name != _CONSOLE:
            self._fail(_EBADF)
            return length
        taken = min(length, _WRITE_MAX)
        self._show(self._read_memory(address, taken))
        return length - taken

    def _read(self, at: int) -> int:
        """Answers how many bytes were not read."""
        number, address, length = self._words(at, 3)
        handle = self._handle(number)
        if handle is None:
            self._fail(_EBADF)
            return length
        if handle.name == _CONSOLE:
            return length
        data = FEATURES[handle.position : handle.position + length]
        self._write_memory(address, data)
        handle.position += len(data)
        return length - len(data)

    def _seek(self, at: int) -> int:
        number, position = self._words(at, 2)
        handle = self._handle(number)
        if handle is None or handle.name == _CONSOLE or position > len(FEATURES):
            return self._fail(_EBADF)
        handle.position = position
        return 0

    def _length(self, at: int) -> int:
        handle = self._handle(self._words(at, 1)[0])
        if handle is None:
            return self._fail(_EBADF)
        return 0 if handle.name == _CONSOLE else len(FEATURES)

    def _is_terminal(self, at: int) -> int:
        handle = self._handle(self._words(at, 1)[0])
        if handle is None:
            return self._fail(_EBADF)
        return int(handle.name == _CONSOLE)

    # Output without a handle

    def _write_character(self, at: int) -> int:
        self._show(self._read_memory(at, 1))
        return 0

    def _write_line(self, at: int) -> int:
        """Up to its null character, page by page."""
        left = _LINE_MAX
        while left:
            piece = self._read_memory(at, min(_PAGE - at % _PAGE, left))
            line, end, _ = piece.partition(b"\0")
            self._show(line)
            if end:
                break
            at, left = (at + len(piece)) & 0xFFFFFFFF, left - len(piece)
        return 0

    # The program itself

    def _get_command_line(self, at: int) -> int:
        address, size = self._words(at, 2)
        if size < len(self._command_line):
            return self._fail(_EINVAL)
        self._write_memory(address, self._command_line)
        self._write_memory(at + 4, _WORDS[1].pack(len(self._command_line) - 1))
        return 0

    def _heap_info(self, at: int) -> int:
        """Zeros let the program's own library choose."""
        (block,) = self._words(at, 1)
        self._write_memory(block, _WORDS[4].pack(*self._room))
        return 0

    def _elapsed(self, at: int) -> int:
        now = self._host.now_ns()
        self._write_memory(at, _WORDS[2].pack(now & 0xFFFFFFFF, now >> 32 & 0xFFFFFFFF))
        return 0

    def _exit(self, reason: int) -> int:
        """On 32 bits it has no code, but whether the program ended by itself."""
        self._host.request_exit(0 if reason == APPLICATION_EXIT else 1)
        return 0

    def _exit_extended(self, at: int) -> int:
        reason, code = self._words(at, 2)
        self._host.request_exit(code if reason == APPLICATION_EXIT else 1)
        return 0

    # The program's memory

    def _words(self, at: int, count: int) -> tuple[int, ...]:
        return _WORDS[count].unpack(self._read_memory(at, 4 * count))

    def _read_memory(self, address: int, size: int) -> bytes:
        return b"".join(self._host.load(at, length) for at, length in self._pages(address, size, 0))

    def _write_memory(self, address: int, data: bytes) -> None:
        done = 0
        for at, length in self._pages(address, len(data), _WRITABLE):
            self._host.store(at, data[done : done + length])
            done += length

    def _pages(self, address: int, size: int, rights: int) -> list[tuple[int, int]]:
        """Where it is, page by page; raises _Fault unless all of it is RAM that the program may use."""
        found = []
        while size:
            translated = self._host.translate(address & 0xFFFFFFFF)
            length = min(_PAGE - address % _PAGE, size)
            if translated is None or translated[1] & rights != rights:
                raise _Fault
            try:
                self._host.load(translated[0], 1)
            except ValueError:
                raise _Fault from None
            found.append((translated[0], length))
            address, size = address + length, size - length
        return found

    def _fail(self, error: int) -> int:
        self.state.error = error
        return _FAILED
