"""What was met is written down, and the guest is none the wiser; so is what a device writes by itself."""

import random
import struct

import pytest
from native_machines import RAM, STOP, Guest, branch, load_constant
from stop_guests import DATA, LOOP, LOOP_SIZE, ROUNDS, START, UNTIL, at, counting_guest, straight_guest

from pocketvisor import _native

pytestmark = pytest.mark.guest_process

EXECUTE, WRITE, ACCESS = _native.STOP_EXECUTE, _native.STOP_WRITE, _native.STOP_ACCESS
NOTES_MOST = 4096


def test_notes_say_where_and_nothing_stops() -> None:
    guest, plain = counting_guest(), counting_guest()
    guest.machine.note_stops(True)
    guest.machine.set_stops([(1, EXECUTE, at(LOOP + 1), 4, False), (2, ACCESS, DATA, 4, False)])
    assert guest.machine.run() == plain.machine.run() == _native.RUN_POWER_OFF
    count, notes = guest.machine.noted()
    assert count == len(notes) == 3 * ROUNDS
    for round in range(ROUNDS):
        position = 4 * (LOOP + round * LOOP_SIZE)
        assert sorted(notes[3 * round : 3 * round + 3], key=lambda note: note[1]) == [
            (2, position, at(LOOP), DATA, 4, False),
            (1, position + 4, at(LOOP + 1), at(LOOP + 1), 4, False),
            (2, position + 8, at(LOOP + 2), DATA, 4, True),
        ]
    assert guest.machine.save() == plain.machine.save()
    assert guest.ram[:] == plain.ram[:]
    guest.close()
    plain.close()


def test_the_last_notes_are_kept_and_all_are_counted() -> None:
    guest = counting_guest(6000)
    guest.machine.note_stops(True)
    guest.machine.set_stops([(1, WRITE, DATA, 4, False)])
    assert guest.machine.run() == _native.RUN_POWER_OFF
    count, notes = guest.machine.noted()
    assert (count, len(notes)) == (6000, NOTES_MOST)
    assert [note[1] for note in notes] == [
        4 * (LOOP + 2 + round * LOOP_SIZE) for round in range(6000 - NOTES_MOST, 6000)
    ]
    guest.machine.note_stops(True)
    assert guest.machine.noted() == (0, [])
    guest.close()


def test_an_instruction_that_was_not_reached_is_not_noted() -> None:
    """Its block began, and an access before it faulted."""
    vectors = (STOP, STOP, STOP, STOP, 0xE25EF004, STOP, STOP, STOP)  # data abort: go on behind it
    code = [0xE1A00000, 0xE5950000, 0xE1A00000, 0xE1A00000]  # mov; ldr r0, [r5] where nothing is; mov; mov
    guest = straight_guest(*code, vectors=vectors)
    guest.machine.set_cpu({"r5": 0x2000_0000})
    guest.machine.note_stops(True)
    guest.machine.set_stops([(index, EXECUTE, at(START + index), 4, False) for index in range(4)])
    assert guest.machine.run() == _native.RUN_POWER_OFF
    _, notes = guest.machine.noted()
    assert [note[0] for note in notes] == [0, 1, 2, 3]
    positions = [note[1] for note in notes]
    assert positions == sorted(set(positions)) and positions[2] > positions[1] + 4
    guest.close()


def test_notes_are_the_places_where_stops_would_be() -> None:
    chance = random.Random(1)
    for _ in range(20):
        stops = [
            (identity, chance.choice([EXECUTE, ACCESS]), at(chance.randrange(LOOP, LOOP + 6)), 4, False)
            for identity in range(4)
        ]
        stops += [(9, WRITE, DATA + chance.choice([0, 0x100]), 1, True)]
        noting, stopping = counting_guest(8), counting_guest(8)
        noting.machine.note_stops(True)
        places = set()
        for guest in (noting, stopping):
            guest.machine.set_stops(stops)
        while stopping.machine.run() in (_native.RUN_BREAK, _native.RUN_WATCH):
            places.add(stopping.machine.position)
        assert noting.machine.run() == _native.RUN_POWER_OFF
        assert {note[1] for note in noting.machine.noted()[1]} == places
        noting.close()
        stopping.close()


class Writer:
    """Writes a word of RAM when it is written to."""

    machine: _native.Machine

    def read(self, offset: int, size: int) -> int:
        return 0

    def write(self, offset: int, size: int, value: int) -> None:
        self.machine.store(DATA, struct.pack("<I", value))

    def event(self, payload: bytes) -> None: ...
    def alarm(self) -> None: ...
    def reset(self) -> None: ...


def device_guest() -> Guest:
    device = 0x0903_0000
    code = [*load_constant(4, device), 0xE3A00007, 0xE5840000, 0xE1A00000, 0xE1A00000]  # str r0, [r4]
    code.append(branch(len(code), len(code) + 1))
    guest = Guest([*code, 0xE1A00000, *load_constant(0, 0x8400_0008), 0xE1400070], **UNTIL)
    writer = Writer()
    writer.machine = guest.machine
    guest.machine.add_device(device, 0x1000, writer, "writer")
    return guest


def test_a_device_that_writes_what_is_watched_stops_the_guest_at_the_next_block() -> None:
    guest = device_guest()
    guest.machine.set_stops([(5, WRITE, DATA, 4, True)])
    assert guest.machine.run() == _native.RUN_WATCH
    assert guest.machine.stop_hit == (5, 28, DATA, 4, True)
    assert guest.words(1, DATA - RAM) == [7]
    assert guest.machine.run() == _native.RUN_POWER_OFF
    guest.close()


def test_a_device_that_writes_what_is_watched_is_noted() -> None:
    for physical in (True, False):
        guest = device_guest()
        guest.machine.note_stops(True)
        guest.machine.set_stops([(5, WRITE, DATA, 4, physical)])
        assert guest.machine.run() == _native.RUN_POWER_OFF
        count, notes = guest.machine.noted()
        assert (count, len(notes)) == (1, 1)
        identity, _, pc, address, size, is_write = notes[0]
        assert (identity, pc, address, size, is_write) == (5, -1, DATA, 4, True)
        guest.close()


def test_a_debugger_that_writes_is_nobody_s_hit() -> None:
    guest = counting_guest()
    guest.machine.set_stops([(5, WRITE, DATA + 0x40, 4, True)])
    assert guest.machine.poke(DATA + 0x40, b"abcd") == 4
    assert guest.machine.run() == _native.RUN_POWER_OFF
    guest.close()


def test_too_many_stops_and_impossible_ones_are_refused() -> None:
    guest = counting_guest()
    machine = guest.machine
    machine.set_stops([(index, EXECUTE, at(LOOP + 1), 4, False) for index in range(1024)])
    with pytest.raises(ValueError, match="1024"):
        machine.set_stops([(index, EXECUTE, 0, 4, False) for index in range(1025)])
    for stop in [
        (0, 4, 0, 4, False),
        (0, WRITE, 0, 0, False),
        (-1, WRITE, 0, 4, False),
        (0, 1, 1 << 32, 4, False),
    ]:
        with pytest.raises(ValueError):
            machine.set_stops([stop])
    for wrong in [(1, 2), "abcde", 7]:
        with pytest.raises((TypeError, ValueError)):
            machine.set_stops([wrong])  # type: ignore[list-item]
    assert machine.run() == _native.RUN_BREAK  # those of before are there still
    assert machine.stop_hit is not None and machine.stop_hit[0] == 0
    guest.close()
