"""A machine runs small guests: time, interrupts, the console, stopping, power."""

import os
import select
import threading
import time
from itertools import pairwise

import pytest
from native_machines import (
    COUNT_FOREVER,
    HVC,
    PERIOD,
    RAM,
    STOP,
    SYSTEM_RESET,
    UART,
    VIRTUAL_TIMER,
    WFI,
    Guest,
    branch,
    echo_guest,
    gic_set_up,
    load_constant,
    power_off,
    read,
    ticking_guest,
    timer_in,
    write,
)

from pocketvisor import _native
from pocketvisor.control.status import STATE_IDLE, StatusPage

pytestmark = pytest.mark.guest_process


def test_a_tick_limit_is_met_at_the_same_block_each_time() -> None:
    ends = set()
    for _ in range(3):
        guest = Guest(COUNT_FOREVER, deterministic=True, skip_idle=True)
        assert guest.machine.run(1_000_001) == _native.RUN_LIMIT
        ends.add((guest.machine.ticks(), guest.machine.registers()["r0"]))
        guest.close()
    assert ends == {(1_000_002, 500_001)}


def test_a_limit_already_passed_returns_at_once() -> None:
    guest = Guest(COUNT_FOREVER)
    assert guest.machine.run(100) == _native.RUN_LIMIT
    ticks = guest.machine.ticks()
    assert guest.machine.run(50) == _native.RUN_LIMIT
    assert guest.machine.ticks() == ticks
    guest.close()


def test_power_off_lasts_until_reset() -> None:
    guest = Guest(power_off())
    machine = guest.machine
    assert machine.run() == _native.RUN_POWER_OFF
    assert machine.run() == _native.RUN_POWER_OFF
    machine.reset()
    assert machine.registers()["pc"] == 0
    machine.set_cpu({"pc": RAM + 0x100})
    assert machine.run() == _native.RUN_POWER_OFF
    guest.close()


def test_a_guest_may_ask_for_a_reset() -> None:
    for function in (SYSTEM_RESET, 0x8400_0012):
        guest = Guest([*load_constant(0, function), 0xE3A01000, HVC])  # mov r1, #0
        assert guest.machine.run() == _native.RUN_RESET
        guest.close()


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ((0x8400_0000,), 0x1_0001),  # PSCI_VERSION
        ((0x8400_000A, 0x8400_0008), 0),  # PSCI_FEATURES of SYSTEM_OFF
        ((0x8400_000A, 0x8400_0012), 0),
        ((0x8400_000A, 0x8400_000E), -1),  # SYSTEM_SUSPEND
        ((0x8400_0001, 0x0100_0000), -2),  # CPU_SUSPEND of more than the CPU
        ((0x8400_0002,), -3),  # CPU_OFF
        ((0x8400_0003, 0), -4),  # CPU_ON of the CPU that runs
        ((0x8400_0003, 1), -2),
        ((0x8400_0004, 0, 0), 0),  # AFFINITY_INFO
        ((0x8400_0004, 1, 0), -2),
        ((0x8400_0004, 1, 1), 0),  # a group that the CPU is in
        ((0x8400_0004, 0, 4), -2),
        ((0x8400_0005, 0), -1),  # MIGRATE
        ((0x8400_0006,), 2),  # MIGRATE_INFO_TYPE
        ((0x8400_0012, 1), -2),  # SYSTEM_RESET2 of no known kind
        ((0xC400_0003, 0), -1),  # CPU_ON of 64-bit callers
        ((0x8000_0000,), -1),  # SMCCC_VERSION
        ((0x1234_5678,), -1),
    ],
)
def test_psci_answers(arguments: tuple[int, ...], answer: int) -> None:
    code = [word for register, value in enumerate(arguments) for word in load_constant(register, value)]
    guest = Guest([*code, HVC, 0xE1A07000, *power_off()])  # mov r7, r0
    assert guest.machine.run() == _native.RUN_POWER_OFF
    assert guest.machine.registers()["r7"] == answer & 0xFFFF_FFFF
    guest.close()


