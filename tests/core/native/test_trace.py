"""What is written down of a guest: at the right place, and without the guest's doing anything else."""

import hashlib
import os
import struct

import pytest
from native_machines import (
    CPU_INTERFACE,
    RAM,
    RAM_SIZE,
    TICKING,
    UART,
    VIRTUAL_TIMER,
    Guest,
    branch,
    load_constant,
    power_off,
    read,
    ticking_guest,
    write,
)
from trace_guests import tracing

from pocketvisor import _native
from pocketvisor.debug.trace import ring
from pocketvisor.debug.trace.ring import Kinds

pytestmark = pytest.mark.guest_process

ALL = Kinds(15)
MAIN = RAM + 0x100
UNDEFINED, SVC, PREFETCH_ABORT, DATA_ABORT, IRQ, ACKNOWLEDGED, ENDED = range(1, 8)
WAITING, WOKEN, HYPERCALL, INPUT = range(8, 12)
MOVS_PC_LR, SUBS_PC_LR_4 = 0xE1B0F00E, 0xE25EF004


def digest(guest: Guest) -> tuple[str, int, dict[str, int]]:
    machine = guest.machine
    return hashlib.sha256(guest.ram).hexdigest(), machine.ticks(), machine.registers()


def test_an_access_is_written_down_with_its_own_instruction_and_position() -> None:
    guest = Guest([*write(UART + 0x24, 7), *read(UART + 0xFE0, 1), *power_off()])
    with tracing(guest.machine, Kinds.MMIO) as trace:
        assert guest.machine.run(1_000_000) == _native.RUN_POWER_OFF
        devices = trace.devices()
        found = trace.accesses().records
    assert [devices[one.device].name for one in found] == ["pl011", "pl011"]
    first, second = found
    assert (first.offset, first.size, first.write, first.value) == (0x24, 4, 1, 7)
    assert (second.offset, second.size, second.write, second.value) == (0xFE0, 1, 0, 0x11)
    assert (first.pc - MAIN, second.pc - MAIN) == (16, 28), "the access itself, not its block"
    assert (first.position, second.position) == (16, 28), "clock bytes: all of it is one block"
    uart = next(one for one in devices if one.name == "pl011")
    assert (uart.base, uart.reads, uart.writes) == (UART, 1, 1)
    guest.close()


def test_thumb_accesses_have_places_too() -> None:
    # ldr r0, [pc, #8]; movs r1, #65; nop; str r1, [r0]; ldr r2, [r0, #24]; b .
    thumb = struct.pack("<6HI", 0x4802, 0x2141, 0xBF00, 0x6001, 0x6982, 0xE7FE, UART)
    guest = Guest([*load_constant(0, RAM + 0x201), 0xE12FFF10])  # bx r0
    guest.ram[0x200 : 0x200 + len(thumb)] = thumb
    with tracing(guest.machine, ALL) as trace:
        assert guest.machine.run(1000) == _native.RUN_LIMIT
        accesses = trace.accesses().records
        blocks = [one for one in trace.blocks() if one.runs]
    assert [one.pc - RAM for one in accesses] == [0x206, 0x208]
    assert [one.position for one in accesses] == [12 + 6, 12 + 8]
    assert [(one.pc - RAM, one.size, one.thumb) for one in blocks[:2]] == [(0x100, 12, 0), (0x200, 12, 1)]
    guest.close()


