"""The handset's rate is split fairly, and none of it is lost while anybody wants it."""

import asyncio
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketvisor.control.status import PAGE_SIZE, STATE_IDLE, STATE_RUNNING, StatusPage
from pocketvisor.guest.memory import create_memfd
from pocketvisor.scheduler import Demand, Qos, Scheduler, split

_demands = st.lists(st.one_of(st.none(), st.floats(0, 5000)), min_size=1, max_size=6)


@given(_demands, st.floats(1, 4000))
def test_the_split_conserves_work(wanted: list[float | None], total: float) -> None:
    grants = split(total, [Demand(each) for each in wanted])
    enough = all(each is not None for each in wanted) and sum(each or 0 for each in wanted) <= total
    assert sum(grants) <= total * 1.000001
    if not enough:
        assert sum(grants) == pytest.approx(total)
    for each, grant in zip(wanted, grants, strict=True):
        if each is not None:
            assert grant <= each * 1.000001
        else:
            assert grant >= total / len(wanted) * 0.999999


def test_the_foreground_gets_what_others_leave() -> None:
    assert split(100, [Demand(10), Demand(20, foreground=True)]) == [10, 90]


class _Guest:
    """A guest's page, run by hand."""

    def __init__(self) -> None:
        self.status = StatusPage(create_memfd("test", PAGE_SIZE))
        self.wants_share = True
        self.fixed_rate = 0
        self.id = self.name = "test"
        self.pid = 0
        self.qos = Qos()
        self._ticks = self._idle = 0

    def ran(self, ticks: int, idle_ns: int, state: int = STATE_RUNNING) -> None:
        self._ticks += ticks
        self._idle += idle_ns
        struct.pack_into("<QQQQI", self.status._map, 8, self._ticks, 0, self._idle, 0, state)


def test_an_idle_guest_costs_its_neighbour_nothing() -> None:
    idle, busy = _Guest(), _Guest()
    scheduler = Scheduler(1000, lambda: [idle, busy], lambda: idle)
    for step in range(3):
        scheduler.assign(float(step + 1))
        idle.ran(0, 0, STATE_IDLE)
        busy.ran(900, 0)
    assert busy.status.rate == 1000
    assert idle.status.rate >= 500


def test_two_busy_guests_share_evenly_also_on_a_slow_host() -> None:
    first, second = _Guest(), _Guest()
    scheduler = Scheduler(1000, lambda: [first, second], lambda: first)
    for step in range(3):
        scheduler.assign(float(step + 1))
        first.ran(100, 0)
        second.ran(100, 0)
    assert first.status.rate == second.status.rate >= 500


def test_a_paused_guest_and_one_without_limit_take_no_share() -> None:
    paused, free, busy = _Guest(), _Guest(), _Guest()
    paused.wants_share = free.wants_share = False
    free.status.rate = 77
    scheduler = Scheduler(1000, lambda: [paused, free, busy], lambda: busy)
    for step in range(2):
        scheduler.assign(float(step + 1))
        busy.ran(900, 0)
    assert (busy.status.rate, free.status.rate) == (1000, 0)


async def test_a_mistake_in_one_look_leaves_the_others_to_come() -> None:
    looks = 0
    again = asyncio.Event()

    def runners() -> list[Any]:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise ZeroDivisionError
        again.set()
        return []

    scheduler = Scheduler(1_000_000, runners, lambda: None)
    scheduler.start()
    async with asyncio.timeout(10):
        await again.wait()
    scheduler.stop()