def test_a_suspended_cpu_wakes_by_its_timer() -> None:
    code = gic_set_up(VIRTUAL_TIMER) + timer_in(PERIOD) + [*load_constant(0, 0x8400_0001), HVC, 0xE1A07000]
    guest = Guest(code + power_off(), deterministic=True, skip_idle=True)
    assert guest.machine.run() == _native.RUN_POWER_OFF
    assert guest.machine.registers()["r7"] == 0
    assert guest.machine.now_ns() >= PERIOD * 16
    guest.close()


def test_idle_jumps_are_exact() -> None:
    ends = set()
    for _ in range(3):
        guest = ticking_guest(100, 50, deterministic=True, skip_idle=True)
        assert guest.machine.run() == _native.RUN_POWER_OFF
        assert guest.machine.registers()["r6"] == 100
        ends.add((guest.machine.ticks(), guest.machine.now_ns()))
        counters = guest.machine.counters()
        assert counters["irqs"] == 100
        assert counters["waits"] == 100
        guest.close()
    assert len(ends) == 1
    _, now = ends.pop()
    assert 100 * PERIOD * 16 <= now < 101 * PERIOD * 16 + 100_000


def test_idle_time_is_slept_in_real_time() -> None:
    guest = ticking_guest(2000, 50)
    start = time.monotonic_ns()
    assert guest.machine.run() == _native.RUN_POWER_OFF
    took, now = time.monotonic_ns() - start, guest.machine.now_ns()
    assert now >= 2000 * PERIOD * 16
    assert now - 5_000_000 <= took, "the guest's clock ran ahead of real time"
    guest.close()


def test_the_clock_follows_real_time_while_the_guest_is_busy() -> None:
    """A guest at a tenth of its rate still sees every second pass."""
    guest = Guest(COUNT_FOREVER)
    machine = guest.machine
    machine.set_rate(100_000_000)
    start, behind = time.monotonic_ns(), [0]
    for _ in range(5):
        before = machine.now_ns()
        assert machine.run(machine.ticks() + 10_000_000) == _native.RUN_LIMIT
        assert machine.now_ns() - before >= 80_000_000, "ten million ticks, a tenth of a second"
        behind.append(time.monotonic_ns() - start - machine.now_ns())
    assert min(behind) > -5_000_000, "it never runs ahead"
    # Of the others this thread may have waited for a processor at the end.
    assert min(later - earlier for earlier, later in pairwise(behind)) < 20_000_000
    guest.close()


def test_a_deterministic_guest_is_not_corrected() -> None:
    guest = Guest(COUNT_FOREVER, deterministic=True)
    machine = guest.machine
    machine.set_rate(20_000_000)
    threading.Timer(0.2, machine.stop).start()
    assert machine.run() == _native.RUN_STOPPED
    assert machine.now_ns() == machine.ticks()  # 1000 ps a tick
    guest.close()


def test_the_rate_is_kept_and_can_be_lifted() -> None:
    guest = Guest(COUNT_FOREVER)
    machine = guest.machine
    machine.run(50_000_000)  # learns how fast the host is
    for rate in (5_000_000, 50_000_000):
        machine.set_rate(rate)
        before, start = machine.ticks(), time.monotonic()
        threading.Timer(0.4, machine.stop).start()
        machine.run()
        assert (machine.ticks() - before) / (time.monotonic() - start) < rate * 1.15
    machine.set_rate(0)
    assert machine.run(machine.ticks() + 100_000_000) == _native.RUN_LIMIT
    guest.close()


def test_the_status_page_limits_the_rate_too() -> None:
    guest = Guest(COUNT_FOREVER, with_status=True)
    machine = guest.machine
    guest.status[0x800:0x808] = (5_000_000).to_bytes(8, "little")
    machine.set_rate(500_000_000)
    start = time.monotonic()
    threading.Timer(0.3, machine.stop).start()
    machine.run()
    assert machine.ticks() / (time.monotonic() - start) < 6_500_000
    guest.close()


