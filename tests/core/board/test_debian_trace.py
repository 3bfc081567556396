"""A Debian kernel that boots under a trace does bit by bit what it does without; the trace is plausible."""

import hashlib
import os
from typing import Any

import pytest

from pocketvisor.board.config import DevicesConfig
from pocketvisor.debug.trace import ring
from pocketvisor.debug.trace.coverage import Coverage
from pocketvisor.debug.trace.exceptions import events, spans
from pocketvisor.debug.trace.mmio import accesses
from pocketvisor.debug.trace.profile import Profile

pytestmark = [pytest.mark.debian, pytest.mark.guest_process]

TICKS = 240_000_000
KERNEL = 0xC000_0000


def booted(memory: int | None) -> tuple[str, int, dict[str, int]]:
    from debian_board import DebianBoard

    machine = DebianBoard(DevicesConfig()).machine
    if memory is not None:
        machine.start_trace(memory, 15, 500_000)
    assert machine.run(TICKS) == 1
    return hashlib.sha256(machine.ram).hexdigest(), machine.ticks(), machine.registers()


@pytest.fixture(scope="module")
def traced() -> Any:
    if not os.environ.get("POCKETVISOR_TEST_GUEST_PROCESS"):
        return None
    fd = os.memfd_create("trace")
    os.ftruncate(fd, ring.SIZE)
    plain, found = booted(None), booted(fd)
    return plain, found, ring.TraceMemory(fd)


def test_it_ends_in_the_same_memory_and_registers(traced: Any) -> None:
    plain, found, _ = traced
    assert found == plain


def test_every_access_was_made_by_code_that_ran(traced: Any) -> None:
    memory: ring.TraceMemory = traced[2]
    coverage = Coverage(memory.blocks(), memory.totals["blocks_lost"])
    shown = accesses(memory.accesses().records, memory.devices())
    assert coverage.lost == 0 and len(coverage.executed) > 5_000 and len(shown) > 1_000
    assert {one.device for one in shown} >= {"pl011", "gic distributor", "gic cpu interface", "timer"}
    assert not [one for one in shown if not coverage.runs(one.pc)]
    positions = [one.position for one in shown]
    assert positions == sorted(positions), "each has its own place, in order"
    assert len(set(positions)) == len(positions)


def test_interrupts_are_the_timers_and_end(traced: Any) -> None:
    memory: ring.TraceMemory = traced[2]
    found = events(memory.exceptions().records)
    assert {one.interrupt for one in found if one.kind == "acknowledged"} >= {27}
    timeline = [one for one in spans(found) if one.kind == "interrupt"]
    assert len(timeline) > 20
    assert all(0 < one.duration_ns < 50_000_000 for one in timeline)
    assert [one.position for one in found] == sorted(one.position for one in found)


def test_samples_are_of_code_that_ran(traced: Any) -> None:
    memory: ring.TraceMemory = traced[2]
    coverage, profile = Coverage(memory.blocks()), Profile(memory.samples().records)
    assert len(profile.samples) == pytest.approx(TICKS // 500_000, abs=2)
    assert all(coverage.runs(one.pc) for one in profile.samples)
    assert sum(one.pc >= KERNEL for one in profile.samples) > len(profile.samples) // 2
