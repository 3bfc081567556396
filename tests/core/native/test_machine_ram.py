"""RAM that is absent, shared with others, frozen or captured, as a guest, its devices and readers see it."""

import hashlib
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from native_machines import DEVICE, RAM, RAM_SIZE, STOP, Guest, load_constant, write

from pocketvisor import _native
from pocketvisor.board.config import RAM_BLOCK, RAM_MAP_HEADER

pytestmark = pytest.mark.guest_process

BLOCKS = RAM_SIZE // RAM_BLOCK
PAGES = RAM_SIZE // 4096
ABSENT, LOST = 255, 254
ALL_ABSENT = bytes([ABSENT]) * BLOCKS


def memfd(size: int, content: bytes = b"") -> int:
    fd = os.memfd_create("test")
    os.ftruncate(fd, size)
    os.pwrite(fd, content, 0)
    return fd


class Lazy:
    """RAM whose blocks come from `content`, loaded by a thread of this process."""

    def __init__(self, content: bytes, lost: int = -1) -> None:
        self.content = content
        self.lost = lost
        self.own = memfd(RAM_SIZE)
        self.map = memfd(RAM_MAP_HEADER + BLOCKS)
        os.pwrite(self.map, ALL_ABSENT, RAM_MAP_HEADER)
        self.wanted, self.loaded = os.eventfd(0), os.eventfd(0)
        self.order: list[int] = []
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()

    def _main(self) -> None:
        while os.eventfd_read(self.wanted) < 1 << 32:
            block = int.from_bytes(os.pread(self.map, 4, 0), sys.byteorder) - 1
            if os.pread(self.map, 1, RAM_MAP_HEADER + block)[0] == ABSENT:
                self.load(block)

    def load(self, block: int) -> None:
        at = block * RAM_BLOCK
        os.pwrite(self.own, self.content[at : at + RAM_BLOCK], at)
        self.order.append(block)
        os.pwrite(self.map, bytes([LOST if block == self.lost else 0]), RAM_MAP_HEADER + block)
        os.eventfd_write(self.loaded, 1)

    @property
    def options(self) -> dict[str, int]:
        return {"ram_map": self.map, "ram_wanted": self.wanted, "ram_loaded": self.loaded}

    def close(self) -> None:
        os.eventfd_write(self.wanted, 1 << 32)
        self._thread.join()
        for fd in (self.own, self.map, self.wanted, self.loaded):
            os.close(fd)


def pattern(seed: int) -> bytes:
    return random.Random(seed).randbytes(RAM_SIZE)


def machine(own: int, **options: Any) -> Any:
    return _native.Machine(own, RAM, RAM_SIZE, 1000, **options)


@contextmanager
def lazy(content: bytes, lost: int = -1) -> Iterator[tuple[Any, Lazy]]:
    source = Lazy(content, lost)
    yield machine(source.own, **source.options), source
    source.close()


def test_the_block_is_what_the_boards_configuration_says() -> None:
    assert _native.RAM_BLOCK == RAM_BLOCK


def test_what_is_required_is_loaded_and_no_more() -> None:
    content = pattern(1)
    with lazy(content) as (made, source):
        made.require(RAM + RAM_BLOCK - 1, 2)
        made.require(RAM + 5, 0)
        assert source.order == [0, 1] and made.ram[: 2 * RAM_BLOCK] == content[: 2 * RAM_BLOCK]
        assert made.load(RAM + 7 * RAM_BLOCK, 9) == content[7 * RAM_BLOCK : 7 * RAM_BLOCK + 9]
        assert source.order == [0, 1, 7]
        for impossible in ((RAM - 1, 1), (RAM, RAM_SIZE + 1), (RAM + RAM_SIZE, 1), (0, 1 << 40)):
            with pytest.raises(ValueError, match="not in the guest's RAM"):
                made.require(*impossible)
        with pytest.raises(RuntimeError, match="absent yet"):
            made.ram_complete()
        own = memfd(RAM_SIZE)
        with pytest.raises(RuntimeError, match="not all loaded"):
            made.freeze_ram(own)
        os.close(own)
        made.require(RAM, RAM_SIZE)
        made.ram_complete()
        assert made.ram == content and len(source.order) == BLOCKS


def test_what_cannot_be_loaded_is_told_of() -> None:
    with lazy(pattern(2), lost=4) as (made, _):
        with pytest.raises(RuntimeError, match="could not be loaded"):
            made.require(RAM + 3 * RAM_BLOCK, 2 * RAM_BLOCK)
        with pytest.raises(RuntimeError, match="could not be loaded"):
            made.load(RAM + 4 * RAM_BLOCK, 1)
        # The guest runs into it: its CPU is at an address where there is nothing to be had.
        made.set_cpu({"pc": RAM + 4 * RAM_BLOCK})
        assert made.run(1_000_000) == _native.RUN_ERROR
        assert "could not be loaded" in made.error


