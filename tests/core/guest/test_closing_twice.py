"""What is closed is closed once: a number that it had is soon another one's, who keeps it."""

import asyncio
import gc
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.board.map import FLASH_BANK_SIZE
from pocketvisor.guest.boot import GuestMemory
from pocketvisor.guest.disk_files import GuestDisk
from pocketvisor.guest.flash import Flash, FlashFile
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.memory import create_memfd
from pocketvisor.guest.nursery import Nursery
from pocketvisor.guest.ram import Ram
from pocketvisor.handset_memory.pool import SharedLayer
from pocketvisor.models import load_models
from pocketvisor.profile.locking import FileLock
from pocketvisor.storage.captured import BaseReader
from pocketvisor.storage.disk import OpenDisk

Start = Callable[..., Coroutine[Any, Any, Guest]]


@contextmanager
def nobody_is_robbed() -> Iterator[None]:
    """All numbers that are free at the beginning belong to somebody then, who has them at the end."""
    with ExitStack() as stack:
        mine = {}
        for number in range(64):
            fd = create_memfd(f"somebody's {number}", 4096)
            stack.callback(os.close, fd)
            mine[fd] = os.fstat(fd).st_ino
        yield
        assert {fd: os.fstat(fd).st_ino for fd in mine} == mine


async def test_a_guest_that_is_removed_twice(start: Start, tmp_path: Path) -> None:
    guest = await start()
    await guest.handset.remove(guest)
    with nobody_is_robbed():
        await guest.remove()
        await guest.handset.remove(guest)


def panel(folder: Path) -> GuestMemory:
    return GuestMemory(load_models()["galaxy-s2"].panel)


def disk(folder: Path) -> GuestDisk:
    fd = create_memfd("base", 1 << 20)
    return GuestDisk("disk", OpenDisk(base=fd, base_size=1 << 20, size=1 << 20))


def base(folder: Path) -> BaseReader:
    fd = create_memfd("base", 1 << 20)
    try:
        return BaseReader(fd, 1 << 20)
    finally:
        os.close(fd)


def lock(folder: Path) -> FileLock:
    path = folder / "file"
    path.touch()
    return FileLock.of(path)


CLOSED: dict[str, Callable[[Path], Any]] = {
    "what a guest keeps over resets": panel,
    "RAM": lambda _: Ram(1 << 20, [create_memfd("layer", 1 << 20)]),
    "a layer of it that guests share": lambda _: SharedLayer("image"),
    "a disk": disk,
    "a flash's file": lambda folder: FlashFile(folder / "flash"),
    "a base that is read": base,
    "a profile's lock": lock,
}


@pytest.mark.parametrize("made", CLOSED.values(), ids=CLOSED)
def test_it_lets_go_once(made: Callable[[Path], Any], tmp_path: Path) -> None:
    gc.collect()  # what another test has left is not to go meanwhile
    before = set(os.listdir("/proc/self/fd"))
    closed = made(tmp_path)
    assert len(os.listdir("/proc/self/fd")) > len(before)
    closed.close()
    assert set(os.listdir("/proc/self/fd")) == before
    with nobody_is_robbed():
        closed.close()


async def test_a_flash_lets_go_once(tmp_path: Path) -> None:
    flash = Flash(print, FlashFile(tmp_path / "flash"))
    await asyncio.to_thread(flash.load)
    os.pwrite(flash.fd, b"kept", FLASH_BANK_SIZE // 2)
    await flash.close()
    with nobody_is_robbed():
        await flash.close()
    assert b"kept" in (tmp_path / "flash").read_bytes()


def test_a_nursery_lets_go_once_and_can_be_asked_how_it_ended() -> None:
    nursery = Nursery({"PATH": ""})
    nursery.close()
    with nobody_is_robbed():
        nursery.close()
        assert nursery.end_sentence()
