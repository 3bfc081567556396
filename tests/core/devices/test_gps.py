"""A receiver that speaks NMEA 0183 once a second, to a guest that listens, behind a PL011."""

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.devices.device import Port
from pocketvisor.devices.gps import (
    CLEAR,
    CONTROL,
    CONTROL_ENABLE,
    CONTROL_RECEIVE,
    DATA,
    FLAGS,
    FLAGS_EMPTY,
    FLAGS_SENT,
    ID,
    INTERRUPT_RECEIVE,
    INTERRUPT_SEND,
    MASK,
    MASKED,
    RAW,
    Gps,
)
from pocketvisor.devices.gps_nmea import sentences
from pocketvisor.devices.phone_state import LocationState

SECOND = 1_000_000_000
NOON = int(datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC).timestamp())
HELSINKI = LocationState(fix=True, latitude=60.17, longitude=24.94, altitude=26.0, speed=10.0, course=123.4)


class Bench:
    def __init__(self) -> None:
        self.now, self.level = 0, False
        self.alarm_at: int | None = None
        self.gps = Gps(Port(self._wire, lambda: self.now, self._set_alarm), NOON)

    def _wire(self, level: bool) -> None:
        self.level = level

    def _set_alarm(self, at: int | None) -> None:
        self.alarm_at = at

    def listen(self) -> None:
        self.gps.write(MASK, 4, INTERRUPT_RECEIVE)
        self.gps.write(CONTROL, 4, CONTROL_ENABLE | CONTROL_RECEIVE)

    def go(self, ns: int) -> None:
        end = self.now + ns
        while self.alarm_at is not None and self.alarm_at <= end:
            self.now, self.alarm_at = self.alarm_at, None
            self.gps.alarm()
        self.now = end

    def heard(self) -> bytes:
        data = bytearray()
        while not self.gps.read(FLAGS, 4) & FLAGS_EMPTY:
            data.append(self.gps.read(DATA, 4))
        return bytes(data)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_is_found_as_a_pl011(bench: Bench) -> None:
    assert [bench.gps.read(ID + 4 * at, 4) for at in range(8)] == [0x11, 0x10, 0x14, 0, 0x0D, 0xF0, 5, 0xB1]


def test_it_speaks_once_a_second_to_a_guest_that_listens(bench: Bench) -> None:
    bench.go(3 * SECOND)
    assert bench.heard() == b""
    bench.listen()
    bench.go(SECOND // 2)
    assert not bench.level
    for second in (1, 2, 3):
        bench.go(SECOND)
        assert bench.level
        assert f"12000{3 + second}.00".encode() in bench.heard()
        assert not bench.level


def test_a_guest_that_does_not_read_misses_seconds_and_nothing_piles_up(bench: Bench) -> None:
    bench.listen()
    bench.go(1000 * SECOND)
    text = bench.heard()
    assert text.count(b"$GPRMC") == 1
    bench.go(SECOND)
    assert b"121641.00" in bench.heard()


def test_a_port_that_is_closed_is_silent(bench: Bench) -> None:
    bench.listen()
    bench.go(SECOND)
    bench.gps.write(CONTROL, 4, 0)
    assert bench.heard() == b""
    assert bench.alarm_at is None


def test_a_new_location_is_told_from_the_next_second_on(bench: Bench) -> None:
    bench.listen()
    bench.go(SECOND)
    assert b"$GPRMC,120001.00,V," in bench.heard()
    bench.gps.event(msgspec.msgpack.encode(HELSINKI))
    bench.go(SECOND)
    assert b"$GPRMC,120002.00,A,6010.20000,N,02456.40000,E,19.44,123.4,211126,,,A" in bench.heard()


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x81\xa8latitude\xcb\x40\x60\0\0\0\0\0\0"])
def test_an_event_that_makes_no_sense_changes_nothing(bench: Bench, payload: bytes) -> None:
    bench.gps.event(payload)
    assert bench.gps.state.location == LocationState()


def test_what_a_guest_sends_is_taken_with_the_interrupt_of_a_port(bench: Bench) -> None:
    bench.gps.write(DATA, 4, ord("x"))
    assert bench.gps.read(FLAGS, 4) & FLAGS_SENT
    assert bench.gps.read(RAW, 4) == INTERRUPT_SEND
    assert bench.gps.read(MASKED, 4) == 0
    bench.gps.write(CLEAR, 4, INTERRUPT_SEND)
    assert bench.gps.read(RAW, 4) == 0


def test_it_goes_on_where_it_was_saved(bench: Bench) -> None:
    bench.gps.event(msgspec.msgpack.encode(HELSINKI))
    bench.listen()
    bench.go(SECOND)
    first = bench.gps.read(DATA, 4)
    other = Bench()
    other.gps.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(bench.gps.save())))
    assert other.level
    assert bytes((first,)) + other.heard() == bytes((first,)) + bench.heard()


