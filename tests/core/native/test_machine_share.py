"""RAM that is taken together with others', and translations that are thrown away: a guest never knows."""

import os
import random
import struct
from pathlib import Path

import pytest
from native_machines import RAM_SIZE, Guest
from test_machine_ram import counting, harvested, memfd

from pocketvisor.board.config import RAM_BLOCK, RAM_MAP_HEADER

pytestmark = pytest.mark.guest_process

BLOCKS = RAM_SIZE // RAM_BLOCK
PAGES_OF_A_BLOCK = RAM_BLOCK // 4096
STRETCH = 30_000


def numbers(*blocks: int) -> bytes:
    return struct.pack(f"={len(blocks)}I", *blocks)


def resident() -> int:
    """Bytes of this process, without what it shares."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1]) << 10
    raise AssertionError


def test_a_guest_runs_as_one_that_is_alone() -> None:
    """At every turn some of its RAM is taken, some given back, and its translations thrown away at times."""
    layer, places = memfd(RAM_SIZE), memfd(RAM_MAP_HEADER + BLOCKS)
    alone, guest = Guest(counting()), Guest(counting(), ram_map=places)
    made = guest.machine
    made.add_layer(layer)
    chance = random.Random(7)
    shared = 0
    for turn in range(40):
        where = os.pread(places, BLOCKS, RAM_MAP_HEADER)
        own = [block for block in chance.sample(range(BLOCKS), 6) if not where[block]]
        for block in own:
            at = block * RAM_BLOCK
            os.pwrite(layer, made.ram[at : at + RAM_BLOCK], at)
        before = made.ram.tobytes()
        assert made.share_blocks(numbers(*own), b"\1" * len(own)) == b"\1" * len(own)
        shared += len(own)
        made.drop_zeros(numbers(*range(BLOCKS)))
        if turn % 3 == 0:
            made.unshare_blocks(numbers(*chance.sample(range(BLOCKS), 3)))
        if turn % 4 == 0:
            made.trim()
        assert made.ram == before and not any(made.harvest_dirty())
        made.run(made.ticks() + STRETCH)
        alone.machine.run(made.ticks())
        assert made.ram == alone.machine.ram and made.registers() == alone.machine.registers()
        dirty = harvested(made.harvest_dirty())
        assert dirty == harvested(alone.machine.harvest_dirty())
        where = os.pread(places, BLOCKS, RAM_MAP_HEADER)
        assert not any(where[page // PAGES_OF_A_BLOCK] for page in dirty)
    assert shared > 40
    guest.close()
    alone.close()


def test_what_a_layer_does_not_hold_stays() -> None:
    guest = Guest(counting())
    layer = memfd(RAM_SIZE)
    made = guest.machine
    made.run(STRETCH)
    with pytest.raises(RuntimeError, match="Layer 1"):
        made.add_layer(memfd(RAM_SIZE - 4096))
    made.add_layer(layer)
    content = bytearray(made.ram)
    content[3 * RAM_BLOCK] ^= 1
    os.pwrite(layer, content, 0)
    assert made.share_blocks(numbers(2, 3, 4, BLOCKS, 1 << 31), b"\1\1\2\1\1") == b"\1\0\0\0\0"
    assert made.share_blocks(b"", b"") == b""
    for blocks, layers in ((b"abc", b"\1"), (numbers(1), b""), (numbers(1), b"\1\1")):
        with pytest.raises(ValueError):
            made.share_blocks(blocks, layers)
    with pytest.raises(ValueError):
        made.drop_zeros(b"abc")
    with pytest.raises(RuntimeError, match="not in the RAM"):
        made.unshare_blocks(numbers(BLOCKS))
    assert made.ram[3 * RAM_BLOCK] == content[3 * RAM_BLOCK] ^ 1
    guest.close()


def test_translations_give_their_memory_back() -> None:
    """Straight code of many blocks, each a branch to the next."""
    blocks = 20_000
    guest = Guest([word for _ in range(blocks) for word in (0xE2800001, 0xEAFFFFFF)] + [0xEAFFFFFE])
    made = guest.machine
    assert not made.trim(), "nothing has run"
    made.run(2 * blocks + 10)
    registers, full = made.registers(), resident()
    assert made.trim()
    assert full - resident() > 4 << 20
    assert made.registers() == registers
    made.run(made.ticks() + 1000)
    assert made.registers()["r0"] == blocks
    guest.close()
