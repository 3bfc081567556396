"""Recording and replay, saving and restoring, the dirty log, and failures that are made to happen."""

import copy
import hashlib
import random
import threading
import time
from typing import Any

import pytest
from native_machines import (
    COUNT_FOREVER,
    RAM,
    STOP,
    TICK_PS,
    UART,
    VIRTIO,
    WFI,
    Guest,
    branch,
    echo_guest,
    power_off,
    ticking_guest,
    write,
)

from pocketvisor import _native

pytestmark = pytest.mark.guest_process


def digest(guest: Guest) -> tuple[str, int, int, dict[str, object]]:
    machine = guest.machine
    return hashlib.blake2b(guest.ram[:]).hexdigest(), machine.ticks(), machine.now_ns(), machine.save()


def type_from_outside(guest: Guest, seed: int) -> threading.Thread:
    """Posts at times that no two runs share, and a last "q"."""

    def typist() -> None:
        chance = random.Random(seed)
        for _ in range(60):
            time.sleep(chance.random() / 500)
            guest.machine.post(_native.EVENT_CONSOLE_INPUT, 0, bytes(chance.choices(range(65, 90), k=3)))
        guest.machine.post(_native.EVENT_CONSOLE_INPUT, 0, b"q")

    thread = threading.Thread(target=typist)
    thread.start()
    return thread


@pytest.mark.parametrize("deterministic", [False, True])
def test_a_recording_replays_to_the_same_state(deterministic: bool) -> None:
    recorded = echo_guest(deterministic=deterministic)
    recorded.machine.record()
    typist = type_from_outside(recorded, 1)
    assert recorded.machine.run() == _native.RUN_POWER_OFF
    typist.join()
    log, output, expected = recorded.machine.take_log(), recorded.machine.take_console(0), digest(recorded)
    recorded.close()
    assert recorded.machine.take_log() == b""
    for skip_idle in (True, False):
        again = echo_guest(deterministic=deterministic, skip_idle=skip_idle)
        again.machine.replay(log)
        again.machine.post(_native.EVENT_CONSOLE_INPUT, 0, b"never seen")
        assert again.machine.run() == _native.RUN_POWER_OFF
        assert again.machine.take_console(0) == output
        assert digest(again) == expected
        again.close()


def test_timers_and_corrections_replay() -> None:
    recorded = ticking_guest(300, 20_000)
    recorded.machine.record()
    recorded.machine.set_rate(200_000_000)  # much slower than its clock: many corrections
    assert recorded.machine.run() == _native.RUN_POWER_OFF
    log, expected = recorded.machine.take_log(), digest(recorded)
    recorded.close()
    again = ticking_guest(300, 20_000, skip_idle=True)
    again.machine.replay(log)
    assert again.machine.run() == _native.RUN_POWER_OFF
    assert digest(again) == expected
    again.close()


def test_a_recording_is_cut_anywhere_and_goes_on() -> None:
    """Leaving run() in between changes nothing."""
    recorded = ticking_guest(200, 5000)
    recorded.machine.record()
    stopper = threading.Timer(0.002, recorded.machine.stop)
    stopper.start()
    while (reason := recorded.machine.run()) == _native.RUN_STOPPED:
        stopper = threading.Timer(0.001, recorded.machine.stop)
        stopper.start()
    assert reason == _native.RUN_POWER_OFF
    stopper.cancel()
    log, expected = recorded.machine.take_log(), digest(recorded)
    again = ticking_guest(200, 5000, skip_idle=True)
    again.machine.replay(log)
    step = 0
    while again.machine.run(step) == _native.RUN_LIMIT:
        step += 50_000
    assert digest(again) == expected
    recorded.close()
    again.close()


def test_another_guest_diverges_from_the_log() -> None:
    recorded = ticking_guest(50, 1000)
    recorded.machine.record()
    assert recorded.machine.run() == _native.RUN_POWER_OFF
    log = recorded.machine.take_log()
    other = ticking_guest(50, 1001, skip_idle=True)
    other.machine.replay(log)
    assert other.machine.run() == _native.RUN_DIVERGED
    waiting = Guest([WFI, *power_off()], skip_idle=True)
    waiting.machine.replay(b"")
    assert waiting.machine.run() == _native.RUN_DEAD
    for guest in (recorded, other, waiting):
        guest.close()