def test_stop_from_another_thread() -> None:
    for code in (COUNT_FOREVER, [WFI, branch(1, 0)]):
        guest = Guest(code)
        threading.Timer(0.05, guest.machine.stop).start()
        start = time.monotonic()
        assert guest.machine.run() == _native.RUN_STOPPED
        assert time.monotonic() - start < 30
        guest.machine.stop()  # before it is entered
        assert guest.machine.run() == _native.RUN_STOPPED
        guest.close()


def test_a_stopped_wait_goes_on_waiting() -> None:
    guest = Guest([WFI, *power_off()], deterministic=True, with_status=True)
    machine, page = guest.machine, StatusPage(guest.fds["status"][1])

    def stop() -> None:
        while page.head().state != STATE_IDLE:
            os.sched_yield()
        machine.stop()

    for _ in range(3):
        thread = threading.Thread(target=stop)
        thread.start()
        assert machine.run() == _native.RUN_STOPPED
        thread.join()
        assert machine.ticks() == 1
    page.close()
    guest.close()


def test_nothing_can_wake_a_dead_guest() -> None:
    guest = Guest([WFI, *power_off()], deterministic=True, skip_idle=True)
    assert guest.machine.run() == _native.RUN_DEAD
    assert guest.machine.run() == _native.RUN_DEAD
    guest.close()


HELLO = b"hello, handset\n"


def test_the_console_speaks() -> None:
    guest = Guest([word for byte in HELLO for word in write(UART, byte, 1)] + power_off())
    machine = guest.machine
    assert machine.run() == _native.RUN_POWER_OFF
    assert select.select([machine.console_fd], [], [], 0)[0]
    assert machine.take_console(0) == HELLO
    assert not select.select([machine.console_fd], [], [], 0)[0]
    assert machine.take_console(0) == b""
    guest.close()


def test_output_that_nobody_takes_is_bounded() -> None:
    count = (1 << 20) + 5000
    code = [*load_constant(2, UART), *load_constant(0, count)]
    code += [0xE5C20000, 0xE2500001, 0x1AFFFFFC]  # strb r0, [r2]; subs r0, r0, #1; bne
    guest = Guest(code + power_off())
    assert guest.machine.run() == _native.RUN_POWER_OFF
    output = guest.machine.take_console(0)
    assert len(output) == 1 << 20
    assert output[-3:] == bytes((3, 2, 1))  # the newest
    assert guest.machine.counters()["output_dropped"] == 5000
    guest.close()


def test_the_console_listens() -> None:
    guest = echo_guest()
    machine = guest.machine
    got = bytearray()

    def typist() -> None:
        for byte in b"pocket":
            machine.post(_native.EVENT_CONSOLE_INPUT, 0, bytes((byte,)))
            assert select.select([machine.console_fd], [], [], 10)[0]
            got.extend(machine.take_console(0))
        machine.post(_native.EVENT_CONSOLE_INPUT, 0, b"visorq")

    thread = threading.Thread(target=typist)
    thread.start()
    assert machine.run() == _native.RUN_POWER_OFF
    thread.join()
    assert bytes(got) + machine.take_console(0) == b"pocketvisorq"
    assert machine.counters()["events"] >= 7
    guest.close()


def test_posts_over_a_bound_are_refused() -> None:
    guest = Guest(COUNT_FOREVER)
    machine = guest.machine
    assert not machine.post(99, 0, b"")
    assert not machine.post(_native.EVENT_DEVICE, 0, bytes(5 << 20))
    posted = 0
    while machine.post(_native.EVENT_CONSOLE_INPUT, 0, b"x"):
        posted += 1
    assert posted == 4096
    assert machine.counters()["events_refused"] == 3
    with pytest.raises(ValueError):
        machine.post(1 << 16, 0, b"")
    guest.close()


