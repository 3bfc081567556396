"""A handset's physical state: what it may be, what is told when it changes, what is refused."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pocketvisor import phone_power
from pocketvisor.devices.phone_state import BatteryState, PhoneState, SignalState, dbm_of_bars
from pocketvisor.errors import PhoneError
from pocketvisor.models import HandsetModel, load_models
from pocketvisor.phone import Phone, radio_kinds
from pocketvisor.phone_route import Point, Route, distance, read_gpx

MODEL = load_models()["nexus-one"]


@pytest.fixture
def phone() -> Phone:
    return Phone(MODEL)


def heard(phone: Phone) -> list[tuple[str, Any]]:
    events: list[tuple[str, Any]] = []
    for name in ("battery", "location", "motion", "signal", "orientation", "changed"):
        phone.on(name, lambda value, name=name: events.append((name, value)))
    return events


def test_it_starts_as_its_model(phone: Phone) -> None:
    assert phone.battery.capacity_mah == MODEL.battery_mah
    assert phone.radio_kinds == ("none", "2G", "3G", "Wi-Fi")
    assert (phone.signal.radio, phone.signal.bars) == ("3G", 4)
    assert not phone.location.fix
    assert phone.orientation == 0


def test_every_model_has_a_network_and_its_radios_are_known() -> None:
    for model in load_models().values():
        assert len(radio_kinds(model)) >= 2, model.id


def test_a_change_is_told_once(phone: Phone) -> None:
    events = heard(phone)
    phone.set_battery(40)
    phone.set_battery(40)
    assert [name for name, _ in events] == ["battery", "changed"]
    assert events[-1][1].battery.level == 40
    assert phone.battery.status == "discharging"


def test_what_is_not_said_stays(phone: Phone) -> None:
    phone.set_battery(40, plugged=True, temperature=31.5)
    phone.set_battery(millivolts=3700)
    phone.set_battery(41)
    battery = phone.battery
    assert (battery.level, battery.plugged, battery.temperature, battery.voltage) == (41, True, 31.5, 3700)
    phone.set_battery(millivolts=0)
    assert phone.battery.voltage == BatteryState(level=41).voltage


@pytest.mark.parametrize(
    "change",
    [
        lambda phone: phone.set_battery(101),
        lambda phone: phone.set_battery(-0.1),
        lambda phone: phone.set_battery(float("nan")),
        lambda phone: phone.set_battery(temperature=1000),
        lambda phone: phone.set_battery(millivolts=12000),
        lambda phone: phone.set_location(91, 0),
        lambda phone: phone.set_location(0, 181),
        lambda phone: phone.set_location(float("inf"), 0),
        lambda phone: phone.set_location(0, 0, speed=-1),
        lambda phone: phone.rotate(45),
        lambda phone: phone.turn("up"),
        lambda phone: phone.set_tilt(pitch=91),
        lambda phone: phone.set_tilt(roll=46),
        lambda phone: phone.set_shake(0, 0, 1000),
        lambda phone: phone.set_signal(bars=5),
        lambda phone: phone.set_signal(dbm=0),
        lambda phone: phone.set_signal(radio="5G"),
        lambda phone: phone.set_signal(bars=1, dbm=-80),
        lambda phone: phone.walk([(60.0, 24.0)]),
        lambda phone: phone.walk([(60.0, 24.0), (61.0, 24.0)], speed=0),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(phone: Phone, change: Any) -> None:
    before, events = phone.state, heard(phone)
    with pytest.raises(PhoneError) as refused:
        change(phone)
    assert "\n" not in str(refused.value)
    assert "`" not in str(refused.value)
    assert phone.state == before
    assert not events


def test_turning(phone: Phone) -> None:
    events = heard(phone)
    phone.turn("left")
    assert phone.orientation == 270
    phone.turn("right")
    phone.turn("right")
    assert phone.orientation == 90
    phone.rotate(-90)
    assert phone.orientation == 270
    phone.set_tilt(pitch=30)
    assert [value for name, value in events if name == "orientation"] == [270, 0, 90, 270]


def test_bars_and_csq() -> None:
    for bars in range(5):
        assert SignalState(radio="3G", dbm=dbm_of_bars(bars)).bars == bars
    assert SignalState(radio="none", dbm=-60).bars == 0
    assert SignalState(radio="2G", dbm=-113).csq == 0
    assert SignalState(radio="2G", dbm=-51).csq == 31
    assert SignalState(radio="2G", dbm=-75).csq == 19
    assert SignalState(radio="none").csq == SignalState(radio="Wi-Fi", dbm=-60).csq == 99


def test_radio_is_named_in_any_case(phone: Phone) -> None:
    phone.set_signal(radio="wifi", bars=2)
    assert (phone.signal.radio, phone.signal.bars) == ("Wi-Fi", 2)
    phone.set_signal(radio="2g")
    assert phone.signal.radio == "2G"


def test_the_level_stays_unless_it_is_to_follow_the_load(phone: Phone) -> None:
    phone.drawn(300.0, 3600.0)
    assert phone.battery.level == 80
    phone.set_draining(True)
    phone.drawn(300.0, 3600.0)
    assert phone.battery.level == pytest.approx(80 - 100 * 300 / MODEL.battery_mah)
    assert phone.battery.current == -300


def test_no_time_takes_nothing() -> None:
    full = BatteryState(level=100.0, capacity_mah=1400)
    assert phone_power.after(full, 100.0, 1800.0).level == pytest.approx(100 - 100 * 50 / 1400)
    assert phone_power.after(full, 100.0, 0.0) == full


def test_a_cpu_takes_what_it_works_and_a_radio_what_it_carries() -> None:
    assert phone_power.cpu_ma(0, 1.0, 10**6) == phone_power.cpu_ma(5, 0.0, 10**6) == 0
    assert phone_power.cpu_ma(500_000, 1.0, 10**6) == phone_power.CPU_MA / 2
    assert phone_power.cpu_ma(10**9, 1.0, 10**6) == phone_power.CPU_MA
    kinds = [phone_power.radio_ma(20_000, 1.0, kind) for kind in ("none", "Wi-Fi", "3G", "2G")]
    assert kinds == sorted(kinds) and kinds[0] == 0 < kinds[1] and kinds[3] < phone_power.RADIO_MA
    assert phone_power.radio_ma(10**9, 1.0, "3G") == phone_power.RADIO_MA
    assert phone_power.radio_ma(10**9, 0.0, "3G") == 0


def test_a_charger_fills_it_in_two_hours_and_never_over() -> None:
    empty = BatteryState(level=0.0, plugged=True)
    assert phone_power.after(empty, 0.0, 7200.0).level == pytest.approx(100)
    assert phone_power.after(empty, 0.0, 10**6).level == 100
    assert phone_power.after(BatteryState(level=1.0), 100.0, 10**6).level == 0


# Walking

HOME, EAST = (60.17, 24.94), (60.17, 24.95)


def test_a_route_is_as_long_as_it_is_on_the_earth() -> None:
    assert distance(Point(0, 0), Point(0, 1)) == pytest.approx(111_195, rel=1e-3)
    assert distance(Point(60, 179.9), Point(60, -179.9)) == pytest.approx(11_119, rel=1e-2)
    route = Route([Point(*HOME), Point(*EAST)])
    assert route.length == pytest.approx(553.2, rel=1e-2)
    middle = route.at(route.length / 2)
    assert middle.point.longitude == pytest.approx(24.945)
    assert middle.course == pytest.approx(90, abs=0.1)
    assert route.at(1e9).point == Point(*EAST)


@given(
    st.lists(
        st.builds(Point, st.floats(-90, 90), st.floats(-180, 180), st.floats(-500, 9000)),
        min_size=2,
        max_size=20,
    ),
    st.floats(-1e9, 1e9),
)
@example([Point(-38.51028643466252, 0.0), Point(90.0, 0.0)], 14289692.0)
def test_everywhere_on_a_route_is_on_the_earth(points: list[Point], metres: float) -> None:
    try:
        route = Route(points)
    except PhoneError:
        assert len(set(points)) < 2
        return
    place = route.at(metres)
    assert abs(place.point.latitude) <= 90
    assert abs(place.point.longitude) <= 180
    assert 0 <= place.course <= 360


async def test_a_walk_moves_and_is_ended_by_a_place(phone: Phone) -> None:
    moved = asyncio.Event()
    places: list[float] = []

    def here(location: Any) -> None:
        places.append(location.longitude)
        if len(places) == 2:
            moved.set()

    phone.on("location", here)
    phone.walk([HOME, EAST], speed=5.0)  # for two minutes
    await asyncio.wait_for(moved.wait(), 60)
    assert phone.walking
    assert 24.94 <= places[0] < places[1] <= 24.95
    assert phone.location.speed == 5.0
    assert phone.location.course == pytest.approx(90, abs=0.1)
    phone.set_location(*HOME)
    assert not phone.walking
    assert (phone.location.longitude, phone.location.speed) == (24.94, 0.0)


async def test_a_walk_ends_at_its_end(phone: Phone) -> None:
    ended = asyncio.Event()
    phone.on("walk", lambda walking: None if walking else ended.set())
    phone.walk([HOME, EAST], speed=1000.0)
    await asyncio.wait_for(ended.wait(), 60)
    assert (phone.location.latitude, phone.location.longitude) == EAST
    assert phone.location.speed == 0
    assert not phone.walking


GPX = """<?xml version="1.0"?><gpx xmlns="urn:example:gpx"><wpt lat="1" lon="1"/>
<trk><trkseg><trkpt lat="60.17" lon="24.94"><ele>12</ele></trkpt><trkpt lat="60.18" lon="24.94"/></trkseg>
</trk></gpx>"""


def test_a_gpx_file_is_walked_along_its_track(tmp_path: Path) -> None:
    file = tmp_path / "walk.gpx"
    file.write_text(GPX)
    route = read_gpx(file)
    assert route.length == pytest.approx(1112, rel=1e-2)
    assert route.at(0).point == Point(60.17, 24.94, 12.0)
    assert route.at(1).course == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<gpx/>",
        "<gpx><trk><trkpt lat='1'/></trk></gpx>",
        "<gpx><trkpt lat='x' lon='1'/></gpx>",
        "<gpx><trkpt lat='1' lon='1'/></gpx>",
        "<gpx><trkpt lat='1' lon='1'/><trkpt lat='100' lon='1'/></gpx>",
        "<!DOCTYPE gpx [<!ENTITY a 'b'>]><gpx>&a;</gpx>",
        "<gpx>" + "<a>" * 10,
        "<?xml version='1.0' encoding='nonsense'?><gpx/>",
    ],
)
def test_a_file_that_is_no_way_to_walk_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "walk.gpx"
    file.write_text(text)
    with pytest.raises(PhoneError, match=r"walk\.gpx"):
        read_gpx(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PhoneError, match="cannot be read"):
        read_gpx(tmp_path / "none.gpx")


def test_a_handset_without_a_radio_has_none() -> None:
    deaf = HandsetModel(
        **{name: getattr(MODEL, name) for name in MODEL.__struct_fields__ if name != "radios"},
        radios=("GPS",),
    )
    phone = Phone(deaf)
    assert phone.radio_kinds == ("none",)
    assert phone.signal.bars == 0
    assert phone.state != PhoneState()