def test_reset_forgets_the_port_and_not_the_place(bench: Bench) -> None:
    bench.gps.event(msgspec.msgpack.encode(HELSINKI))
    bench.listen()
    bench.go(SECOND)
    bench.gps.reset()
    assert not bench.level
    assert bench.alarm_at is None
    assert bench.gps.state.location == HELSINKI


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("read"), st.integers(0, 0x3FF), st.just(0)),
            st.tuples(st.just("write"), st.integers(0, 0x3FF), st.integers(0, 0xFFFFFFFF)),
            st.tuples(st.just("write"), st.just(CONTROL // 4), st.sampled_from((0, 0x301, 0x201, 1))),
            st.tuples(st.just("go"), st.just(0), st.integers(0, 2 * SECOND)),
        ),
        max_size=100,
    )
)
def test_no_traffic_breaks_it_or_its_state(accesses: list[tuple[str, int, int]]) -> None:
    bench = Bench()
    for kind, register, value in accesses:
        if kind == "read":
            assert 0 <= bench.gps.read(register * 4, 4) <= 0xFFFF
        elif kind == "write":
            bench.gps.write(register * 4, 4, value)
        else:
            bench.go(value)
    other = Bench()
    other.gps.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(bench.gps.save())))
    assert other.gps.save() == bench.gps.save()


PLACES = st.builds(
    LocationState,
    fix=st.just(True),
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    altitude=st.floats(-1000, 100_000),
    speed=st.floats(0, 2000),
    course=st.floats(0, 359.99),
)


@given(PLACES, st.integers(0, 2**33))
def test_every_sentence_is_one(location: LocationState, seconds: int) -> None:
    """Of printable characters, with the right checksum, at most 82 characters long, and where we are."""
    spoken = sentences(location, seconds)
    for line in spoken.split(b"\r\n")[:-1]:
        match = re.fullmatch(rb"\$([ -)+-~]*)\*([0-9A-F]{2})", line)
        assert match, line
        checksum = 0
        for byte in match[1]:
            checksum ^= byte
        assert checksum == int(match[2], 16)
        assert len(line) + 2 <= 82
    fields = re.search(rb"\$GPRMC,[^,]*,A,(\d\d)([\d.]+),([NS]),(\d\d\d)([\d.]+),([EW])", spoken)
    assert fields is not None
    latitude = (int(fields[1]) + float(fields[2]) / 60) * (1 if fields[3] == b"N" else -1)
    longitude = (int(fields[4]) + float(fields[5]) / 60) * (1 if fields[6] == b"E" else -1)
    assert float(fields[2]) < 60
    assert float(fields[5]) < 60
    assert latitude == pytest.approx(location.latitude, abs=1e-6)
    assert longitude == pytest.approx(location.longitude, abs=1e-6)


@pytest.mark.skipif(shutil.which("gpsdecode") is None, reason="gpsdecode (gpsd-clients) is not installed")
def test_gpsd_understands_it() -> None:
    spoken = b"".join(sentences(HELSINKI, NOON + second) for second in range(5))
    run = subprocess.run(["gpsdecode", "-j"], input=spoken, capture_output=True, check=True, timeout=30)
    reports = [json.loads(line) for line in run.stdout.decode().splitlines()]
    fixes = [report for report in reports if report["class"] == "TPV" and report["mode"] == 3]
    assert fixes
    last = fixes[-1]
    assert (last["lat"], last["lon"]) == (pytest.approx(60.17), pytest.approx(24.94))
    assert last["altMSL"] == pytest.approx(26.0)
    assert last["speed"] == pytest.approx(10.0, abs=0.01)
    assert last["track"] == pytest.approx(123.4)
    assert last["time"].startswith("2026-11-21T12:00:0")
    skies = [report for report in reports if report["class"] == "SKY" and report.get("satellites")]
    assert len(skies[-1]["satellites"]) == 8


@pytest.mark.skipif(shutil.which("gpsdecode") is None, reason="gpsdecode (gpsd-clients) is not installed")
def test_gpsd_understands_that_there_is_no_fix() -> None:
    spoken = b"".join(sentences(LocationState(), NOON + second) for second in range(5))
    run = subprocess.run(["gpsdecode", "-j"], input=spoken, capture_output=True, check=True, timeout=30)
    reports = [json.loads(line) for line in run.stdout.decode().splitlines()]
    assert all(report["mode"] <= 1 for report in reports if report["class"] == "TPV")
