"""Real guests on RAM that is absent, shared, frozen or captured end in the same state as on plain RAM."""

import gc
import os
import random
import re
import resource
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import msgspec
import pytest

from pocketvisor.board.config import RAM_BLOCK, BoardConfig, Descriptors, DevicesConfig, Entry, ImageFiles
from pocketvisor.board.map import FLASH_BANK_SIZE, RAM_BASE
from pocketvisor.devices.virtio_balloon import SetTarget
from pocketvisor.guest.memory import create_memfd, touched_bytes
from pocketvisor.guest.ram import Ram
from pocketvisor.images.catalogue import catalogue
from pocketvisor.storage.lazy import LazyMap, Loader, block_count

pytestmark = pytest.mark.guest_process

GUESTS = [pytest.param("work"), pytest.param("debian", marks=pytest.mark.debian)]
PROMPT = b"# \x1b[6n"
STEP = 2_000_000
WORK = b"tar c /etc /bin 2>/dev/null | gzip | sha256sum; dmesg | md5sum\n"


class Saved(NamedTuple):
    """A guest in the midst of its life."""

    config: BoardConfig
    entry: Entry
    state: dict[str, Any]
    content: bytes
    ticks: int


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

    image = catalogue()[name.partition("-")[0]]
    if not image.available:
        pytest.skip(f"{name} is not fetched: pocketvisor guests fetch {name}")
    is_linux, balloon = image.kind == "linux", name.endswith("-balloon")
    devices = DevicesConfig(balloon=0 if balloon else None)
    board_config: BoardConfig = config(256 if is_linux else 32, devices=devices)
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
    if balloon:
        guest.board.console_input(b"modprobe virtio_balloon\n")
        guest.run(50)
    state = msgspec.msgpack.encode(guest.board.save())
    content = os.pread(ram.own, ram.size, 0)
    return Saved(board_config, plan.entry, msgspec.msgpack.decode(state), content, guest.machine.ticks())


def plain(guest: Saved) -> Ram:
    ram = Ram(len(guest.content))
    for at in range(0, ram.size, RAM_BLOCK):
        piece = guest.content[at : at + RAM_BLOCK]
        if any(piece):
            os.pwrite(ram.own, piece, at)
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


@cache
def expected(name: str, steps: int) -> tuple[str, dict[str, int], bytes, int]:
    running = at_work(saved(name), plain(saved(name)))
    running.run(steps)
    assert running.ram.digest() != restored(saved(name), plain(saved(name))).ram.digest()
    return running.end()


def steps_of(name: str) -> int:
    return 60 if name == "debian" else 20


