"""What a board's state says for people, of a machine that has set up its GIC and timer."""

import pytest
from native_machines import STOP, VIRTUAL_TIMER, Guest, gic_set_up, timer_in, write

from pocketvisor.debug.board_state import NO_INTERRUPT, TIMER_TICK_NS, board_state

pytestmark = pytest.mark.guest_process

DISTRIBUTOR = 0x0800_0000


def run(code: list[int], ticks: int) -> Guest:
    guest = Guest([*code, STOP])
    guest.machine.run(ticks)
    return guest


def test_a_timer_that_will_ring() -> None:
    guest = run([*gic_set_up(VIRTUAL_TIMER), *timer_in(100_000)], 200)
    state = board_state(guest.machine.save())
    physical, virtual = state.timers
    assert not physical.enabled
    assert physical.due_ns is None
    assert virtual.enabled
    assert not virtual.met
    assert virtual.interrupt == VIRTUAL_TIMER
    assert virtual.due_ns is not None
    assert 0 < virtual.due_ns <= 100_000 * TIMER_TICK_NS
    assert state.frequency == 62_500_000
    assert state.count == guest.machine.now_ns() // TIMER_TICK_NS
    guest.close()


def test_an_interrupt_that_waits_because_the_cpu_masks_it() -> None:
    guest = run([*gic_set_up(VIRTUAL_TIMER), *write(DISTRIBUTOR + 0x418, 0xA0000000), *timer_in(10)], 5000)
    state = board_state(guest.machine.save())
    gic = state.gic
    assert gic is not None
    assert gic.forwards
    assert gic.signals
    assert gic.priority_mask == 0xF0
    line = gic.interrupts[VIRTUAL_TIMER]
    assert (line.name, line.device) == ("PPI 11", "virtual timer")
    assert line.enabled
    assert line.pending
    assert line.level
    assert not line.active
    assert line.priority == 0xA0
    assert gic.highest_pending == VIRTUAL_TIMER
    assert gic.signalled
    assert state.timers[1].due_ns == 0
    assert [each.number for each in gic.interrupts if each.pending] == [VIRTUAL_TIMER]
    guest.close()


def test_nothing_is_set_up() -> None:
    guest = run([], 10)
    gic = board_state(guest.machine.save()).gic
    assert gic is not None
    assert not gic.forwards
    assert not gic.signalled
    assert gic.highest_pending == NO_INTERRUPT
    guest.close()
