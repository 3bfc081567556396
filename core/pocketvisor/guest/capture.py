"""What a running guest was at one moment, for whoever saves it while the guest runs on.

The guest's process keeps what it overwrites (core/native/capture.c, storage/capture.py); here it is read
behind its back: first a page of RAM, then the mark that says whether it was overwritten meanwhile, which is
where the old content is read from then. The process writes in the opposite order, so nothing newer is taken.
"""

import mmap
import os
from typing import TYPE_CHECKING, Final

from pocketvisor.board.map import FLASH_BANK_SIZE
from pocketvisor.control.messages import STATE_MAX, Capture, Captured, EndCapture
from pocketvisor.errors import GuestError
from pocketvisor.guest.memory import create_memfd
from pocketvisor.guest.run import GuestRun

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.guest.unsaved import Unsaved

PAGE: Final = 4096
_LOST: Final = b"\x02"


class GuestCapture:
    """Made by begin(). Reading blocks, and is for any one thread; end() lets the guest forget it."""

    def __init__(self, guest: "Guest", run: GuestRun, *, freeze: bool, everything: bool) -> None:
        ram = run.boot.ram
        self._run = run
        self._ram = ram
        self._frozen = freeze
        self._pages = ram.size // PAGE
        self._data = -(-self._pages // PAGE) * PAGE
        self._state = create_memfd("state", STATE_MAX)
        self._shadow = ram.new_own() if freeze else create_memfd("shadow", self._data + ram.size)
        self._marks = None if freeze else mmap.mmap(self._shadow, self._data)
        self.framebuffer = create_memfd("framebuffer", run.boot.board.panel.size)
        self.flash = create_memfd("flash", FLASH_BANK_SIZE)
        self.disks = guest.begin_disk_capture(everything=freeze or everything)
        self.captured: Captured

    @classmethod
    async def begin(
        cls,
        guest: "Guest",
        run: GuestRun,
        *,
        freeze: bool = False,
        flash: bool = False,
        record: bool = False,
        unsaved: "Unsaved | None" = None,
    ) -> "GuestCapture":
        """With guest.capturing held, to the end. `freeze`: its RAM is shared from now on, with Ram.shared().
        `flash`: wanted though not written. `record`: what enters it is logged from that moment on. `unsaved`:
        what it is saved to lacks this; without it all of its disks is captured."""
        everything = unsaved is None or unsaved.wants_all_of(disk for disk in guest.disk_names)
        capture = cls(guest, run, freeze=freeze, everything=everything)
        names = tuple(disk.name for disk in capture.disks)
        fds = [capture._state, capture._shadow, capture.framebuffer, capture.flash]
        fds += [disk.shadow for disk in capture.disks]
        try:
            capture.captured = await run.save(Capture(names, freeze, flash, record), fds)
        except BaseException:
            run.send(EndCapture())
            capture._close()
            guest.lost_track()
            raise
        saved = capture.captured.saved
        guest.written(run.boot, saved.dirty, saved.flash)
        if freeze:
            capture._ram.freeze(capture._shadow)
            capture._shadow = -1
        return capture

    @property
    def ticks(self) -> int:
        return self.captured.saved.ticks

    @property
    def pause_ms(self) -> float:
        """How long the guest stood still for it."""
        return self.captured.pause_ns / 1e6

    @property
    def ram_size(self) -> int:
        return self._ram.size

    def state(self) -> bytes:
        return os.pread(self._state, self.captured.saved.size, 0)

    def ram(self, offset: int, size: int) -> bytes | bytearray:
        """Whole pages, as they were."""
        content = self._ram.read(offset, size)
        assert self._marks is not None
        first = offset // PAGE
        marks = self._marks[first : first + size // PAGE]
        if _LOST in marks:
            raise GuestError("This computer has no memory to keep what the guest overwrites meanwhile")
        at = marks.find(1)
        if at < 0:
            return content
        patched = bytearray(content)
        while at >= 0:
            begin = at * PAGE
            patched[begin : begin + PAGE] = os.pread(self._shadow, PAGE, self._data + offset + begin)
            at = marks.find(1, at + 1)
        return patched

    def end(self) -> None:
        """Also where the guest has ended meanwhile."""
        if not self._frozen:
            self._run.send(EndCapture())
        self._close()

    def _close(self) -> None:
        for disk in self.disks:
            disk.close()
        if self._marks is not None:
            self._marks.close()
        for fd in (self._state, self._shadow, self.framebuffer, self.flash):
            if fd >= 0:
                os.close(fd)


def merged(bits: bytes, more: bytes) -> bytes:
    """Pages of either."""
    size = max(len(bits), len(more))
    both = int.from_bytes(bits, "little") | int.from_bytes(more, "little")
    return both.to_bytes(size, "little")


def pieces_of(bits: bytes, pages: int, pages_a_piece: int) -> list[int]:
    """The pieces of so many pages that have one of these pages."""
    width = pages_a_piece // 8
    if width >= 1:
        return [at // width for at in range(0, len(bits), width) if any(bits[at : at + width])]
    found = []
    mask = (1 << pages_a_piece) - 1
    per_byte = 8 // pages_a_piece
    for at, byte in enumerate(bits):
        if byte:
            found += [at * per_byte + n for n in range(per_byte) if byte >> n * pages_a_piece & mask]
    return [piece for piece in found if piece * pages_a_piece < pages]
