"""The PL031 as its manual (ARM DDI 0224) has it."""

import pytest

from pocketvisor.devices.device import Port
from pocketvisor.devices.pl031 import CR, DR, ICR, ID, IMSC, LR, MIS, MR, RIS, Pl031

SECOND = 1_000_000_000
EPOCH = 1_700_000_000


class Bench:
    """The device with a clock that is turned by hand."""

    def __init__(self) -> None:
        self.now, self.level, self.alarm_at = 0, False, None
        self.rtc = Pl031(Port(self._wire, lambda: self.now, self._set_alarm), EPOCH)

    def _wire(self, level: bool) -> None:
        self.level = level

    def _set_alarm(self, at: int | None) -> None:
        self.alarm_at: int | None = at

    def read(self, offset: int) -> int:
        return self.rtc.read(offset, 4)

    def write(self, offset: int, value: int) -> None:
        self.rtc.write(offset, 4, value)

    def go_to(self, ns: int) -> None:
        while self.alarm_at is not None and self.alarm_at <= ns:
            self.now, self.alarm_at = self.alarm_at, None
            self.rtc.alarm()
        self.now = ns


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_registers_at_power_on(bench: Bench) -> None:
    assert bench.read(DR) == bench.read(LR) == EPOCH
    assert [bench.read(offset) for offset in (MR, CR, IMSC, RIS, MIS, ICR)] == [0, 1, 0, 0, 0, 0]
    assert [bench.read(ID + 4 * index) for index in range(8)] == [0x31, 0x10, 0x14, 0, 0x0D, 0xF0, 0x05, 0xB1]


def test_seconds_go_with_the_guests_time(bench: Bench) -> None:
    bench.go_to(5 * SECOND - 1)
    assert bench.read(DR) == EPOCH + 4
    bench.go_to(5 * SECOND)
    assert bench.read(DR) == EPOCH + 5


def test_clock_is_set_and_wraps(bench: Bench) -> None:
    bench.write(LR, 0xFFFFFFFF)
    assert bench.read(DR) == bench.read(LR) == 0xFFFFFFFF
    bench.go_to(SECOND)
    assert bench.read(DR) == 0


def test_match_interrupts_where_it_is_let_through(bench: Bench) -> None:
    bench.write(MR, EPOCH + 3)
    bench.go_to(3 * SECOND)
    assert (bench.read(RIS), bench.read(MIS), bench.level) == (1, 0, False)
    bench.write(IMSC, 1)
    assert (bench.read(MIS), bench.level) == (1, True)
    bench.write(ICR, 1)
    assert (bench.read(RIS), bench.level) == (0, False)


def test_match_that_is_now_interrupts_now(bench: Bench) -> None:
    bench.write(IMSC, 1)
    bench.write(MR, EPOCH)
    assert bench.level


def test_setting_the_clock_moves_the_match(bench: Bench) -> None:
    bench.write(IMSC, 1)
    bench.write(MR, EPOCH + 100)
    bench.write(LR, EPOCH + 98)
    bench.go_to(2 * SECOND - 1)
    assert not bench.level
    bench.go_to(2 * SECOND)
    assert bench.level


def test_reset_is_power_on(bench: Bench) -> None:
    bench.write(LR, 5)
    bench.write(IMSC, 1)
    bench.rtc.reset()
    assert (bench.read(DR), bench.read(IMSC), bench.level) == (EPOCH, 0, False)


def test_state_goes_round(bench: Bench) -> None:
    bench.go_to(7 * SECOND)
    bench.write(LR, 1000)
    bench.write(IMSC, 1)
    bench.write(MR, 1000)
    other = Bench()
    other.go_to(7 * SECOND)
    other.rtc.restore(bench.rtc.save())
    assert [other.read(offset) for offset in range(0, 0x20, 4)] == [
        bench.read(offset) for offset in range(0, 0x20, 4)
    ]
    assert other.level


@pytest.mark.parametrize("change", [{"offset": -1}, {"mask": 2}, {"match": "x"}, {"load": 1 << 32}])
def test_impossible_state_is_refused(bench: Bench, change: dict[str, object]) -> None:
    before = bench.rtc.save()
    with pytest.raises(ValueError, match=next(iter(change))):
        bench.rtc.restore(before | change)
    assert bench.rtc.save() == before


def test_missing_field_is_refused_and_unknown_one_skipped(bench: Bench) -> None:
    state = bench.rtc.save()
    bench.rtc.restore(state | {"later": 1})
    del state["match"]
    with pytest.raises(ValueError, match="match"):
        bench.rtc.restore(state)
