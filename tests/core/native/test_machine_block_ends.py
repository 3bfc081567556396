"""Blocks end where they always do, however a guest is stopped: events enter at their starts alone."""

import random

import pytest
from native_machines import Guest
from stop_guests import START, at, straight_guest

from pocketvisor import _native

pytestmark = pytest.mark.guest_process

# ldm r4, {r6-r9}; stm r4, {r0-r3}; strd r0, r1, [r4]; add; adds; ldr: many operations of the engine each,
# so that it ends a block by their number.
LONG = [0xE89403C0, 0xE884000F, 0xE1C400F0, 0xE0800001, 0xE0900001, 0xE5943000]
LENGTH = 490


def long_guest(seed: int) -> Guest:
    return straight_guest(*random.Random(seed).choices(LONG, k=LENGTH))


def block_starts(guest: Guest) -> list[int]:
    """A tick's limit is met at the next of them."""
    machine, starts = guest.machine, []
    while (reason := machine.run(machine.ticks() + 1)) != _native.RUN_POWER_OFF:
        if reason == _native.RUN_LIMIT:
            starts.append(machine.position)
    return starts


@pytest.mark.parametrize("seed", range(6))
def test_long_blocks_with_breakpoints_and_watchpoints(seed: int) -> None:
    plain, stopped = long_guest(seed), long_guest(seed)
    expected = block_starts(plain)
    assert any(0 < start < 4 * (START + LENGTH) for start in expected)  # within the straight code
    chance = random.Random(seed)
    breaks = [(index, _native.STOP_EXECUTE, at(chance.randrange(LENGTH)), 4, False) for index in range(8)]
    stopped.machine.set_stops([*breaks, (9, _native.STOP_WRITE, 0, 0xFFFF_FFFF, True)])
    assert block_starts(stopped) == expected
    assert stopped.machine.save() == plain.machine.save()
    plain.close()
    stopped.close()


def test_positions_within_long_blocks() -> None:
    plain, stopped = long_guest(1), long_guest(1)
    assert plain.machine.run() == _native.RUN_POWER_OFF
    for position in range(40, 1900, 52):
        assert stopped.machine.run(position=position) == _native.RUN_POSITION
        assert stopped.machine.position == position
    assert stopped.machine.run() == _native.RUN_POWER_OFF
    assert stopped.machine.save() == plain.machine.save()
    plain.close()
    stopped.close()


def test_a_guest_that_takes_one_exception_after_the_other_is_stopped_as_any() -> None:
    """Its vectors cannot be fetched: it starts no block any more."""

    def make() -> Guest:
        guest = straight_guest(0xE7F000F0)
        guest.machine.set_cpu({"vbar": 0x2000_0000})
        return guest

    guest, plain = make(), make()
    for _ in range(8):
        before = guest.machine.position
        assert guest.machine.run(steps=1) == _native.RUN_STEP
        assert guest.machine.position > before
    wanted = guest.machine.position + 1000
    assert guest.machine.run(position=wanted) == _native.RUN_POSITION
    assert guest.machine.position >= wanted
    assert guest.machine.run(guest.machine.ticks() + 100) == _native.RUN_LIMIT
    assert plain.machine.run(guest.machine.ticks()) == _native.RUN_LIMIT
    assert guest.machine.save() == plain.machine.save()
    guest.close()
    plain.close()
