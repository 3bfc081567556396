"""Real guests on RAM that is absent, shared, frozen or captured end in the same state as on plain RAM; and so
do those that are stopped, stepped and watched."""

import gc
import os
import random
import re
import resource
import threading
from functools import cache
from typing import Any

import msgspec
import pytest
from saved_guests import GUESTS, STEP, Running, at_work, frozen, plain, restored, saved
from wandering import Wanderer

from pocketvisor.board.config import RAM_BLOCK
from pocketvisor.devices.virtio_balloon import SetTarget
from pocketvisor.guest.memory import create_memfd, touched_bytes
from pocketvisor.guest.ram import Ram
from pocketvisor.storage.lazy import LazyMap, Loader, block_count

pytestmark = pytest.mark.guest_process


@cache
def expected(name: str, steps: int) -> tuple[str, dict[str, int], bytes, int]:
    running = at_work(saved(name), plain(saved(name)))
    before = running.ram.digest()
    running.run(steps)
    assert running.ram.digest() != before
    return ended(running)


def ended(running: Running) -> tuple[str, dict[str, int], bytes, int]:
    end = running.end()
    running.close()
    return end


def steps_of(name: str) -> int:
    return 40 if name == "debian" else 20


@pytest.mark.parametrize("name", GUESTS)
@pytest.mark.parametrize("background", [False, True])
def test_a_guest_loaded_as_it_runs_ends_as_one_that_had_everything(name: str, background: bool) -> None:
    guest = saved(name)
    ram = Ram(len(guest.content))
    own, places, wanted, loaded = ram.descriptors
    order: list[int] = []
    pieces = guest.pieces()

    def fill(block: int) -> bytes:
        order.append(block)
        return pieces[block]

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
    assert ended(running) == expected(name, steps_of(name))
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
    pieces = guest.pieces()
    held = [block for block, piece in enumerate(pieces) if piece]
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
        assert ended(running) == expected(name, steps)
        loader.stop()
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
        assert clone.ram.layers and clone.ram.touched > clone.ram.shared_bytes
        assert ended(clone) == expected(name, steps_of(name))
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

    def end(self) -> None:
        self._thread.join()
        self.running.machine.end_capture()
        os.close(self._shadow)
        assert self.found == self.before


def _header(size: int) -> int:
    return (size // 4096 + 4095) & ~4095


@pytest.mark.parametrize("name", GUESTS)
def test_what_is_done_to_its_ram_between_runs_is_nothing_to_the_guest(name: str) -> None:
    """Frozen, captured while it runs, harvested: at random, for as long as it works. What is done when is the
    same each time, however long a capture's reader takes."""
    chance = random.Random(7)
    guest = saved(name)
    running = at_work(guest, frozen(guest) if chance.random() < 0.5 else plain(guest))
    captures: list[Capture] = []
    until = 0
    done: list[str] = []

    def between(step: int) -> None:
        nonlocal until
        if captures and step >= until:
            captures.pop().end()
            done.append("capture")
        if not captures and chance.random() < 0.4:
            captures.append(Capture(running))
            until = step + chance.randrange(1, 8)
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
    assert ended(running) == expected(name, steps_of(name))


@pytest.mark.debian
def test_what_a_balloon_takes_is_given_back_of_no_layer() -> None:
    """And what the guest gets again is zeros, not what the layer holds."""
    guest = saved("debian")
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


STOPPED_STEPS = {"work": 10, "debian": 12}


def end_of(name: str, seed: int | None) -> tuple[Any, ...]:
    guest = saved(name)
    running = at_work(guest, plain(guest))
    machine = running.machine
    wanderer = None if seed is None else Wanderer(machine, running.ram.size, seed)
    for _ in range(STOPPED_STEPS[name]):
        tick = machine.ticks() + STEP
        if wanderer:
            wanderer.run_to(tick)
        else:
            machine.run(tick)
        running.board.serve_doorbells()
        running.console += machine.take_console(0)
    state = machine.save()
    end = (*running.end(), machine.position, state)
    running.close()
    if wanderer:
        native = wanderer.native
        for reason in (native.RUN_BREAK, native.RUN_WATCH, native.RUN_STEP, native.RUN_POSITION):
            assert wanderer.reasons.get(reason), wanderer.reasons
        assert len(set(wanderer.positions)) > 20
    return end


@cache
def undisturbed(name: str) -> tuple[Any, ...]:
    return end_of(name, None)


@pytest.mark.parametrize("name", GUESTS)
@pytest.mark.parametrize("seed", [1, 2])
def test_who_is_stopped_often_ends_as_who_never_was(name: str, seed: int) -> None:
    assert end_of(name, seed) == undisturbed(name)
