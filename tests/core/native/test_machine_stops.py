"""A guest is stopped before the very instruction, and goes on as if it had not been."""

import random

import pytest
from native_machines import (
    CPU_INTERFACE,
    RAM,
    STOP,
    UART,
    Guest,
    branch,
    load_constant,
    power_off,
    write,
)
from stop_guests import (
    CODE,
    DATA,
    LOOP,
    LOOP_SIZE,
    MAKERS,
    ROUNDS,
    START,
    THUMB_CODE,
    THUMB_PLACES,
    UNTIL,
    at,
    counting_guest,
    straight_guest,
    thumb_guest,
)

from pocketvisor import _native

pytestmark = pytest.mark.guest_process

EXECUTE, WRITE, READ, ACCESS = (
    _native.STOP_EXECUTE,
    _native.STOP_WRITE,
    _native.STOP_READ,
    _native.STOP_ACCESS,
)


def end(guest: Guest) -> tuple[bytes, dict[str, object]]:
    guest.machine.note_stops(False)
    guest.machine.set_stops([])
    assert guest.machine.run() == _native.RUN_POWER_OFF
    result = bytes(guest.ram[:]), guest.machine.save()
    guest.close()
    return result


def pc(guest: Guest) -> int:
    return guest.machine.registers()["pc"]


def test_a_breakpoint_in_the_midst_of_a_loop_stops_each_round_before_its_instruction() -> None:
    guest = counting_guest()
    guest.machine.set_stops([(7, EXECUTE, at(LOOP + 2), 4, False)])
    for round in range(ROUNDS):
        assert guest.machine.run() == _native.RUN_BREAK
        position = 4 * (LOOP + 2 + round * LOOP_SIZE)
        assert guest.machine.stop_hit == (7, position, at(LOOP + 2), 4, False)
        assert (guest.machine.position, pc(guest)) == (position, at(LOOP + 2))
        assert guest.machine.registers()["r0"] == round + 1
        assert guest.words(1, DATA - RAM) == [round]
    assert guest.machine.run() == _native.RUN_POWER_OFF
    assert guest.machine.stop_hit is None
    assert end(counting_guest())[0] == bytes(guest.ram[:])
    guest.close()


def test_a_breakpoint_by_physical_address_and_many_at_once() -> None:
    guest = counting_guest()
    guest.machine.set_stops([(index, EXECUTE, at(index), 4, index % 2 == 1) for index in range(1, LOOP + 4)])
    for index in range(1, LOOP + 4):
        assert guest.machine.run() == _native.RUN_BREAK
        assert guest.machine.stop_hit is not None and guest.machine.stop_hit[0] == index
        assert pc(guest) == at(index)
    assert end(guest) == end(counting_guest())


def test_breakpoints_in_code_that_has_run_already_come_and_go() -> None:
    guest = counting_guest()
    for round in range(20):
        place = at(LOOP + round % LOOP_SIZE)
        guest.machine.set_stops([(round, EXECUTE, place, 4, False)])
        assert guest.machine.run() == _native.RUN_BREAK
        assert pc(guest) == place
        guest.machine.set_stops([])
        guest.machine.run(guest.machine.ticks() + 5)
    assert end(guest) == end(counting_guest())


def test_thumb_instructions_of_both_sizes_and_in_it_blocks() -> None:
    expected = end(thumb_guest())
    for place in THUMB_PLACES:
        guest = thumb_guest()
        guest.machine.set_stops([(1, EXECUTE, THUMB_CODE + place, 2, False)])
        assert guest.machine.run() == _native.RUN_BREAK
        assert pc(guest) == THUMB_CODE + place
        assert guest.machine.position == 8 + place + (8 * 20 if place > 22 else 0)
        assert end(guest) == expected
    inside = thumb_guest()
    inside.machine.set_stops([(1, EXECUTE, THUMB_CODE + 12, 2, False)])  # second half of an instruction
    assert inside.machine.run() == _native.RUN_POWER_OFF
    assert inside.machine.registers()["r1"] == 5 * 3 + 4 * 256
    inside.close()


@pytest.mark.parametrize("name", MAKERS)
def test_every_single_step_leads_to_another_place_and_to_the_same_end(name: str) -> None:
    make = MAKERS[name]
    guest = make()
    before = guest.machine.position
    while (reason := guest.machine.run(steps=1)) == _native.RUN_STEP:
        assert 2 <= guest.machine.position - before <= 8
        before = guest.machine.position
    assert reason == _native.RUN_POWER_OFF
    assert end(guest) == end(make())


def test_so_many_steps_are_so_many_instructions() -> None:
    guest = counting_guest()
    assert guest.machine.run(steps=LOOP + 10 * LOOP_SIZE + 3) == _native.RUN_STEP
    assert (pc(guest), guest.machine.registers()["r0"]) == (at(LOOP + 3), 11)
    assert end(guest) == end(counting_guest())


