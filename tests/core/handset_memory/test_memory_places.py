"""Where blocks that guests share are kept, and how an image's content comes there."""

import os
import random
from pathlib import Path

import pytest

from pocketvisor.board.map import RAM_BASE
from pocketvisor.errors import GuestError
from pocketvisor.guest.ram import Ram
from pocketvisor.handset_memory.finder import _data
from pocketvisor.handset_memory.parts import Parts
from pocketvisor.handset_memory.placing import place
from pocketvisor.handset_memory.pool import FOUND, Pool, digest_of
from pocketvisor.storage.lazy import BLOCK, HEADER_SIZE

SIZE = 16 * BLOCK
PAGE = 4096


def content(seed: int, size: int = BLOCK) -> bytes:
    return random.Random(seed).randbytes(size)


def written(writes: list[tuple[int, bytes]]) -> bytes:
    whole = bytearray(SIZE)
    for address, data in writes:
        whole[address - RAM_BASE : address - RAM_BASE + len(data)] = data
    return bytes(whole)


def read(ram: Ram) -> bytes:
    return b"".join(piece for _, piece in ram.pieces())


@pytest.mark.parametrize("seed", range(40))
def test_ram_is_what_was_written_however_it_is_shared(seed: int) -> None:
    chance = random.Random(seed)
    large = [
        (
            RAM_BASE + chance.randrange(SIZE - 5 * BLOCK),
            content(number % 2, chance.randrange(BLOCK, 5 * BLOCK)),
        )
        for number in range(2)
    ]
    pool = Pool()
    rams = []
    for number in range(3):
        little = [(RAM_BASE + chance.randrange(SIZE - 9000), content(number + 9, chance.randrange(1, 9000)))]
        writes = [*large, *little] if chance.random() < 0.7 else [*little, *large]
        rams.append(ram := Ram(SIZE))
        place(ram, writes, pool)
        alone = Ram(SIZE)
        place(alone, writes, None)
        assert read(ram) == written(writes) == read(alone)
        assert alone.foreign_bytes == 0 and alone.private_bytes >= ram.private_bytes
        alone.close()
    held = pool.held
    assert held == sum(len(layer.digests) for layer in pool) * BLOCK > 0
    split = Parts().of(rams)
    assert split.shared == held - _unused(pool, rams) and split.merged == 0
    assert abs(sum(split.parts.values()) - split.shared) <= len(rams)
    for ram in rams:
        ram.close()
    pool.collect()
    assert pool.held == 0
    pool.close()


def _unused(pool: Pool, rams: list[Ram]) -> int:
    used = {(layer, block) for layer in pool for ram in rams for block in ram.blocks_in(layer)}
    return sum(len(layer.digests) for layer in pool) * BLOCK - len(used) * BLOCK


def test_what_somebody_has_is_never_collected() -> None:
    pool, ram = Pool(), Ram(SIZE)
    place(ram, [(RAM_BASE, content(1, 2 * BLOCK))], pool)
    lone = pool.add(5, content(3), digest_of(content(3)), FOUND)
    assert lone is not None and pool.find(5, digest_of(content(3))) is lone
    assert pool.collect() == BLOCK and pool.find(5, digest_of(content(3))) is None
    assert read(ram)[: 2 * BLOCK] == content(1, 2 * BLOCK)
    clone = ram.shared(ram.blocks)
    ram.close()
    assert pool.collect() == 0
    assert read(clone)[: 2 * BLOCK] == content(1, 2 * BLOCK)
    clone.close()
    assert pool.collect() == 2 * BLOCK
    pool.close()


def test_one_block_has_few_contents_and_a_closed_pool_takes_none() -> None:
    pool = Pool()
    layers = [pool.add(1, content(seed), digest_of(content(seed)), FOUND) for seed in range(9)]
    assert len(set(layers[:8])) == 8 and layers[8] is None
    assert pool.add(1, content(2), digest_of(content(2)), FOUND) is layers[2]
    assert pool.add(2, content(2), digest_of(content(2)), FOUND) is layers[0]
    pool.close()
    assert pool.add(3, content(2), digest_of(content(2)), FOUND) is None


def test_a_guests_process_cannot_write_what_it_shares() -> None:
    pool, ram = Pool(), Ram(SIZE)
    place(ram, [(RAM_BASE, content(1, BLOCK))], pool)
    (layer,) = ram.layers
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.pwrite(layer, b"x", 0)
    ram.close()
    pool.close()


def test_a_map_that_a_process_has_forged_is_nobody_elses_trouble() -> None:
    """Its process can write it."""
    pool, ram, other = Pool(), Ram(SIZE), Ram(SIZE)
    for each in (ram, other):
        place(each, [(RAM_BASE, content(1, 3 * BLOCK))], pool)
    parts = Parts()
    for value in (0, 2, 77, 253, 254, 255):
        ram._map[HEADER_SIZE : HEADER_SIZE + 16] = bytes([value]) * 16
        split = parts.of([ram, other])
        assert 0 <= split.parts[ram] <= 3 * BLOCK and 0 <= split.parts[other] <= 3 * BLOCK
        pool.collect()
        assert read(other)[: 3 * BLOCK] == content(1, 3 * BLOCK)
        if value > 2:
            with pytest.raises(GuestError):
                ram.digest()
    ram.close()
    other.close()
    pool.close()


def test_what_takes_memory_is_looked_at_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "ram"
    with path.open("w+b", buffering=0) as file:
        os.truncate(file.fileno(), SIZE)
        os.pwrite(file.fileno(), b"x", 2 * BLOCK + PAGE)
        os.pwrite(file.fileno(), b"x" * 3 * PAGE, 5 * BLOCK - PAGE)
        assert _data(file.fileno(), SIZE) == {
            2: [(PAGE, 2 * PAGE)],
            4: [(BLOCK - PAGE, BLOCK)],
            5: [(0, 2 * PAGE)],
        }
    with path.open("w+b", buffering=0) as file:
        os.truncate(file.fileno(), SIZE)
        assert _data(file.fileno(), SIZE) == {}