def test_a_malformed_log_is_refused() -> None:
    guest = Guest(COUNT_FOREVER)
    for log in (b"x", bytes(16), b"\0" * 8 + b"\x05\0\0\0" + b"\xff\xff\xff\x7f"):
        with pytest.raises(ValueError, match="malformed"):
            guest.machine.replay(log)
    assert guest.machine.run(1000) == _native.RUN_LIMIT
    guest.close()


def test_a_recording_out_of_memory_ends_the_run() -> None:
    guest = ticking_guest(100, 1000)
    guest.machine.record()
    _native.set_test_fault("log")
    assert guest.machine.run() == _native.RUN_ERROR
    assert guest.machine.error == "The recording is out of memory."
    guest.close()


def test_a_guest_moves_to_another_machine() -> None:
    """At any tick: in the middle of a handler, or waiting."""
    whole = ticking_guest(40, 3000, deterministic=True, skip_idle=True)
    assert whole.machine.run() == _native.RUN_POWER_OFF
    expected = digest(whole)
    for cut in (1, 500, 12_345, 100_000, 222_222):
        here = ticking_guest(40, 3000, deterministic=True, skip_idle=True)
        assert here.machine.run(cut) == _native.RUN_LIMIT
        there = Guest(deterministic=True, skip_idle=True)
        there.ram[:] = here.ram[:]
        state = here.machine.save()
        there.machine.restore(state)
        assert there.machine.save() == state
        assert there.machine.run() == _native.RUN_POWER_OFF
        assert digest(there) == expected
        here.close()
        there.close()
    whole.close()


def test_time_goes_on_at_another_rate() -> None:
    here = Guest(COUNT_FOREVER, deterministic=True)
    here.machine.run(1_000_000)
    there = Guest(COUNT_FOREVER, tick_ps=4 * TICK_PS, deterministic=True)
    there.machine.restore(here.machine.save())
    now = here.machine.now_ns()
    assert there.machine.now_ns() == now
    there.machine.run(2_000_000)
    assert there.machine.now_ns() == now + 4_000_000
    back = Guest(COUNT_FOREVER, deterministic=True)
    back.machine.restore(there.machine.save())
    assert back.machine.now_ns() == now + 4_000_000
    for guest in (here, there, back):
        guest.close()


