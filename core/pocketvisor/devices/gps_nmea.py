"""NMEA 0183 sentences of a GPS receiver: what it tells each second of where and when it is.

Left out: other satellite systems, and satellites that move: the sky is always the same eight.
"""

from datetime import UTC, datetime
from math import floor
from typing import Final

from pocketvisor.devices.phone_state import LocationState

_SKY: Final = (
    (2, 62, 310, 44),
    (5, 48, 88, 42),
    (7, 35, 147, 39),
    (13, 27, 221, 37),
    (15, 71, 45, 46),
    (21, 19, 267, 33),
    (24, 12, 12, 30),
    (30, 54, 190, 43),
)
"""Number, elevation, azimuth in degrees, and signal to noise in dB."""
_DILUTIONS: Final = ("1.6", "0.9", "1.3")
"""Of position, in the plane and of height: that of eight satellites well spread."""
_KNOTS: Final = 3600 / 1852
_KILOMETRES_PER_HOUR: Final = 3.6
_LAST_SECOND: Final = 253402300799  # of year 9999


def sentence(*fields: object) -> bytes:
    """With its checksum: the bytes between "$" and "*", all or-ed exclusively."""
    body = ",".join(str(field) for field in fields).encode("ascii")
    checksum = 0
    for byte in body:
        checksum ^= byte
    return b"$%s*%02X\r\n" % (body, checksum)


def sentences(location: LocationState, seconds: int) -> bytes:
    """What a receiver says at a whole second since 1970: the date first, since what follows has none."""
    when = datetime.fromtimestamp(min(max(seconds, 0), _LAST_SECOND), UTC)
    time, date = when.strftime("%H%M%S.00"), when.strftime("%d%m%y")
    if not location.fix:
        return b"".join(
            (
                sentence("GPRMC", time, "V", *[""] * 6, date, "", "", "N"),
                sentence("GPVTG", *[""] * 8, "N"),
                sentence("GPGGA", time, *[""] * 4, 0, "00", "", "", "M", "", "M", "", ""),
                sentence("GPGSA", "A", 1, *[""] * 12, "", "", ""),
                sentence("GPGSV", 1, 1, "00"),
            )
        )
    latitude = _degrees(location.latitude, 2, "NS")
    longitude = _degrees(location.longitude, 3, "EW")
    knots, course = f"{location.speed * _KNOTS:.2f}", f"{location.course:.1f}"
    altitude = f"{location.altitude:.1f}"
    used = [f"{number:02d}" for number, *_ in _SKY]
    position, plane, height = _DILUTIONS
    return b"".join(
        (
            sentence("GPRMC", time, "A", *latitude, *longitude, knots, course, date, "", "", "A"),
            sentence(
                *("GPVTG", course, "T", "", "M", knots, "N"),
                *(f"{location.speed * _KILOMETRES_PER_HOUR:.2f}", "K", "A"),
            ),
            sentence(
                *("GPGGA", time, *latitude, *longitude, 1, f"{len(_SKY):02d}"),
                *(plane, altitude, "M", "0.0", "M", "", ""),
            ),
            sentence("GPGSA", "A", 3, *used, *[""] * (12 - len(used)), position, plane, height),
            *_view(),
        )
    )


def _view() -> list[bytes]:
    """Four satellites a sentence."""
    groups = [_SKY[at : at + 4] for at in range(0, len(_SKY), 4)]
    view = []
    for number, group in enumerate(groups, 1):
        fields = [
            field
            for satellite, elevation, azimuth, noise in group
            for field in (f"{satellite:02d}", f"{elevation:02d}", f"{azimuth:03d}", f"{noise:02d}")
        ]
        view.append(sentence("GPGSV", len(groups), number, f"{len(_SKY):02d}", *fields))
    return view


def _degrees(value: float, digits: int, letters: str) -> tuple[str, str]:
    """Degrees and minutes, and the half of the world: 60.1733 is 6010.39800,N."""
    minutes = round(abs(value) * 60 * 100_000)
    degrees = floor(minutes / 6_000_000)
    rest = minutes - degrees * 6_000_000
    return f"{degrees:0{digits}d}{rest / 100_000:08.5f}", letters[0 if value >= 0 else 1]