def test_a_view_of_ram_outlives_the_machine() -> None:
    own = memfd(RAM_SIZE, b"hello")
    view = machine(own).ram
    assert view.readonly and view[:5] == b"hello"
    os.pwrite(own, b"there", 0)
    assert view[:5] == b"there"
    os.close(own)
    assert view[:5] == b"there"


class Dma:
    """Copies what is at one place to another within its own call, when it is written to."""

    def __init__(self, made: Any) -> None:
        self.machine = made
        self.error: BaseException | None = None

    def read(self, offset: int, size: int) -> int:
        return 0

    def write(self, offset: int, size: int, value: int) -> None:
        taken = self.machine.load(RAM + value, 8)
        self.machine.store(RAM + value + 3 * RAM_BLOCK, taken[::-1])

    def event(self, payload: bytes) -> None: ...
    def alarm(self) -> None: ...
    def reset(self) -> None: ...


def test_a_device_waits_and_lets_other_threads_run_meanwhile() -> None:
    """The loader is a thread of this process: with the interpreter's lock held it could not load."""
    code = [*write(DEVICE, 6 * RAM_BLOCK + 4), STOP]
    content = bytearray(pattern(3))
    for index, word in enumerate(code):
        content[0x100 + 4 * index : 0x104 + 4 * index] = word.to_bytes(4, "little")
    with lazy(bytes(content)) as (made, source):
        made.add_device(DEVICE, 4096, Dma(made), "dma")
        made.set_cpu({"pc": RAM + 0x100})
        assert made.run(1000) == _native.RUN_LIMIT and made.error is None
        taken = bytes(content[6 * RAM_BLOCK + 4 : 6 * RAM_BLOCK + 12])
        assert made.load(RAM + 9 * RAM_BLOCK + 4, 8) == taken[::-1]
        assert made.load(RAM + 9 * RAM_BLOCK + 12, 8) == content[9 * RAM_BLOCK + 12 : 9 * RAM_BLOCK + 20]
        assert sorted(source.order) == [0, 6, 9]


def test_guests_share_a_layer_and_keep_what_they_write_to_themselves() -> None:
    content = bytearray(pattern(4))
    store_r7 = [*load_constant(2, RAM + 12 * RAM_BLOCK), 0xE5827000]
    for index, word in enumerate([*store_r7, *write(DEVICE, 8 * RAM_BLOCK), STOP]):
        content[4 * index : 4 * index + 4] = word.to_bytes(4, "little")
    layer = memfd(RAM_SIZE, content)
    read_only = os.open(f"/proc/self/fd/{layer}", os.O_RDONLY)  # as a handset hands it to a clone
    for number in range(3):
        own, places = memfd(RAM_SIZE), memfd(RAM_MAP_HEADER + BLOCKS, bytes(RAM_MAP_HEADER) + b"\1" * BLOCKS)
        made = machine(own, ram_layers=(read_only,), ram_map=places)
        made.add_device(DEVICE, 4096, Dma(made), "dma")
        made.set_cpu({"pc": RAM, "r7": number})
        assert made.run(1000) == _native.RUN_LIMIT
        expected = bytearray(content)
        expected[12 * RAM_BLOCK : 12 * RAM_BLOCK + 4] = number.to_bytes(4, "little")
        expected[11 * RAM_BLOCK : 11 * RAM_BLOCK + 8] = content[8 * RAM_BLOCK : 8 * RAM_BLOCK + 8][::-1]
        assert made.ram == expected
        own_blocks = {11, 12}
        assert os.pread(places, BLOCKS, RAM_MAP_HEADER) == bytes(
            0 if block in own_blocks else 1 for block in range(BLOCKS)
        )
        assert os.fstat(own).st_blocks * 512 == len(own_blocks) * RAM_BLOCK
        assert harvested(made.harvest_dirty()) == {11 * 16, 12 * 16}
        for fd in (own, places):
            os.close(fd)
    assert os.pread(layer, RAM_SIZE, 0) == content
    with pytest.raises(OSError, match="Layer 2"):
        machine(layer, ram_layers=(read_only, memfd(4096)))
    with pytest.raises(ValueError, match="253 layers"):
        machine(layer, ram_layers=[read_only] * 254)


def harvested(bits: bytes) -> set[int]:
    return {page for page in range(PAGES) if bits[page >> 3] >> (page & 7) & 1}


def test_what_was_frozen_stays_and_the_guest_goes_on() -> None:
    plain, guest = Guest(counting()), Guest(counting())
    made = guest.machine
    for _ in range(4):
        made.run(made.ticks() + 20_000)
        before = made.ram.tobytes()
        layer = os.dup(guest.fds["ram"][1])
        own = memfd(RAM_SIZE)
        for wrong in (-1, memfd(RAM_SIZE - 4096)):
            with pytest.raises(RuntimeError, match="holds less"):
                made.freeze_ram(wrong)
        made.freeze_ram(own)
        assert made.ram == before
        made.run(made.ticks() + 20_000)
        assert made.ram != before
        assert any(os.pread(own, RAM_SIZE, 0)), "what is new is in the own one"
    plain.machine.run(made.ticks())
    assert plain.machine.ticks() == made.ticks() and plain.machine.ram == made.ram
    assert plain.machine.registers() == made.registers()
    assert os.pread(layer, RAM_SIZE, 0) == guest.ram[:]
    guest.close()
    plain.close()


