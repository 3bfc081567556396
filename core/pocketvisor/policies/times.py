"""The hours of a policy: days of the week, times of day, a time zone that is not the computer's."""

import functools
import re
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta

from pocketvisor.errors import PolicyError

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TimeOfDay = Annotated[str, Meta(pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]

_ZONES: Final = Path("/usr/share/zoneinfo")
_FIRST: Final = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())
_LAST: Final = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}")


def minutes_of(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


@functools.cache
def zone_of(name: str) -> tzinfo:
    """From the system's own files: where Python looks can be said in the environment. Raises PolicyError."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    if _ZONE.fullmatch(name):
        try:
            with (_ZONES / name).open("rb") as file:
                return ZoneInfo.from_file(file, key=name)
        except (OSError, ValueError):
            pass
    raise PolicyError(f"The policy is malformed: there is no time zone '{name[:64]}' on this computer")


def within(now_ns: int, days: tuple[Day, ...], start: str, end: str, zone: tzinfo) -> tuple[bool, int]:
    """Whether it is in these hours, and when that changes, in nanoseconds; 0 where it never does."""
    now = datetime.fromtimestamp(now_ns / 1e9, zone)
    spans: list[tuple[datetime, datetime]] = []
    for offset in range(-2, 9):
        day = (now + timedelta(days=offset)).date()
        if DAYS[day.weekday()] not in days:
            continue
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        last = minutes_of(end) + (1440 if minutes_of(end) < minutes_of(start) else 0)
        # Wall-clock arithmetic, as people mean it on days when the clock changes; compared in UTC.
        begins = (midnight + timedelta(minutes=minutes_of(start))).astimezone(UTC)
        ends = (midnight + timedelta(minutes=last)).astimezone(UTC)
        if spans and begins <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(ends, spans[-1][1]))
        else:
            spans.append((begins, ends))
    moment = now.astimezone(UTC)
    for begins, ends in spans:
        if moment < begins:
            return False, _ns(begins)
        if moment < ends:
            return True, _ns(ends)
    return False, 0


def day_of(time_ns: int) -> str:
    """To show. What is before or after all calendars is at their ends."""
    seconds = min(max(time_ns // 1_000_000_000, _FIRST), _LAST)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _ns(when: datetime) -> int:
    return int(when.timestamp()) * 1_000_000_000