def broken_states(state: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    def with_change(*path: str, to: Any) -> dict[str, Any]:
        changed = copy.deepcopy(state)
        place = changed
        for name in path[:-1]:
            place = place[name]
        if to is None:
            del place[path[-1]]
        else:
            place[path[-1]] = to
        return changed

    return [
        ("engine", with_change("engine", to="another")),
        ("engine", with_change("engine", to=7)),
        ("cpu", with_change("cpu", to=None)),
        ("CPU", with_change("cpu", to=b"short")),
        ("CPU", with_change("cpu", to=bytes(len(state["cpu"])))),
        ("gic", with_change("gic", to=None)),
        ("gic", with_change("gic", to=[])),
        ("gic, priority", with_change("gic", "priority", to=bytes(3))),
        ("gic, priority", with_change("gic", "priority", to=[0] * 288)),
        ("gic, enabled", with_change("gic", "enabled", to=[0])),
        ("gic, enabled", with_change("gic", "enabled", to=[1 << 32] * 9)),
        ("gic, control", with_change("gic", "control", to=-1)),
        ("gic, control", with_change("gic", "control", to="1")),
        ("gic", with_change("gic", "binary_point", to=99)),
        ("gtimer", with_change("gtimer", "control", to=[9, 0])),
        ("pl011.0, fifo_at", with_change("pl011.0", "fifo_at", to=None)),
        ("pl011.0", with_change("pl011.0", "fifo_at", to=16)),
        ("virtio.0", with_change("virtio.0", "queue_size", to=[65] + [0] * 15)),
        ("machine", with_change("machine", "ended", to=1)),
        ("clock", with_change("clock", "base", to=1 << 60)),
    ]


def test_a_broken_state_changes_nothing() -> None:
    guest = ticking_guest(40, 3000, deterministic=True, skip_idle=True)
    guest.machine.run(50_000)
    state: Any = guest.machine.save()
    for words, broken in broken_states(state):
        with pytest.raises(ValueError, match=words):
            guest.machine.restore(broken)
        assert guest.machine.save() == state
    extended = copy.deepcopy(state)
    extended["gic"]["of a later version"] = 1
    extended["tomorrow"] = {}
    guest.machine.restore(extended)
    assert guest.machine.run() == _native.RUN_POWER_OFF
    guest.close()


def test_the_dirty_log_names_pages() -> None:
    guest = Guest(write(RAM + 0x5_0123, 1) + write(RAM + 0x7_F000, 1) + [STOP])
    machine = guest.machine
    machine.run(2000)

    def pages() -> list[int]:
        bits = int.from_bytes(machine.harvest_dirty(), "little")
        return [page for page in range(256) if bits >> page & 1]

    assert pages() == [0x50, 0x7F]
    assert pages() == []
    machine.set_cpu({"pc": RAM + 0x100})
    machine.run(4000)
    assert pages() == [0x50, 0x7F]
    guest.close()


def test_reset_is_power_on() -> None:
    guest = Guest(write(UART + 0x38, 0x50) + write(VIRTIO + 0x70, 1) + power_off())
    machine = guest.machine
    fresh: Any = machine.save()
    assert machine.run() == _native.RUN_POWER_OFF
    changed: Any = machine.save()
    assert changed["pl011.0"]["interrupt_mask"] == 0x50
    machine.reset()
    after: Any = machine.save()
    for part in ("gic", "gtimer", "pl011.0", "machine"):
        assert after[part] == fresh[part]
    assert after["virtio.0"]["status"] == 0
    assert after["clock"] == changed["clock"]
    guest.close()


@pytest.mark.parametrize("fault", ["alloc", "eventfd"])
def test_what_cannot_be_had_is_an_os_error(fault: str) -> None:
    _native.set_test_fault(fault)
    with pytest.raises(OSError):
        Guest()
    Guest().close()


def test_faults_have_names() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        _native.set_test_fault("nonsense")


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("add_gic", (0x0900_1000, 0x0900_2000)),  # a second one
        ("add_pl011", (0x0A00_0000, 2)),  # overlaps virtio
        ("add_pl011", (0x0B00_0000, 256)),
        ("add_virtio_slots", (0x0B00_0000, 0, 32)),
        ("fill_virtio_slot", (0, 1, 0, (64,), b"")),  # taken
        ("fill_virtio_slot", (40, 1, 0, (64,), b"")),
        ("fill_virtio_slot", (1, 1, 0, (63,), b"")),
        ("fill_virtio_slot", (1, 1, 0, (1 << 20,), b"")),
        ("fill_virtio_slot", (1, 1, 0, (64,) * 20, b"")),
        ("fill_virtio_slot", (1, 1, 0, (64,), bytes(300))),
        ("fill_virtio_slot", (1, 1, 0, (64,), bytes(136), {(1, 300): b""})),
        ("fill_virtio_slot", (1, 1, 0, (64,), bytes(136), {(1, 0): bytes(129)})),
        ("fill_virtio_slot", (1, 1, 0, (64,), bytes(100), {(1, 0): b"name"})),
        ("add_framebuffer", (0x0C00_0000, 0, 0, 10, 40, 0)),
        ("take_console", (5,)),
        ("virtio_status", (32,)),
        ("virtio_queue", (0, 2)),
    ],
)
def test_what_cannot_be_is_refused(method: str, arguments: tuple[Any, ...]) -> None:
    guest = Guest()
    with pytest.raises(ValueError):
        getattr(guest.machine, method)(*arguments)
    guest.close()


def test_memories_are_mapped_and_bounded() -> None:
    code = [*write(RAM, 5), *write(0x100, 7), *write(0x40_0000, 9), branch(0, 0)]
    guest = Guest(code)
    machine, flash = guest.machine, guest.fds["framebuffer"][1]
    machine.map_memory(0, 0x1000, flash, writable=False)
    machine.map_memory(0x40_0000, 0x1000, flash, writable=True)
    with pytest.raises(ValueError):
        machine.map_memory(0x100_0000, 0x10_0000, flash, writable=True)  # longer than its descriptor
    with pytest.raises(ValueError):
        machine.map_memory(0x100_0000, 100, flash, writable=True)  # not whole pages
    with pytest.raises(ValueError):
        machine.map_memory(RAM, 0x1000, flash, writable=True)  # overlaps
    machine.run(2000)
    assert guest.framebuffer[0] == 9
    assert guest.framebuffer[0x100] == 0
    assert machine.counters()["empty_accesses"] == 1
    guest.close()
