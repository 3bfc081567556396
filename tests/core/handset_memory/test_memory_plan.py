"""Who gives memory back: idle guests first, nobody below what it needs, and only as much as is lacking."""

import random

from pocketvisor.guest.statistics import GuestCounters
from pocketvisor.handset_memory.plan import MIB, Holder, can_have, least_of, limits, reserve_of, used
from pocketvisor.handset_memory.rest import AFTER_SECONDS, FOREGROUND_AFTER_SECONDS, Rest

RAM = 256 * MIB


def holder(name: str, held: int, ram: int = 192, **more: object) -> Holder:
    """In MiB; with a balloon that is empty, unless said otherwise."""
    fields: dict[str, object] = {"limit": ram * MIB, "least": least_of(ram * MIB)}
    return Holder(id=name, ram=ram * MIB, held=held * MIB, **(fields | more))  # type: ignore[arg-type]


def bare(name: str, held: int, ram: int) -> Holder:
    return holder(name, held, ram, limit=None, least=ram * MIB)


def test_nobody_is_asked_while_there_is_room() -> None:
    assert limits(RAM, [holder("a", 100), bare("b", 5, 64)]) == {}


def test_idle_guests_give_before_busy_ones_and_the_foreground_last() -> None:
    guests = [
        holder("busy", 90),
        holder("front", 70, foreground=True, idle=True),
        holder("idle", 60, idle=True),
    ]
    lacks = reserve_of(RAM) - (RAM - 220 * MIB)
    assert lacks < 0
    assert limits(RAM, guests, 30 * MIB) == {"idle": 50 * MIB}
    assert limits(RAM, guests, 70 * MIB) == {"idle": 48 * MIB, "busy": 52 * MIB}
    asked = limits(RAM, guests, 80 * MIB)
    assert asked == {"idle": 48 * MIB, "busy": 48 * MIB, "front": 64 * MIB}


def test_what_a_guest_says_that_it_needs_is_left_to_it() -> None:
    guests = [holder("full", 120, idle=True, spare=10 * MIB), holder("other", 110)]
    assert limits(RAM, guests, 30 * MIB) == {"full": 110 * MIB, "other": 100 * MIB}


def test_one_who_did_not_do_it_is_not_asked_again() -> None:
    guests = [holder("deaf", 120, idle=True, deaf=True), holder("other", 110)]
    assert limits(RAM, guests, 30 * MIB) == {"other": 90 * MIB}


def test_it_comes_back_to_the_foreground_first_half_at_a_time() -> None:
    guests = [
        holder("back", 48, limit=48 * MIB, idle=True),
        holder("front", 48, limit=48 * MIB, foreground=True),
    ]
    free = RAM - 96 * MIB - reserve_of(RAM)
    assert limits(RAM, guests) == {"front": 48 * MIB + free // 2}


def test_whatever_guests_there_are_the_plan_can_be_carried_out() -> None:
    chance = random.Random(5)
    for _ in range(3000):
        ram = chance.choice((128, 192, 256, 512)) * MIB
        guests = []
        for number in range(chance.randrange(1, 6)):
            size = chance.choice((16, 64, 128, 192, 256))
            held = chance.randrange(size + 1)
            if chance.random() < 0.4:
                guests.append(bare(str(number), held, size))
                continue
            guests.append(
                holder(
                    str(number),
                    held,
                    size,
                    limit=chance.randrange(least_of(size * MIB) // MIB, size + 1) * MIB,
                    idle=chance.random() < 0.5,
                    spare=chance.choice((None, chance.randrange(200) * MIB)),
                    deaf=chance.random() < 0.1,
                )
            )
        wanted = chance.choice((0, chance.randrange(200) * MIB))
        by_name = {one.id: one for one in guests}
        asked = limits(ram, guests, wanted)
        free = ram - sum(one.held for one in guests) - wanted
        for name, limit in asked.items():
            one = by_name[name]
            assert one.limit is not None and one.least - MIB < limit <= one.ram
            assert limit % MIB == 0 and limit != one.limit
            if free < reserve_of(ram):
                assert one.held - limit <= one.can_give + MIB
        if free < reserve_of(ram):
            given = sum(max(by_name[name].held - limit, 0) for name, limit in asked.items())
            assert given <= reserve_of(ram) - free + len(asked) * MIB
        else:
            more = sum(limit - (by_name[name].limit or 0) for name, limit in asked.items())
            assert 0 <= more <= free, "what is given back is there"
        assert used(ram, guests) >= sum(one.held for one in guests)


def test_two_of_192_and_two_of_64_fit_into_256_where_the_large_ones_can_give() -> None:
    large, small = [holder(name, 50) for name in "ab"], [bare(name, 5, 64) for name in "cd"]
    assert can_have(RAM, [*large, small[0]], 64 * MIB)
    assert not can_have(RAM, [*large, *small], 64 * MIB)
    assert not can_have(RAM, [bare("a", 10, 192)], 192 * MIB)
    assert used(RAM, [*large, *small]) == 228 * MIB
    assert used(RAM, [holder("a", 150), holder("b", 150)]) == 300 * MIB


def counters(**known: int) -> GuestCounters:
    return GuestCounters(**(dict.fromkeys(GuestCounters.__struct_fields__, 0) | known))


def test_a_guest_rests_after_a_while_without_work_and_once() -> None:
    rest = Rest()
    blocks, cpu = 60_000, 0
    began = []
    for second in range(60):
        if second in (0, 1, 2, 30):
            cpu += 900_000_000
            blocks += 20_000
        if rest.begins(counters(cpu_ns=cpu, blocks=blocks), float(second)):
            began.append(second)
    assert began == [3 + AFTER_SECONDS, 31 + AFTER_SECONDS]
    for second in range(60, 90):  # reset, and little to do since
        assert not rest.begins(counters(cpu_ns=1, blocks=100), float(second))


def test_the_foreground_rests_later() -> None:
    rest, shown = Rest(), counters(blocks=60_000)
    began = [second for second in range(60) if rest.begins(shown, float(second), foreground=True)]
    assert began == [FOREGROUND_AFTER_SECONDS]
