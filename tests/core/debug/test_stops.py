"""Which stops there are, and which of those that were hit really stop."""

import pytest

from pocketvisor.debug.expression import Moment
from pocketvisor.debug.stops import STOPS_MAX, Hit, Stop, StopList
from pocketvisor.errors import DebugError


class Nothing:
    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        return b""


MOMENT = Moment({"r0": 3}, Nothing())


def hit(stop: Stop, address: int = 0, size: int = 0, *, write: bool = False) -> Hit:
    pc = stop.address if stop.kind == "execute" else 0x100
    return Hit(stop.id, 1000, pc, address, size, write)


async def test_a_breakpoint_stops_and_counts() -> None:
    stops = StopList()
    stop = stops.add("execute", 0x8000)
    assert await stops.decides(hit(stop), MOMENT)
    assert await stops.decides(hit(stop), MOMENT)
    assert stop.hits == 2
    assert stops.reached == (stop,)


async def test_a_condition_decides() -> None:
    stops = StopList()
    stop = stops.add("execute", 0x8000, condition="$r0 == 4")
    assert not await stops.decides(hit(stop), MOMENT)
    assert stop.hits == 0
    stops.change(stop.id, condition="$r0 == 3")
    assert await stops.decides(hit(stop), MOMENT)
    stops.change(stop.id, condition="")
    assert await stops.decides(hit(stop), MOMENT)


async def test_a_condition_that_cannot_be_evaluated_stops_and_says_why() -> None:
    stops = StopList()
    stop = stops.add("execute", 0x8000, condition="[0] == 1")
    assert await stops.decides(hit(stop), MOMENT)
    assert "Nothing is mapped" in stop.problem
    stops.change(stop.id, condition="1")
    assert not stop.problem


async def test_so_many_hits_are_passed() -> None:
    stops = StopList()
    stop = stops.add("execute", 0x8000, ignore=2)
    assert [await stops.decides(hit(stop), MOMENT) for _ in range(3)] == [False, False, True]
    assert (stop.hits, stop.ignore) == (3, 0)


async def test_a_temporary_one_goes_once_it_has_stopped() -> None:
    stops = StopList()
    stop = stops.add("execute", 0x8000, temporary=True)
    assert await stops.decides(hit(stop), MOMENT)
    assert not len(stops)
    assert not await stops.decides(hit(stop), MOMENT)


async def test_a_replay_changes_nothing() -> None:
    stops = StopList()
    stop = stops.add("execute", 0x8000, temporary=True, ignore=5)
    assert await stops.decides(hit(stop), MOMENT, count=False)
    assert (stop.hits, stop.ignore, len(stops)) == (0, 5, 1)


async def test_all_that_are_at_one_place_count() -> None:
    stops = StopList()
    first = stops.add("execute", 0x8000, condition="0")
    second = stops.add("execute", 0x8000, origin="gdb")
    assert await stops.decides(hit(first), MOMENT)
    assert (first.hits, second.hits) == (0, 1)
    assert stops.reached == (second,)


async def test_watchpoints_that_an_access_meets_count_and_others_not() -> None:
    stops = StopList()
    named = stops.add("write", 0x1000, 4)
    over = stops.add("access", 0x0FF0, 0x12)
    beside = stops.add("write", 0x1002, 2)
    reading = stops.add("read", 0x1000, 4)
    elsewhere = stops.add("write", 0x1000, 4, physical=True)
    assert await stops.decides(hit(named, 0x1000, 2, write=True), MOMENT)
    assert [stop.hits for stop in (named, over, beside, reading, elsewhere)] == [1, 1, 0, 0, 0]


async def test_one_that_is_switched_off_or_gone_does_not_stop() -> None:
    stops = StopList()
    stop = stops.add("execute", 0x8000)
    stops.change(stop.id, enabled=False)
    assert not await stops.decides(hit(stop), MOMENT)
    assert stops.active() == []
    stops.remove(stop.id)
    assert not await stops.decides(hit(stop), MOMENT)


def test_a_thumb_address_has_its_mark_taken_off() -> None:
    stops = StopList()
    stop = stops.add("execute", 0x8001)
    assert (stop.address, stop.size) == (0x8000, 2)
    assert stops.at(0x8001) == [stop]


def test_every_change_is_told() -> None:
    stops = StopList()
    told = []
    end = stops.on_change(lambda: told.append(len(stops)))
    stop = stops.add("execute", 0x8000)
    stops.change(stop.id, enabled=False)
    stops.add("write", 0x9000, origin="gdb")
    stops.clear("gdb")
    stops.clear("gdb")
    stops.remove(stop.id)
    end()
    stops.add("execute", 0x8000)
    assert told == [1, 1, 2, 1, 0]


def test_a_click_makes_and_removes_the_users_own() -> None:
    stops = StopList()
    stops.add("execute", 0x8000, origin="gdb")
    made = stops.toggle(0x8000)
    assert made is not None
    assert made.origin == "user"
    assert stops.toggle(0x8000) is None
    assert [stop.origin for stop in stops] == ["gdb"]


@pytest.mark.parametrize(
    ("kind", "address", "size", "condition", "words"),
    [
        ("execute", 1 << 32, 4, "", "32 bits"),
        ("execute", -1, 4, "", "32 bits"),
        ("write", 0, 0, "", "1 to"),
        ("write", 0, 1 << 21, "", "1 to"),
        ("write", 0xFFFF_FFFE, 4, "", "beyond the end"),
        ("execute", 0, 4, "1 +", "ends too early"),
        ("jump", 0, 4, "", "none of"),
    ],
)
def test_what_cannot_be_is_refused(kind: str, address: int, size: int, condition: str, words: str) -> None:
    stops = StopList()
    with pytest.raises(DebugError, match=words):
        stops.add(kind, address, size, condition=condition)  # type: ignore[arg-type]
    assert not len(stops)


def test_a_change_that_is_refused_changes_nothing() -> None:
    stops = StopList()
    stop = stops.add("write", 0x1000, 4, condition="1")
    with pytest.raises(DebugError):
        stops.change(stop.id, size=0, condition="2")
    assert (stop.size, stop.condition) == (4, "1")
    with pytest.raises(DebugError, match="no breakpoint 7"):
        stops.remove(7)


def test_there_are_only_so_many() -> None:
    stops = StopList()
    for number in range(STOPS_MAX):
        stops.add("execute", 4 * number)
    with pytest.raises(DebugError, match="already"):
        stops.add("execute", 0)


def test_words_for_people() -> None:
    stops = StopList()
    assert stops.add("execute", 0x8000, place="main").described() == "breakpoint at 0x00008000 (main)"
    watch = stops.add("write", 0x10, 8, physical=True)
    assert watch.described() == "watchpoint for writes to 8 bytes at physical 0x00000010"
