"""In a guest's process: what it does to be saved, captured while it runs, handed over and taken over.

A capture stops the vCPU at a block start, settles the devices, writes their state and that of the vCPU into
a memfd, has the engine keep what is overwritten from then on, and lets the guest run: nobody outside is
asked meanwhile. See docs/decisions/saving-a-running-guest.md.
"""

import mmap
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final, NamedTuple

import msgspec

from pocketvisor import _native
from pocketvisor.board.board import Board
from pocketvisor.board.config import BoardConfig
from pocketvisor.control.messages import STATE_MAX, Capture, Captured, Saved
from pocketvisor.errors import GuestError
from pocketvisor.guest.memory import data_pieces
from pocketvisor.guest.vcpu_thread import VcpuThread
from pocketvisor.storage.lazy import HEADER_SIZE, block_count

_PIECE: Final = 1 << 20
_BLOCK_MAX: Final = 4096


class CaptureTaken(NamedTuple):
    """`log`: what has entered the guest up to there, and was not taken before."""

    answer: Captured
    log: bytes


class Saver:
    """One guest's. Descriptors that it is given are the caller's to close."""

    def __init__(self, config: BoardConfig, board: Board, vcpu: VcpuThread) -> None:
        self._board = board
        self._machine = board.machine
        self._vcpu = vcpu
        self._ram_size = config.ram_size
        self._ram_map = config.descriptors.ram_map
        self._flash_fd = config.descriptors.flash[1]
        fds = config.descriptors
        self._framebuffer = (
            mmap.mmap(fds.framebuffer, config.panel.size, mmap.MAP_SHARED, mmap.PROT_READ)
            if fds.framebuffer >= 0
            else None
        )
        self.handed_over = False

    def save(self, fd: int, *, ran: bool = False, at_ns: int | None = None) -> Saved:
        """Of a machine that stands still."""
        at_ns = time.monotonic_ns() if at_ns is None else at_ns
        self._finish_block()
        size = self._write_state(fd)
        return Saved(
            size,
            self._machine.ticks(),
            self._machine.harvest_dirty(),
            self._board.take_flash_written(),
            ran,
            at_ns,
            self._vcpu.until,
        )

    def hand_over(self, fd: int) -> Saved:
        """It stands still from now on, and so do its devices."""
        ran = self._vcpu.hold()
        at_ns = time.monotonic_ns()
        self._board.hold()
        try:
            saved = self.save(fd, ran=ran, at_ns=at_ns)
            self._board.hand_over()
        except BaseException:
            self._board.release()
            self._vcpu.release()
            raise
        self.handed_over = True
        return saved

    def go_on(self) -> None:
        """Nothing came of it."""
        if self.handed_over:
            self.handed_over = False
            self._board.take_back()
            self._board.release()
            self._vcpu.release()

    def capture(self, wanted: Capture, fds: Sequence[int]) -> "CaptureTaken":
        """`fds`: state, RAM, framebuffer, flash, and the disks' in their order."""
        state, ram, framebuffer, flash, *disks = fds
        with ExitStack() as held:
            ran = self._vcpu.hold()
            at_ns = time.monotonic_ns()
            held.callback(self._vcpu.release)
            self._board.hold()
            held.callback(self._board.release)
            if not wanted.record:
                self._finish_block()
            size = self._write_state(state)
            written = self._board.take_flash_written()
            if wanted.flash or written:
                self._copy_flash(flash)
            if self._framebuffer is not None:
                _write(framebuffer, self._framebuffer)
            self._board.begin_capture(dict(zip(wanted.disks, disks, strict=True)))
            blocks = b""
            if wanted.freeze:
                dirty = self._machine.harvest_dirty()
                self._machine.freeze_ram(ram)
                blocks = os.pread(self._ram_map, block_count(self._ram_size), HEADER_SIZE)
            else:
                dirty = self._machine.begin_capture(ram, None)
            log = self._machine.take_log()
            if wanted.record:
                self._machine.record()
            saved = Saved(size, self._machine.ticks(), dirty, written, ran, at_ns)
            position, clock_ns = self._machine.position, self._machine.now_ns()
        pause_ns = time.monotonic_ns() - at_ns
        return CaptureTaken(Captured(saved, pause_ns, blocks, position, clock_ns), log)

    def end_capture(self) -> None:
        self._machine.end_capture()
        self._board.end_capture()

    def _finish_block(self) -> None:
        """Where a debugger stopped it in the midst of a block nothing enters the guest, and what waits to
        would be lost. A recording has it in its log."""
        steps = 0
        while self._machine.in_block and steps < _BLOCK_MAX:
            steps += self._machine.run(steps=1) != _native.RUN_STOPPED

    def _write_state(self, fd: int) -> int:
        state = msgspec.msgpack.encode(self._board.save())
        if len(state) > STATE_MAX:
            raise GuestError(f"The state of its devices has {len(state)} bytes, more than can be kept")
        _write(fd, state)
        return len(state)

    def _copy_flash(self, fd: int) -> None:
        if self._flash_fd >= 0:
            for at, piece in data_pieces(self._flash_fd, _PIECE):
                os.pwrite(fd, piece, at)


def read_state(fd: int, size: int) -> dict[str, object]:
    """What save() has written. Raises msgspec's errors where it is none."""
    with mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ) as content:
        state: dict[str, object] = msgspec.msgpack.decode(content)
    return state


def _write(fd: int, content: bytes | mmap.mmap) -> None:
    view = memoryview(content)
    at = 0
    while at < len(view):
        at += os.pwrite(fd, view[at:], at)