@pytest.mark.parametrize("name", GUESTS)
@pytest.mark.parametrize("background", [False, True])
def test_a_guest_loaded_as_it_runs_ends_as_one_that_had_everything(name: str, background: bool) -> None:
    guest = saved(name)
    ram = Ram(len(guest.content))
    own, places, wanted, loaded = ram.descriptors
    order: list[int] = []

    def fill(block: int) -> bytes:
        order.append(block)
        piece = guest.content[block * RAM_BLOCK : (block + 1) * RAM_BLOCK]
        return piece if any(piece) else b""

    blocks = range(block_count(ram.size))
    LazyMap(places, len(blocks)).mark_absent(blocks)
    loader = Loader(places, wanted, loaded, own, ram.size, fill)
    loader.start(background=background)
    running = at_work(guest, ram)
    running.run(steps_of(name))
    if not background:
        assert 0 < len(order) < len(blocks)
        with pytest.raises(RuntimeError, match="absent"):
            running.board.ram_complete()
        loader.load_rest()
    assert loader.wait()
    running.board.ram_complete()
    assert running.end() == expected(name, steps_of(name))
    assert sorted(order) == list(blocks)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "times", "steps"), [("work", 1000, 2), pytest.param("debian", 60, 20, marks=pytest.mark.debian)]
)
def test_each_restore_of_a_snapshot_is_the_same(name: str, times: int, steps: int) -> None:
    """Whatever is loaded when: RAM and registers after a fixed number of ticks."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    chance = random.Random(1)
    guest = saved(name)
    pieces = [guest.content[at : at + RAM_BLOCK] for at in range(0, len(guest.content), RAM_BLOCK)]
    held = [block for block, piece in enumerate(pieces) if any(piece)]
    for _ in range(times):
        ram = Ram(len(guest.content))
        own, places, wanted, loaded = ram.descriptors
        LazyMap(places, len(pieces)).mark_absent(held)
        loader = Loader(
            places, wanted, loaded, own, ram.size, pieces.__getitem__, first=chance.sample(held, len(held))
        )
        loader.start(background=chance.random() < 0.5)
        running = at_work(guest, ram)
        running.run(steps)
        loader.load_rest()
        assert loader.wait()
        assert running.end() == expected(name, steps)
        loader.stop()
        running.close()
        del running
        gc.collect()


@pytest.mark.parametrize("name", GUESTS)
def test_clones_of_one_layer_run_as_if_each_had_its_own(name: str) -> None:
    guest = saved(name)
    origin = frozen(guest)
    blocks = origin.blocks
    clones = [at_work(guest, origin.shared(blocks)) for _ in range(3)]
    before = [os.fstat(layer).st_blocks for layer in origin.layers]
    for _ in range(steps_of(name)):
        for clone in clones:
            clone.run(1)
    for clone in clones:
        assert clone.end() == expected(name, steps_of(name))
        assert clone.ram.layers and clone.ram.touched > clone.ram.shared_bytes
    content = b"".join(piece for _, piece in origin.pieces())
    assert content == guest.content, "the layer is what it was"
    assert [os.fstat(layer).st_blocks for layer in origin.layers] >= before


class Capture:
    """A reader on a thread of its own, against the RAM as it was."""

    def __init__(self, running: Running) -> None:
        self.running, ram = running, running.ram
        self._shadow = create_memfd("shadow", _header(ram.size) + ram.size)
        self.before = ram.digest()
        self._own, self._layers = ram.own, list(ram.layers)
        running.machine.begin_capture(self._shadow)
        self._blocks = ram.blocks
        self.kept = 0
        self.found = ""
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        from blake3 import blake3

        size = self.running.ram.size
        hasher = blake3()
        for page in range(size // 4096):
            place = self._blocks[page * 4096 // RAM_BLOCK]
            fd = self._layers[place - 1] if place else self._own
            content = os.pread(fd, 4096, page * 4096)
            if os.pread(self._shadow, 1, page)[0]:
                content = os.pread(self._shadow, 4096, _header(size) + page * 4096)
                self.kept += 1
            hasher.update(content)
        self.found = hasher.hexdigest()

    @property
    def read(self) -> bool:
        return not self._thread.is_alive()

    def end(self) -> None:
        self._thread.join()
        self.running.machine.end_capture()
        os.close(self._shadow)
        assert self.found == self.before


def _header(size: int) -> int:
    return (size // 4096 + 4095) & ~4095


@pytest.mark.parametrize("name", GUESTS)
def test_what_is_done_to_its_ram_between_runs_is_nothing_to_the_guest(name: str) -> None:
    """Frozen, captured while it runs, harvested: at random, for as long as it works."""
    chance = random.Random(7)
    guest = saved(name)
    running = at_work(guest, frozen(guest) if chance.random() < 0.5 else plain(guest))
    captures: list[Capture] = []
    done: list[str] = []

    def between(step: int) -> None:
        if captures and (captures[-1].read or step % 8 == 0):
            captures.pop().end()
            done.append("capture")
        if not captures and chance.random() < 0.4:
            captures.append(Capture(running))
        if chance.random() < 0.3:
            own = running.ram.new_own()
            running.machine.freeze_ram(own)
            running.ram.freeze(own)
            done.append("freeze")
        if chance.random() < 0.3:
            running.machine.harvest_dirty()

    running.run(steps_of(name), between)
    for capture in captures:
        capture.end()
    assert done.count("capture") > 1 and done.count("freeze") > 1
    assert running.end() == expected(name, steps_of(name))


@pytest.mark.debian
def test_what_a_balloon_takes_is_given_back_of_no_layer() -> None:
    """And what the guest gets again is zeros, not what the layer holds."""
    guest = saved("debian-balloon")
    running = restored(guest, frozen(guest))
    ram = running.ram
    (layer,) = ram.layers
    running.run(5)
    used, shared = touched_bytes(ram.own), touched_bytes(layer)
    for mib in (24, 0, 32):
        running.board.control("balloon", msgspec.msgpack.encode(SetTarget(mib * 256)))
        running.run(60)
    assert touched_bytes(layer) >= shared and os.pread(layer, ram.size, 0) == guest.content
    assert ram.blocks.count(0) > 24 * 16, "the balloon has taken much of what was the layer's"
    assert touched_bytes(ram.own) - used < 16 << 20, "and the host has it back"
    running.console = b""
    running.board.console_input(b"cat /proc/meminfo | head -1; md5sum /bin/busybox\n")
    running.run(10)
    control = restored(guest, plain(guest))
    control.run(5)
    control.board.console_input(b"md5sum /bin/busybox\n")
    control.run(10)
    (digest,) = set(re.findall(rb"[0-9a-f]{32}  /bin/busybox", control.console))
    assert digest in running.console
