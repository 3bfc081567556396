"""A trace's memory is read as it stands; what cannot be leads to an empty answer."""

import os
import random
from collections.abc import Iterator

import pytest
from made_trace import BLOCKS_AT, MadeTrace

from pocketvisor.debug.trace import ring
from pocketvisor.debug.trace.coverage import Coverage
from pocketvisor.debug.trace.exceptions import events, spans
from pocketvisor.debug.trace.mmio import accesses
from pocketvisor.debug.trace.profile import Profile


@pytest.fixture
def made() -> Iterator[MadeTrace]:
    made = MadeTrace()
    yield made
    made.close()


def test_records_come_in_order_and_once(made: MadeTrace) -> None:
    for n in range(10):
        made.access(n, n, 0, 0, 0, 0, 4, 0)
    first = made.memory.accesses()
    assert [one.position for one in first.records] == list(range(10))
    assert (first.next, first.lost) == (10, 0)
    made.access(10, 0, 0, 0, 0, 0, 4, 0)
    more = made.memory.accesses(first.next)
    assert ([one.position for one in more.records], more.lost) == ([10], 0)
    assert made.memory.accesses(more.next) == (11, 0, [])
    few = made.memory.accesses(0, 3)
    assert ([one.position for one in few.records], few.lost) == ([8, 9, 10], 8)
    assert made.memory.accesses(0, 0).records == []


def test_a_ring_that_went_round_keeps_the_newest(made: MadeTrace) -> None:
    made.count(0, ring.ACCESSES_MAX - 5)
    for n in range(20):
        made.access(1000 + n, 0, 0, 0, 0, 0, 4, 0)
    found = made.memory.accesses(ring.ACCESSES_MAX - 5)
    assert [one.position for one in found.records] == list(range(1000, 1020))
    whole = made.memory.accesses()
    assert len(whole.records) == ring.ACCESSES_MAX - 1, "the oldest may be being overwritten just now"
    assert whole.lost == 16
    assert whole.records[-1].position == 1019


def test_one_that_began_anew_is_read_from_its_beginning(made: MadeTrace) -> None:
    made.access(5, 0, 0, 0, 0, 0, 4, 0)
    found = made.memory.accesses(1000)
    assert ([one.position for one in found.records], found.lost) == ([5], 0)


def test_of_another_version_nothing_is_traced(made: MadeTrace) -> None:
    assert made.memory.valid and made.memory.kinds == ring.Kinds(15)
    made.map[4] = 99
    assert not made.memory.valid
    assert made.memory.kinds == ring.Kinds(0)


def test_too_small_a_memory_is_refused() -> None:
    fd = os.memfd_create("small")
    os.ftruncate(fd, ring.SIZE - 1)
    with pytest.raises(ValueError, match="a trace has"):
        ring.TraceMemory(fd)
    os.close(fd)


def everything(memory: ring.TraceMemory) -> None:
    devices = memory.devices()
    assert len(devices) <= ring.DEVICES_MAX
    found = memory.accesses(0, 500)
    assert len(found.records) <= 500
    shown = accesses(found.records, devices, max(0, found.next - len(found.records)))
    assert all(len(str(access)) < 400 for access in shown)
    spans(events(memory.exceptions(0, 500).records))
    Profile(memory.samples(0, 500).records).tree()
    assert isinstance(memory.kinds, ring.Kinds) and memory.totals and memory.by_kind() and memory.begun


@pytest.mark.parametrize("seed", range(4))
def test_a_memory_full_of_rubbish_does_no_harm(made: MadeTrace, seed: int) -> None:
    rubbish = random.Random(seed)
    made.map[:] = rubbish.randbytes(ring.SIZE // 4096) * 4096
    made.map[0:8] = ring.MAGIC.to_bytes(4, "little") + ring.VERSION.to_bytes(4, "little")
    everything(made.memory)


@pytest.mark.parametrize("count", [1, ring.SAMPLES_MAX, ring.BLOCKS_MAX + 1, 1 << 63, (1 << 64) - 1])
def test_counts_that_cannot_be_do_no_harm(made: MadeTrace, count: int) -> None:
    for which in range(5):
        made.count(which, count)
    everything(made.memory)
    assert len(made.memory.blocks()) <= ring.BLOCKS_MAX


def test_blocks_that_cannot_be_do_no_harm(made: MadeTrace) -> None:
    made.map[BLOCKS_AT : BLOCKS_AT + 64] = b"\xff" * 64
    made.count(3, 2)
    coverage = Coverage(made.memory.blocks())
    assert [(block.start, block.end) for block in coverage.blocks] == [(0xFFFFFFFF, 1 << 32)]
    assert coverage.runs(0xFFFFFFFF) > 0