def test_a_capture_is_of_the_moment_it_begins_at() -> None:
    guest = Guest(counting())
    made = guest.machine
    made.run(50_000)
    shadow = memfd(4096 + RAM_SIZE)
    with pytest.raises(ValueError, match="32 bytes say which pages"):
        made.begin_capture(shadow, b"\xff")
    with pytest.raises(RuntimeError, match="smaller"):
        made.begin_capture(guest.fds["status"][1])
    dirty = made.begin_capture(shadow)
    assert harvested(dirty) and not any(made.harvest_dirty())
    with pytest.raises(RuntimeError, match="on already"):
        made.begin_capture(shadow)
    before = made.ram.tobytes()
    made.run(300_000)
    written = harvested(made.harvest_dirty())
    kept = {page for page, byte in enumerate(os.pread(shadow, PAGES, 0)) if byte == 1}
    assert kept == written and kept
    for page in kept:
        assert os.pread(shadow, 4096, 4096 + page * 4096) == before[page * 4096 : page * 4096 + 4096]
    made.end_capture()
    made.end_capture()
    # What is not wanted is not kept.
    shadow = memfd(4096 + RAM_SIZE)
    wanted = bytearray(32)
    some = min(written)
    wanted[some >> 3] = 1 << (some & 7)
    made.begin_capture(shadow, bytes(wanted))
    made.run(600_000)
    assert [page for page, byte in enumerate(os.pread(shadow, PAGES, 0)) if byte] == [some]
    made.end_capture()
    made.begin_capture(memfd(4096 + RAM_SIZE))
    _native.set_test_fault("shadow")
    made.run(900_000)
    with pytest.raises(OSError, match="no memory"):
        made.end_capture()
    guest.close()


def counting() -> list[int]:
    """Counts up, in a word of page after page: add, a multiplication of the address, store."""
    return [
        *load_constant(0, 0),
        *load_constant(1, 0x10_0000 - 0x1_0000 - 1),
        *load_constant(6, RAM + 0x1_0000),
        *load_constant(3, 40503 * 4),
        0xE2800001,  # add r0, r0, #1
        0xE0020390,  # mul r2, r0, r3
        0xE0022001,  # and r2, r2, r1
        0xE3C22003,  # bic r2, r2, #3
        0xE7860002,  # str r0, [r6, r2]
        0xEAFFFFF9,  # b add
    ]


_READER = """
import hashlib, mmap, os, sys
ram_fd, shadow_fd, pages = map(int, sys.argv[1:])
bytes_ = mmap.mmap(shadow_fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ)
sys.stdin.read(1)
found = hashlib.blake2b()
kept = 0
for page in range(pages):
    content = os.pread(ram_fd, 4096, page * 4096)
    if bytes_[page]:
        kept += 1
        content = os.pread(shadow_fd, 4096, 4096 + page * 4096)
    found.update(content)
print(found.hexdigest(), kept)
"""


def test_a_reader_in_another_process_races_with_the_guest() -> None:
    guest = Guest(counting())
    made, ram = guest.machine, guest.fds["ram"][1]
    made.set_rate(0)
    made.run(100_000)
    kept = 0
    for _ in range(12):
        shadow = memfd(4096 + RAM_SIZE)
        command = [sys.executable, "-S", "-c", _READER, str(ram), str(shadow), str(PAGES)]
        reader = subprocess.Popen(
            command, pass_fds=(ram, shadow), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={}
        )
        made.begin_capture(shadow)
        expected = hashlib.blake2b(made.ram).hexdigest()
        runner = threading.Thread(target=made.run)
        runner.start()
        answer = reader.communicate(b"x")[0].split()
        made.stop()
        runner.join()
        made.end_capture()
        assert answer[0].decode() == expected
        kept += int(answer[1])
        os.close(shadow)
    assert kept, "the guest wrote while it was read"
    guest.close()


def test_nothing_of_this_is_for_a_machine_that_runs() -> None:
    guest = Guest([STOP])
    made = guest.machine
    runner = threading.Thread(target=made.run)
    runner.start()
    while made.ticks() == 0:
        pass
    for call in (made.harvest_dirty, lambda: made.begin_capture(0), lambda: made.freeze_ram(0)):
        with pytest.raises(RuntimeError, match="running"):
            call()
    made.end_capture()
    made.ram_complete()
    made.stop()
    runner.join()
    guest.close()
