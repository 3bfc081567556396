"""The PL061 as its manual (ARM DDI 0190) has it, and keys that last as long as a finger's touch."""

import pytest

from pocketvisor.devices.device import Port
from pocketvisor.devices.pl061 import AFSEL, DIR, HOLD_NS, IBE, IC, ID, IE, IEV, IS, MIS, RIS, Pl061


class Bench:
    def __init__(self) -> None:
        self.now, self.level = 0, False
        self.alarm_at: int | None = None
        self.gpio = Pl061(Port(self._wire, lambda: self.now, self._set_alarm))

    def _wire(self, level: bool) -> None:
        self.level = level

    def _set_alarm(self, at: int | None) -> None:
        self.alarm_at = at

    def read(self, offset: int) -> int:
        return self.gpio.read(offset, 4)

    def write(self, offset: int, value: int) -> None:
        self.gpio.write(offset, 4, value)

    def pin(self, line: int, level: bool) -> None:
        """A change from outside, later than the last one is held."""
        self.go(HOLD_NS)
        self.gpio.event(bytes((line, level)))

    def go(self, ns: int) -> None:
        end = self.now + ns
        while self.alarm_at is not None and self.alarm_at <= end:
            self.now, self.alarm_at = self.alarm_at, None
            self.gpio.alarm()
        self.now = end


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_registers_at_power_on(bench: Bench) -> None:
    for offset in (0x3FC, DIR, IS, IBE, IEV, IE, RIS, MIS, IC, AFSEL):
        assert bench.read(offset) == 0
    assert [bench.read(ID + 4 * index) for index in range(8)] == [0x61, 0x10, 0x04, 0, 0x0D, 0xF0, 0x05, 0xB1]


@pytest.mark.parametrize("offset", [DIR, IS, IBE, IEV, IE, AFSEL])
def test_registers_hold_eight_bits(bench: Bench, offset: int) -> None:
    bench.write(offset, 0x1A5)
    assert bench.read(offset) == 0xA5


def test_address_masks_the_data(bench: Bench) -> None:
    bench.write(DIR, 0xFF)
    bench.write(0x3FC, 0xFF)
    bench.write(0x0F << 2, 0x00)
    assert bench.read(0x3FC) == 0xF0
    assert bench.read(0x30 << 2) == 0x30
    assert bench.read(0x000) == 0


def test_inputs_are_read_and_not_written(bench: Bench) -> None:
    bench.write(DIR, 0x0F)
    bench.write(0x3FC, 0xFF)
    assert bench.read(0x3FC) == 0x0F
    bench.pin(7, True)
    assert bench.read(0x3FC) == 0x8F


@pytest.mark.parametrize(
    "both, rising, seen_up, seen_down",
    [(0, 1, True, False), (0, 0, False, True), (1, 0, True, True), (1, 1, True, True)],
)
def test_edges(bench: Bench, both: int, rising: int, seen_up: bool, seen_down: bool) -> None:
    bench.write(IBE, both << 2)
    bench.write(IEV, rising << 2)
    bench.write(IE, 1 << 2)
    for level, seen in ((True, seen_up), (False, seen_down)):
        bench.pin(2, level)
        assert bench.level is seen
        assert bench.read(RIS) == bench.read(MIS) == seen << 2
        bench.write(IC, 0xFF)
        assert not bench.level


def test_levels_are_not_latched(bench: Bench) -> None:
    bench.write(IS, 1)
    bench.write(IEV, 1)
    bench.write(IE, 1)
    bench.pin(0, True)
    bench.write(IC, 1)
    assert bench.level, "the source still asks"
    bench.pin(0, False)
    assert not bench.level


def test_mask_holds_back(bench: Bench) -> None:
    bench.write(IBE, 0xFF)
    bench.pin(1, True)
    assert (bench.read(RIS), bench.read(MIS), bench.level) == (2, 0, False)
    bench.write(IE, 2)
    assert bench.level


def test_press_and_release_at_once_are_both_seen(bench: Bench) -> None:
    bench.gpio.event(bytes((3, True)))
    bench.gpio.event(bytes((3, False)))
    bench.gpio.event(bytes((0, True)))
    assert bench.read(0x3FC) == 0b1001, "other lines do not wait"
    bench.go(HOLD_NS - 1)
    assert bench.read(0x3FC) == 0b1001
    bench.go(1)
    assert bench.read(0x3FC) == 0b0001


def test_flood_of_changes_is_bounded_and_ends_right(bench: Bench) -> None:
    for number in range(10_000):
        bench.gpio.event(bytes((number % 2, number % 4 < 2)))
    bench.gpio.event(bytes((0, True)))
    bench.gpio.event(bytes((1, False)))
    assert len(bench.gpio.state.waiting) <= 72
    bench.go(1000 * HOLD_NS)
    assert bench.read(0x3FC) == 1
    assert not bench.gpio.state.waiting


@pytest.mark.parametrize("payload", [b"", b"\1", b"\x08\1", b"\0\1\0"])
def test_malformed_event_changes_nothing(bench: Bench, payload: bytes) -> None:
    before = bench.gpio.save()
    bench.gpio.event(payload)
    assert bench.gpio.save() == before


def test_what_is_pressed_outlives_a_reset(bench: Bench) -> None:
    bench.pin(3, True)
    bench.gpio.event(bytes((3, False)))
    bench.write(IE, 0xFF)
    bench.gpio.reset()
    assert (bench.read(0x3FC), bench.read(IE)) == (8, 0)
    bench.go(HOLD_NS)
    assert bench.read(0x3FC) == 0


def test_state_goes_round(bench: Bench) -> None:
    for index, offset in enumerate((DIR, IS, IBE, IEV, IE, AFSEL)):
        bench.write(offset, 0x11 * (index + 1))
    bench.pin(6, True)
    bench.gpio.event(bytes((6, False)))
    other = Bench()
    other.now = bench.now
    other.gpio.restore(bench.gpio.save())
    assert other.gpio.save() == bench.gpio.save()
    assert other.level == bench.level


@pytest.mark.parametrize(
    "change", [{"inputs": 256}, {"held_until": [0]}, {"waiting": [[8, True]]}, {"mask": None}]
)
def test_impossible_state_is_refused(bench: Bench, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        bench.gpio.restore(bench.gpio.save() | change)