def faulting_guest() -> Guest:
    vectors = [0xEAFFFFFE, MOVS_PC_LR, MOVS_PC_LR, branch(3, 0x80 // 4), SUBS_PC_LR_4]
    code = [
        *load_constant(7, 42),
        0xE3A0000D,  # mov r0, #13
        0xEF000005,  # svc 5
        0xE3A0000D,
        0xE7F000F0,  # udf
        *load_constant(1, 0x2000_0000),
        0xE3A0000D,
        0xE5910000,  # ldr r0, [r1]: nothing is there
        0xE3A0000E,
        0xE12FFF11,  # bx r1
    ]
    guest = Guest(code, vectors)
    guest.place(power_off(), 0x80)
    return guest


def test_exceptions_have_the_place_of_their_instruction() -> None:
    guest = faulting_guest()
    with tracing(guest.machine, Kinds.EXCEPTIONS) as trace:
        assert guest.machine.run(1_000_000) == _native.RUN_POWER_OFF
        found = trace.exceptions().records
        counts = trace.by_kind()
    assert [one.kind for one in found] == [SVC, UNDEFINED, DATA_ABORT, PREFETCH_ABORT, HYPERCALL]
    assert [one.pc for one in found[:4]] == [MAIN + 12, MAIN + 20, MAIN + 36, 0x2000_0000]
    call, undefined, data, prefetch, hypercall = found
    assert call.address == 42, "r7, Linux's number of a call"
    assert (call.position, undefined.position) == (12, 24), "each handler is one instruction"
    assert (data.address, data.status & 0x40F) == (0x2000_0000, 8), "an external abort"
    assert data.position == 44, "the load, though its block goes on behind it"
    # What the block would have done behind the load is on the clock: blocks are counted when they begin.
    assert prefetch.position == data.position + 4 * (3 + 1 + 2)
    assert prefetch.address == 0x2000_0000
    assert hypercall.address == 0x8400_0008
    assert {one.mode for one in found} == {0x13, 0x17}
    assert counts[SVC] == counts[UNDEFINED] == counts[DATA_ABORT] == counts[PREFETCH_ABORT] == 1
    guest.close()


def test_interrupts_come_with_their_number_and_their_end() -> None:
    guest = ticking_guest(3, 50, deterministic=True, skip_idle=True)
    with tracing(guest.machine, Kinds.EXCEPTIONS) as trace:
        assert guest.machine.run(1_000_000) == _native.RUN_POWER_OFF
        found = trace.exceptions().records
    assert [one.kind for one in found[:-1]] == [WAITING, WOKEN, IRQ, ACKNOWLEDGED, ENDED] * 3
    irq, acknowledged, ended = found[2:5]
    assert acknowledged.address == ended.address == VIRTUAL_TIMER
    assert irq.position < acknowledged.position < ended.position
    assert irq.clock_ns <= acknowledged.clock_ns <= ended.clock_ns
    assert found[1].clock_ns - found[0].clock_ns > 10_000, "the wait itself"
    assert acknowledged.pc == RAM + 0x20, "the load of the acknowledge register"
    guest.close()


def test_the_timers_registers_are_a_device() -> None:
    guest = ticking_guest(1, 50, deterministic=True, skip_idle=True)
    with tracing(guest.machine, Kinds.MMIO) as trace:
        guest.machine.run()
        devices, found = trace.devices(), trace.accesses().records
    timer = [one for one in found if devices[one.device].name == "timer"]
    assert [(one.offset, one.write, one.value) for one in timer[:2]] == [(0xE030, 1, 1000), (0xE031, 1, 1)]
    assert [one.pc - MAIN for one in timer[:2]] == [0x58, 0x60]
    guest.close()


# Two blocks that follow each other without the engine's loop: add; b; add, add, b.
LOOP = [0xE2800001, 0xEAFFFFFF, 0xE2800001, 0xE2800001, 0xEAFFFFFA]


def test_blocks_are_counted_as_often_as_they_begin() -> None:
    guest = Guest(LOOP)
    with tracing(guest.machine, Kinds.COVERAGE) as trace:
        guest.machine.run(50_000)
        blocks = {one.pc - MAIN: one for one in trace.blocks()}
    assert [(at, one.size) for at, one in sorted(blocks.items())] == [(0, 8), (8, 12)]
    assert [blocks[0].runs, blocks[8].runs] == [10_000, 10_000]
    assert blocks[8].physical == MAIN + 8
    before = guest.machine.ticks()
    guest.machine.run(before + 50_000)
    assert guest.machine.ticks() >= before + 50_000, "it runs on when the trace's memory is gone"
    guest.close()


def test_samples_come_by_the_guests_ticks_and_tell_where_it_is() -> None:
    found = []
    for _ in range(2):
        guest = Guest(LOOP, deterministic=True)
        with tracing(guest.machine, Kinds.PROFILE, period=1001) as trace:
            guest.machine.run(100_000)
            found.append(trace.samples().records)
            assert trace.period == 1001
        guest.close()
    assert found[0] == found[1], "the same each time"
    assert 95 <= len(found[0]) <= 100
    for one in found[0]:
        assert one.pc - MAIN == {0: 0, 8: 8}[one.position % 20], "the block that is about to begin"
        assert one.position % 4004 < 20 or one.position % 4004 > 3984


def test_samples_follow_frame_pointers() -> None:
    # bl outer; b . | outer: push {fp, lr}; add fp, sp, #4; bl inner; b . | inner: the same, and b .
    code = [0xEB000000, 0xEAFFFFFE, 0xE92D4800, 0xE28DB004, 0xEB000000, 0xEAFFFFFE]
    code += [0xE92D4800, 0xE28DB004, 0xEAFFFFFE]
    guest = Guest(code)
    guest.machine.set_cpu({"sp": RAM + 0x9_0000, "r11": 0})
    with tracing(guest.machine, Kinds.PROFILE) as trace:
        guest.machine.run(10_000)
        last = trace.samples().records[-1]
    assert (last.pc - MAIN, last.lr - MAIN) == (0x20, 0x14)
    assert [one - MAIN for one in last.frames] == [0x14, 0x4]
    assert last.saved[7] == RAM + 0x9_0000 - 12, "r11"
    words = struct.unpack_from("<4I", last.stack)
    assert last.sp == RAM + 0x9_0000 - 16
    assert words == (RAM + 0x9_0000 - 4, MAIN + 0x14, 0, MAIN + 4)
    assert len(last.stack) == ring.STACK_MAX
    guest.close()


@pytest.mark.parametrize("frame", [0, 3, 0x2000_0000, RAM + 0x9_0000, RAM + 0xF_FFFC, 0xFFFF_FFFC])
def test_a_stack_that_makes_no_sense_has_no_frames(frame: int) -> None:
    guest = Guest(LOOP)
    guest.machine.set_cpu({"sp": frame & ~3, "r11": frame})
    with tracing(guest.machine, Kinds.PROFILE) as trace:
        guest.machine.run(5_000)
        found = trace.samples().records
    assert len(found) >= 4
    assert {one.frames for one in found} == {()}
    there = max(0, min(ring.STACK_MAX, RAM + RAM_SIZE - (frame & ~3))) if frame >= RAM else 0
    assert {len(one.stack) for one in found} == {there}
    guest.close()


@pytest.mark.parametrize("kinds", [Kinds(1), Kinds(2), Kinds(4), Kinds(8), ALL])
def test_a_traced_guest_does_what_it_would_do(kinds: Kinds) -> None:
    plain = ticking_guest(40, 300, deterministic=True, skip_idle=True)
    plain.machine.run()
    guest = ticking_guest(40, 300, deterministic=True, skip_idle=True)
    while True:  # begun and ended again and again
        with tracing(guest.machine, kinds):
            if guest.machine.run(guest.machine.ticks() + 777) != _native.RUN_LIMIT:
                break
    assert digest(guest) == digest(plain)
    guest.close()
    plain.close()


def test_a_recording_made_with_a_trace_replays_without() -> None:
    guest = ticking_guest(30, 400)
    guest.machine.record()
    with tracing(guest.machine, ALL):
        assert guest.machine.run(1_000_000) == _native.RUN_POWER_OFF
    again = ticking_guest(30, 400, skip_idle=True)
    again.machine.replay(guest.machine.take_log())
    assert again.machine.run() == _native.RUN_POWER_OFF
    assert digest(again) == digest(guest)
    guest.close()
    again.close()


def test_events_from_outside_are_in_it() -> None:
    guest = ticking_guest(3, 50)
    guest.machine.post(_native.EVENT_CONSOLE_INPUT, 0, b"x")
    with tracing(guest.machine, Kinds.EXCEPTIONS) as trace:
        guest.machine.run()
        found = [one for one in trace.exceptions().records if one.kind == INPUT]
    assert [(one.address, one.status) for one in found] == [(_native.EVENT_CONSOLE_INPUT, 0)]
    guest.close()


def test_who_reads_too_late_loses_the_oldest_and_is_told() -> None:
    # ldr r4, [r2]; b .-4: an access a loop
    guest = Guest([*load_constant(2, CPU_INTERFACE + 0x14), 0xE5924000, 0xEAFFFFFD])
    with tracing(guest.machine, Kinds.MMIO) as trace:
        guest.machine.run(2 * 100)
        early = trace.accesses()
        assert (early.lost, len(early.records)) == (0, early.next)
        again = trace.accesses(early.next)
        assert again == (early.next, 0, [])
        guest.machine.run(2 * (ring.ACCESSES_MAX + 5_000))
        late = trace.accesses(early.next)
        assert late.lost + len(late.records) == late.next - early.next
        assert ring.ACCESSES_MAX - 1 <= len(late.records) <= ring.ACCESSES_MAX
        positions = [one.position for one in late.records]
        assert positions == list(range(positions[0], positions[-1] + 8, 8)), "in order, none twice"
        few = trace.accesses(early.next, 10)
        assert few.records == late.records[-10:]
        assert few.lost == late.next - early.next - 10
    guest.close()


def test_a_second_trace_takes_the_place_of_the_first() -> None:
    guest = Guest(LOOP)
    with tracing(guest.machine, ALL) as first:
        guest.machine.run(10_000)
        with tracing(guest.machine, Kinds.COVERAGE) as second:
            assert (first.kinds, second.kinds) == (Kinds(0), Kinds.COVERAGE)
            before = [one.runs for one in first.blocks()]
            guest.machine.run(20_000)
            assert [one.runs for one in first.blocks()] == before
            assert sum(one.runs for one in second.blocks()) > 0
    guest.close()


def test_what_cannot_be_traced_is_refused() -> None:
    guest = Guest(LOOP)
    small = os.memfd_create("small")
    os.ftruncate(small, 4096)
    with pytest.raises(OSError, match="holds less than"):
        guest.machine.start_trace(small, 15)
    with pytest.raises(OSError, match="holds less than"):
        guest.machine.start_trace(-1, 15)
    with pytest.raises(ValueError, match="out of bounds"):
        guest.machine.start_trace(small, 1 << 40)
    whole = os.memfd_create("whole")
    os.ftruncate(whole, ring.SIZE)
    _native.set_test_fault("alloc")
    with pytest.raises(OSError, match="Out of memory"):
        guest.machine.start_trace(whole, 15)
    guest.machine.stop_trace()  # there is none
    guest.machine.run(1000)
    assert _native.TRACE_SIZE == ring.SIZE
    os.close(small)
    os.close(whole)
    guest.close()


def test_a_reset_guest_is_traced_on() -> None:
    guest = ticking_guest(2, 50, deterministic=True, skip_idle=True)
    with tracing(guest.machine, ALL) as trace:
        guest.machine.run()
        before = trace.totals
        guest.machine.reset()
        guest.place(TICKING, 0)
        guest.machine.set_cpu({"pc": MAIN, "vbar": RAM, "r5": RAM + 0x8_0000})
        assert guest.machine.run(1_000_000) == _native.RUN_POWER_OFF
        after = trace.totals
    assert after["exceptions"] == 2 * before["exceptions"]
    assert after["blocks"] == before["blocks"], "the same blocks, counted on"
    guest.close()


def test_a_guest_that_is_stepped_is_traced_as_one_that_runs() -> None:
    told = []
    for stepped in (False, True):
        guest = Guest([*write(UART, 65), *write(UART + 0x24, 7), *LOOP])
        machine = guest.machine
        with tracing(machine, ALL) as trace:
            while stepped and machine.ticks() < 40:
                assert machine.run(steps=1) == _native.RUN_STEP
            machine.run(50_000)
            counts: dict[int, int] = {}
            for block in trace.blocks():
                for at in range(block.pc, block.pc + block.size, 4):
                    counts[at] = counts.get(at, 0) + block.runs
            told.append((trace.accesses().records, counts, digest(guest)))
        guest.close()
    assert told[0] == told[1]
