"""Real guests in the midst of their lives, and boards on which they go on."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import msgspec
import pytest

from pocketvisor.board.config import RAM_BLOCK, BoardConfig, Descriptors, DevicesConfig, Entry, ImageFiles
from pocketvisor.board.map import FLASH_BANK_SIZE, RAM_BASE
from pocketvisor.guest.memory import create_memfd
from pocketvisor.guest.ram import Ram
from pocketvisor.images.catalogue import catalogue

GUESTS = [pytest.param("work"), pytest.param("debian", marks=pytest.mark.debian)]
PROMPT = b"# \x1b[6n"
STEP = 2_000_000
_ZEROS = bytes(RAM_BLOCK)
WORK = b"tar c /etc /bin 2>/dev/null | gzip | sha256sum; dmesg | md5sum\n"


class Saved(NamedTuple):
    """A guest in the midst of its life."""

    config: BoardConfig
    entry: Entry
    state: dict[str, Any]
    content: bytes
    ticks: int

    def pieces(self) -> list[bytes]:
        """By block; empty where there are zeros alone."""
        found = (self.content[at : at + RAM_BLOCK] for at in range(0, len(self.content), RAM_BLOCK))
        return [piece if piece != _ZEROS else b"" for piece in found]


class Running:
    """A board on some RAM, stepped by hand."""

    def __init__(self, config: BoardConfig, entry: Entry, ram: Ram) -> None:
        from pocketvisor.board.board import Board

        self.ram = ram
        descriptors = self._descriptors = Descriptors(
            framebuffer=create_memfd("panel", config.panel.size),
            frame_event=os.eventfd(0, os.EFD_NONBLOCK),
            status=create_memfd("status", 4096),
            flash=(create_memfd("flash", FLASH_BANK_SIZE), create_memfd("flash", FLASH_BANK_SIZE)),
        )
        self.board = Board(
            msgspec.structs.replace(config, entry=entry, descriptors=ram.described(descriptors))
        )
        self.machine = self.board.machine
        self.machine.set_rate(0)
        self.console = b""

    def run(self, steps: int, between: Callable[[int], None] = lambda _: None) -> None:
        for step in range(steps):
            self.machine.run(self.machine.ticks() + STEP)
            assert self.machine.error is None
            self.board.serve_doorbells()
            self.console += self.machine.take_console(0)
            between(step)

    def end(self) -> tuple[str, dict[str, int], bytes, int]:
        return self.ram.digest(), self.machine.registers(), self.console, self.machine.ticks()

    def close(self) -> None:
        given = self._descriptors
        for fd in (given.framebuffer, given.frame_event, given.status, *given.flash, self.board.report_fd):
            os.close(fd)
        self.ram.close()


@cache
def saved(name: str) -> Saved:
    from built_board import config

    from pocketvisor.board.loaders import load

    image = catalogue()[name]
    if not image.available:
        pytest.skip(f"{name} is not fetched: pocketvisor guests fetch {name}")
    is_linux = image.kind == "linux"
    devices = DevicesConfig(balloon=0 if is_linux else None)
    board_config: BoardConfig = config(128 if is_linux else 32, devices=devices)
    files = ImageFiles(kind=image.kind, main=image.main_file, initrd=image.initrd, append=image.append)
    plan = load(files, board_config)
    ram = Ram(board_config.ram_size)
    for address, content in plan.writes:
        os.pwrite(ram.own, content, address - RAM_BASE)
    guest = Running(board_config, plan.entry, ram)
    while is_linux and PROMPT not in guest.console:
        assert guest.machine.ticks() < 6_000_000_000
        guest.run(1)
    if not is_linux:
        guest.run(5)
    if is_linux:
        guest.board.console_input(b"modprobe virtio_balloon\n")
        guest.run(50)
    state = msgspec.msgpack.encode(guest.board.save())
    content = os.pread(ram.own, ram.size, 0)
    ticks = guest.machine.ticks()
    guest.close()
    return Saved(board_config, plan.entry, msgspec.msgpack.decode(state), content, ticks)


def plain(guest: Saved) -> Ram:
    ram = Ram(len(guest.content))
    for block, piece in enumerate(guest.pieces()):
        if piece:
            os.pwrite(ram.own, piece, block * RAM_BLOCK)
    return ram


def frozen(guest: Saved) -> Ram:
    """All of it is in a layer."""
    own = plain(guest)
    return Ram(own.size, [own.own], bytes([1]) * (own.size // RAM_BLOCK))


def restored(guest: Saved, ram: Ram) -> Running:
    running = Running(guest.config, guest.entry, ram)
    running.board.restore(guest.state)
    assert running.machine.ticks() == guest.ticks
    return running


def at_work(guest: Saved, ram: Ram) -> Running:
    running = restored(guest, ram)
    running.board.console_input(WORK)
    return running