RETURN = 0xE1B0F00E  # movs pc, lr
RETRY_BEHIND = 0xE25EF004  # subs pc, lr, #4


@pytest.mark.parametrize(
    ("instruction", "vector"),
    [(0xEF000000, 2), (0xE7F000F0, 1), (0xE5950000, 4)],  # svc 0; undefined; ldr r0, [r5] where nothing is
)
def test_a_step_into_an_exception_stands_at_its_first_instruction(instruction: int, vector: int) -> None:
    def make() -> Guest:
        vectors = [STOP, RETURN, RETURN, STOP, RETRY_BEHIND, STOP, STOP, STOP]
        guest = straight_guest(0xE1A00000, instruction, 0xE1A00000, vectors=tuple(vectors))
        guest.machine.set_cpu({"r5": 0x2000_0000})
        return guest

    guest = make()
    assert guest.machine.run(steps=START + 1) == _native.RUN_STEP
    assert pc(guest) == at(START + 1)
    assert guest.machine.run(steps=1) == _native.RUN_STEP
    assert pc(guest) == RAM + 4 * vector
    assert guest.machine.run(steps=1) == _native.RUN_STEP
    assert pc(guest) == at(START + 2)
    assert end(guest) == end(make())


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("seed", range(4))
def test_any_position_is_met_exactly_or_at_the_next_place(name: str, seed: int) -> None:
    make = MAKERS[name]
    walker = make()
    places = [0]
    while walker.machine.run(steps=1) == _native.RUN_STEP:
        places.append(walker.machine.position)
    last = places[-1]
    chance = random.Random(seed)
    guest = make()
    while (wanted := guest.machine.position + chance.randrange(1, last // 8)) <= last:
        assert guest.machine.run(position=wanted) == _native.RUN_POSITION
        assert guest.machine.position == next(place for place in places if place >= wanted)
    assert guest.machine.run(position=guest.machine.position) == _native.RUN_POSITION
    assert end(guest) == end(make())
    walker.close()


def test_a_watchpoint_stops_before_the_access() -> None:
    guest = counting_guest()
    for physical in (False, True):
        guest.machine.set_stops([(3, WRITE, DATA, 4, physical)])
        for _ in range(4):
            before = guest.words(1, DATA - RAM)[0]
            assert guest.machine.run() == _native.RUN_WATCH
            assert guest.machine.stop_hit == (3, guest.machine.position, DATA, 4, True)
            assert (pc(guest), guest.machine.registers()["r0"]) == (at(LOOP + 2), before + 1)
            assert guest.words(1, DATA - RAM) == [before]
            assert guest.machine.run(steps=1) == _native.RUN_STEP
            assert guest.words(1, DATA - RAM) == [before + 1]
    assert end(guest) == end(counting_guest())


@pytest.mark.parametrize(
    ("kind", "address", "size", "hits"),
    [
        (READ, DATA, 4, [0]),
        (ACCESS, DATA, 4, [0, 2]),
        (WRITE, DATA + 0x100, 1, [3]),
        (WRITE, DATA + 3, 1, [2]),
        (WRITE, DATA + 4, 0xFC, []),
        (WRITE, DATA - 0x1000, 0x2000, [2, 3]),
        (READ, DATA + 0x100, 1, []),
        (WRITE, 0, 0xFFFF_FFFF, [2, 3]),
    ],
)
def test_what_a_watchpoint_hits(kind: int, address: int, size: int, hits: list[int]) -> None:
    guest = counting_guest(3)
    guest.machine.set_stops([(1, kind, address, size, False)])
    found = []
    while (reason := guest.machine.run()) == _native.RUN_WATCH:
        found.append((pc(guest) - at(LOOP)) // 4)
    assert reason == _native.RUN_POWER_OFF
    assert found == hits * 3
    guest.close()


def test_instructions_with_many_accesses_hit_each_and_are_done_once() -> None:
    # stm r4, {r0-r3}; ldm r4, {r6-r9}; strd r0, r1, [r4]; ldr and str r3, [r4, #2]; ldrex; strex
    code = [0xE884000F, 0xE89403C0, 0xE1C400F0, 0xE5943002, 0xE5843002, 0xE1943F9F, 0xE1842F93]

    def make() -> Guest:
        guest = straight_guest(*code)
        guest.machine.set_cpu({"r0": 1, "r1": 2, "r2": 3, "r3": 4})
        return guest

    guest = make()
    guest.machine.set_stops([(1, ACCESS, DATA, 4, False), (2, ACCESS, DATA + 12, 4, True)])
    stops = []
    while (reason := guest.machine.run()) == _native.RUN_WATCH:
        assert guest.machine.stop_hit is not None
        stops.append(((pc(guest) - at(START)) // 4, guest.machine.stop_hit[0]))
    assert reason == _native.RUN_POWER_OFF
    assert [index for index, _ in stops] == [0, 1, 2, 3, 4, 5, 6]
    assert end(make()) == (bytes(guest.ram[:]), guest.machine.save())
    guest.close()


def test_an_access_across_pages_is_seen_on_both() -> None:
    for address in (DATA + 0xFFC, DATA + 0x1000):
        guest = straight_guest(0xE5840FFE)  # str r0, [r4, #0xffe]
        guest.machine.set_stops([(1, WRITE, address, 4, False)])
        assert guest.machine.run() == _native.RUN_WATCH
        assert pc(guest) == at(START)
        assert end(guest) == end(straight_guest(0xE5840FFE))


def test_a_watched_device_is_not_touched_before_the_stop() -> None:
    guest = Guest(write(UART, ord("x")) + write(CPU_INTERFACE + 4, 0xF0) + power_off(), **UNTIL)
    guest.machine.set_stops([(1, WRITE, UART, 4, True), (2, ACCESS, CPU_INTERFACE, 0x1000, False)])
    assert guest.machine.run() == _native.RUN_WATCH
    assert guest.machine.take_console(0) == b""
    assert guest.machine.run() == _native.RUN_WATCH
    assert guest.machine.stop_hit is not None and guest.machine.stop_hit[0] == 2
    assert guest.machine.take_console(0) == b"x"
    assert guest.machine.run() == _native.RUN_POWER_OFF
    assert guest.machine.take_console(0) == b""
    guest.close()


def test_a_step_to_a_watched_access_does_not_pass_it() -> None:
    guest = counting_guest()
    guest.machine.set_stops([(1, WRITE, DATA, 4, False)])
    assert guest.machine.run(steps=LOOP + 2) == _native.RUN_STEP
    assert guest.machine.run(steps=1) == _native.RUN_WATCH
    assert pc(guest) == at(LOOP + 2)
    assert guest.machine.run(steps=1) == _native.RUN_STEP
    assert end(guest) == end(counting_guest())


def test_code_that_lies_beside_what_is_watched() -> None:
    """The page is fetched from, read and written; its blocks end where they always do."""

    def make() -> Guest:
        code = [*load_constant(2, CODE + 0x200), *load_constant(1, 50)]
        loop = len(code)
        code += [0xE5920000, 0xE2800001, 0xE5820000, 0xE1500001]
        code.append(branch(len(code), loop) & 0x0FFFFFFF | 0x10000000)
        return Guest(code + power_off(), **UNTIL)

    guest = make()
    guest.machine.set_stops([(1, WRITE, CODE + 0x200, 4, False)])
    hits = 0
    while guest.machine.run() == _native.RUN_WATCH:
        hits += 1
    assert hits == 50
    assert end(make()) == (bytes(guest.ram[:]), guest.machine.save())
    guest.close()


def test_who_leaves_for_another_reason_meets_the_stops_of_that_place_afterwards() -> None:
    guest = counting_guest()
    guest.machine.set_stops([(1, WRITE, DATA, 4, False)])
    assert guest.machine.run() == _native.RUN_WATCH
    position, store = guest.machine.position, pc(guest)
    guest.close()
    guest = counting_guest()
    guest.machine.set_stops([(1, WRITE, DATA, 4, False), (2, EXECUTE, store, 4, False)])
    assert guest.machine.run() == _native.RUN_BREAK
    guest.machine.stop()
    assert guest.machine.run(steps=1) == _native.RUN_STOPPED
    assert guest.machine.run(steps=1) == _native.RUN_WATCH
    assert guest.machine.position == position
    guest.machine.stop()
    assert guest.machine.run(steps=1) == _native.RUN_STOPPED
    assert guest.machine.run(steps=1) == _native.RUN_STEP
    guest.close()


def test_a_limit_at_a_breakpoint_does_not_pass_it() -> None:
    guest = counting_guest()
    stops = [(1, EXECUTE, at(LOOP), 4, False)]
    guest.machine.set_stops(stops)
    assert [guest.machine.run() for _ in range(3)] == [_native.RUN_BREAK] * 3
    position = guest.machine.position
    guest.close()
    guest = counting_guest()
    assert guest.machine.run(position // 4 - 1) == _native.RUN_LIMIT
    guest.machine.set_stops(stops)
    while (reason := guest.machine.run(position // 4)) == _native.RUN_BREAK:
        assert guest.machine.position < position
    assert reason == _native.RUN_LIMIT and guest.machine.position == position
    assert guest.machine.run() == _native.RUN_BREAK
    assert guest.machine.position == position
    guest.close()
