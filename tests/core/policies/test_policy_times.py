"""Hours of a policy, in the zone that it names, and what time it is."""

from datetime import UTC, datetime

import pytest
from policy_kit import HandClock

from pocketvisor.errors import PolicyError
from pocketvisor.policies.clock import SECOND, SeenTime, SystemClock, advanced
from pocketvisor.policies.times import DAYS, within, zone_of


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def test_hours_of_some_days() -> None:
    office = (DAYS[:5], "09:00", "17:00", UTC)
    for text, inside, changes in (
        ("2026-11-02T08:59:59", False, "2026-11-02T09:00:00"),
        ("2026-11-02T09:00:00", True, "2026-11-02T17:00:00"),
        ("2026-11-02T17:00:00", False, "2026-11-03T09:00:00"),
        ("2026-11-06T18:00:00", False, "2026-11-09T09:00:00"),  # from Friday to Monday
    ):
        assert within(ns(text), *office) == (inside, ns(changes))


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin() -> None:
    night = (("fri",), "22:00", "06:00", UTC)
    assert within(ns("2026-11-07T05:59:00"), *night) == (True, ns("2026-11-07T06:00:00"))  # type: ignore[arg-type]
    assert within(ns("2026-11-06T05:59:00"), *night)[0] is False  # type: ignore[arg-type]


def test_hours_are_of_the_policys_zone_also_when_its_clocks_change() -> None:
    berlin = zone_of("Europe/Berlin")
    office = (DAYS, "09:00", "17:00", berlin)
    assert within(ns("2026-07-01T07:00:00"), *office)[0]  # 09:00 in summer
    assert not within(ns("2026-11-02T07:30:00"), *office)[0]  # 08:30 in winter
    # On 25 October 2026 the clock goes back at 03:00: 01:00 to 05:00 is five hours long.
    early = (DAYS, "01:00", "05:00", berlin)
    assert within(ns("2026-10-24T23:00:00"), *early) == (True, ns("2026-10-25T04:00:00"))


def test_days_that_meet_are_one_span() -> None:
    whole = (("mon", "tue"), "00:00", "24:00", UTC)
    assert within(ns("2026-11-02T12:00:00"), *whole) == (True, ns("2026-11-04T00:00:00"))  # type: ignore[arg-type]


def test_a_zone_is_the_systems_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONTZPATH", "/nowhere")
    zone_of.cache_clear()
    assert zone_of("Europe/Berlin") is not None
    for name in ("", "..", "/etc/passwd", "a/../../b", "Europe/Berlin\0", "x" * 300):
        with pytest.raises(PolicyError, match="no time zone"):
            zone_of(name)


def test_time_never_goes_back() -> None:
    clock = HandClock()
    seen = advanced(SeenTime(), clock)
    clock.turned(-5)
    assert advanced(seen, clock).time_ns == seen.time_ns
    clock.passes(1)
    later = advanced(seen, clock)
    assert later.time_ns == seen.time_ns + 3600 * SECOND
    clock.restarts()
    assert advanced(later, clock).time_ns == later.time_ns
    clock.turned(100)
    assert advanced(later, clock).time_ns == clock.now


def test_the_computers_own_clock_goes() -> None:
    clock = SystemClock()
    assert clock.boot() and clock.up_ns() > 0
    assert abs(clock.wall_ns() - advanced(SeenTime(), clock).time_ns) < 10 * SECOND
