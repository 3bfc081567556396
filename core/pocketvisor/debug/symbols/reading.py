"""The process that reads one symbol file: `python -m pocketvisor.debug.symbols.reading FD PARENT`.

An ELF file and its DWARF may be made to confuse whoever reads them, to use up memory or never to end. So they
are read here: in a process that opens nothing, has bounds on memory and time, and can be ended at any moment.
FD is the file, or -1 where the questions bring what they are about. Questions come on standard input, answers
go to standard output, each with its length in front.
"""

import os
import resource
import struct
import sys
from typing import Final

import msgspec

from pocketvisor.debug.symbols import messages
from pocketvisor.debug.symbols.dwarf_frames import frames
from pocketvisor.debug.symbols.dwarf_lines import lines
from pocketvisor.debug.symbols.dwarf_types import layout, statics
from pocketvisor.debug.symbols.elf_file import ElfSymbols
from pocketvisor.debug.symbols.kernel_image import read as read_kernel
from pocketvisor.debug.symbols.messages import Answer, Ask, Failed
from pocketvisor.errors import DebugError
from pocketvisor.guest import sandbox
from pocketvisor.guest.confine import confine

CPU_SECONDS: Final = 60
"""For one question."""
_MEMORY: Final = 768 << 20
_MEMORY_MAX: Final = 4 << 30


def main() -> None:
    fd, parent = int(sys.argv[1]), int(sys.argv[2])
    size = os.fstat(fd).st_size if fd >= 0 else 0
    confine(parent)
    room = min(_MEMORY_MAX, _MEMORY + 4 * size)
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sandbox.enter(own_limits=True)
    file = _File(fd)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while len(head := requests.read(4)) == 4:
        (length,) = struct.unpack("<I", head)
        if length > messages.REQUEST_MAX:
            return
        answer = messages.encode(_answered(file, messages.decode_ask(requests.read(length))))
        if len(answer) > messages.ANSWER_MAX:
            answer = messages.encode(Failed("holds more than can be shown"))
        answers.write(struct.pack("<I", len(answer)) + answer)
        answers.flush()


class _File:
    """Opened at the first question that needs it, so that what is wrong with it is an answer."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._symbols: ElfSymbols | None = None

    @property
    def symbols(self) -> ElfSymbols:
        if self._symbols is None:
            self._symbols = ElfSymbols(os.fdopen(self._fd, "rb"))
        return self._symbols


def _answered(file: _File, ask: Ask) -> Answer:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    try:
        return _answer(file, ask)
    except DebugError as error:
        return Failed(str(error))
    except MemoryError:
        return Failed("takes too much memory to read")
    except RecursionError:
        return Failed("is damaged: what it describes holds itself")
    except Exception as error:  # pyelftools promises none for damaged files
        return Failed(f"is damaged ({type(error).__name__}: {str(error)[:200]})")


def _answer(file: _File, ask: Ask) -> Answer:
    match ask:
        case messages.AskFacts():
            return file.symbols.facts()
        case messages.AskLines(start, end):
            return lines(file.symbols, start, end)
        case messages.AskStatics(name):
            return statics(file.symbols, name)
        case messages.AskFrames(places):
            return frames(file.symbols, places)
        case messages.AskLayout(unit, structures):
            return layout(file.symbols, unit, structures)
        case messages.AskKernel(image, digits):
            return read_kernel(image, digits)


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt, msgspec.DecodeError):
        os._exit(1)
