"""Real guests that are stopped, stepped and watched at random end as those that nobody looked at."""

from typing import Any

import pytest
from test_ram_guests import GUESTS, STEP, Saved, at_work, plain, saved
from wandering import Wanderer

pytestmark = pytest.mark.guest_process

STEPS = {"work": 10, "debian": 12}


def end_of(name: str, seed: int | None) -> tuple[Any, ...]:
    guest: Saved = saved(name)
    running = at_work(guest, plain(guest))
    machine = running.machine
    wanderer = None if seed is None else Wanderer(machine, running.ram.size, seed)
    for _ in range(STEPS[name]):
        tick = machine.ticks() + STEP
        if wanderer:
            wanderer.run_to(tick)
        else:
            machine.run(tick)
        running.board.serve_doorbells()
        running.console += machine.take_console(0)
    state = machine.save()
    end = (*running.end(), machine.position, state)
    running.close()
    if wanderer:
        native = wanderer.native
        for reason in (native.RUN_BREAK, native.RUN_WATCH, native.RUN_STEP, native.RUN_POSITION):
            assert wanderer.reasons.get(reason), wanderer.reasons
        assert len(set(wanderer.positions)) > 20
    return end


@pytest.mark.parametrize("name", GUESTS)
@pytest.mark.parametrize("seed", [1, 2])
def test_who_is_stopped_often_ends_as_who_never_was(name: str, seed: int) -> None:
    assert end_of(name, seed) == end_of(name, None)