def test_input_over_the_backlog_is_dropped_and_counted() -> None:
    guest = Guest(COUNT_FOREVER)
    for _ in range(3):
        assert guest.machine.post(_native.EVENT_CONSOLE_INPUT, 0, bytes(40_000))
    assert guest.machine.post(_native.EVENT_CONSOLE_INPUT, 7, b"nobody")
    guest.machine.run(1000)
    assert guest.machine.counters()["input_dropped"] == 120_000 - 65_536 - 1
    guest.close()


def test_sync_returns_at_the_tick_of_the_output() -> None:
    ends = []
    for _ in range(2):
        outputs = [word for byte in b"ab" for word in [*write(UART, byte), branch(0, 1)]]
        guest = Guest(outputs + power_off())
        machine = guest.machine
        machine.set_sync(True)
        trace = []
        while (reason := machine.run()) == _native.RUN_SYNC:
            trace.append((machine.ticks(), machine.take_console(0)))
        assert reason == _native.RUN_POWER_OFF
        ends.append(trace)
        guest.close()
    assert [text for _, text in ends[0]] == [b"a", b"b"]
    assert ends[0] == ends[1]


def test_the_counter_can_be_read() -> None:
    guest = Guest([0xEC510F1E, *power_off()])  # mrrc p15, 1, r0, r1, c14
    guest.machine.run()
    guest.close()
    guest = Guest([STOP])
    with pytest.raises(ValueError):
        guest.machine.run(-1)
    guest.close()


def test_registers_and_translation() -> None:
    guest = Guest([STOP])
    machine = guest.machine
    machine.set_cpu({"r3": 7, "sp": 0x4000_8000, "cpsr": 0x1D3})
    registers = machine.registers()
    assert registers["r3"] == 7
    assert registers["sp"] == 0x4000_8000
    assert registers["pc"] == RAM + 0x100
    assert machine.translate(RAM + 0x1234) == (RAM + 0x1234, 7)
    with pytest.raises(ValueError, match="r99"):
        machine.set_cpu({"r99": 0})
    with pytest.raises(ValueError):
        machine.set_cpu({"r0": 1 << 32})
    guest.close()


def test_the_status_page_tells() -> None:
    guest = Guest(read(UART + 0x18) + power_off(), with_status=True)
    machine = guest.machine

    def word(offset: int, size: int = 8) -> int:
        return int.from_bytes(guest.status[offset : offset + size], "little")

    assert guest.status[0:8] == b"PVST\x01\0\0\0"
    assert word(0x28, 4) == 0
    machine.run()
    assert word(0x08) == machine.ticks()
    assert word(0x10) == machine.now_ns()
    assert word(0x20) > 0
    assert word(0x28, 4) == 3
    assert word(0x2C, 4) == _native.RUN_POWER_OFF
    counters = machine.counters()
    assert [word(0x40 + 8 * index) for index in range(len(counters))] == list(counters.values())
    guest.close()


def test_two_machines_run_side_by_side() -> None:
    guests = [ticking_guest(200, 1000, deterministic=True, skip_idle=True) for _ in range(2)]
    reasons: list[int] = []
    threads = [threading.Thread(target=lambda g=guest: reasons.append(g.machine.run())) for guest in guests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert reasons == [_native.RUN_POWER_OFF] * 2
    assert guests[0].machine.ticks() == guests[1].machine.ticks()
    for guest in guests:
        guest.close()


def test_a_running_machine_refuses_what_needs_it_still() -> None:
    guest = Guest(COUNT_FOREVER)
    machine = guest.machine
    thread = threading.Thread(target=machine.run)
    thread.start()
    while machine.ticks() == 0:
        os.sched_yield()
    for call in (
        machine.run,
        machine.registers,
        machine.save,
        machine.reset,
        machine.harvest_dirty,
        machine.record,
    ):
        with pytest.raises(RuntimeError, match="running"):
            call()
    with pytest.raises(RuntimeError):
        machine.set_line(1, True)
    machine.stop()
    thread.join(10)
    with pytest.raises(RuntimeError, match="has run"):
        machine.add_pl011(0x0904_0000, 8)
    guest.close()
