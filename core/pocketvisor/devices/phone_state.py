"""What a handset physically is at a moment: its battery, where it is, how it is held, what radio it hears.

These structs go from the handset to the devices that show them to a guest; bounds are in the types. Left
out: compass, gyroscope, light and proximity.
"""

from itertools import pairwise
from math import cos, radians, sin
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

STANDARD_GRAVITY: Final = 9.80665

RADIO_KINDS: Final = ("none", "2G", "3G", "Wi-Fi")
RadioKind = Literal["none", "2G", "3G", "Wi-Fi"]
ORIENTATIONS: Final = (0, 90, 180, 270)
Orientation = Literal[0, 90, 180, 270]

Level = Annotated[float, Meta(ge=0.0, le=100.0)]
Celsius = Annotated[float, Meta(ge=-40.0, le=100.0)]
Millivolts = Annotated[int, Meta(ge=2500, le=5000)]
Latitude = Annotated[float, Meta(ge=-90.0, le=90.0)]
Longitude = Annotated[float, Meta(ge=-180.0, le=180.0)]
Altitude = Annotated[float, Meta(ge=-1000.0, le=100_000.0)]
Speed = Annotated[float, Meta(ge=0.0, le=2000.0)]
Course = Annotated[float, Meta(ge=0.0, lt=360.0)]
Pitch = Annotated[float, Meta(ge=-90.0, le=90.0)]
Roll = Annotated[float, Meta(ge=-45.0, le=45.0)]
Dbm = Annotated[int, Meta(ge=-120, le=-30)]
Acceleration = Annotated[float, Meta(ge=-80.0, le=80.0)]

_BARS: Final = (-107, -97, -87, -77)
"""The weakest signal of one to four bars, in dBm."""
_VOLTAGES: Final = ((0.0, 3300), (5.0, 3550), (20.0, 3680), (50.0, 3800), (80.0, 3990), (100.0, 4200))
"""Millivolts of a lithium-ion cell at rest by its level; between the points a straight line."""


class BatteryState(Struct, frozen=True, kw_only=True):
    """`plugged`: a charger is connected. `millivolts` None: those of a lithium-ion cell at that level."""

    level: Level = 80.0
    plugged: bool = False
    temperature: Celsius = 25.0
    millivolts: Millivolts | None = None
    capacity_mah: Annotated[int, Meta(ge=100, le=20000)] = 1500
    milliamps: Annotated[int, Meta(ge=-5000, le=5000)] | None = None
    """Into the battery; None: what its status makes likely."""

    @property
    def status(self) -> str:
        """ "charging", "discharging" or "full"."""
        if not self.plugged:
            return "discharging"
        return "full" if self.level >= 100.0 else "charging"

    @property
    def voltage(self) -> int:
        """Millivolts."""
        if self.millivolts is not None:
            return self.millivolts
        for (low, from_), (high, to) in pairwise(_VOLTAGES):
            if self.level <= high:
                return round(from_ + (to - from_) * (self.level - low) / (high - low))
        return _VOLTAGES[-1][1]

    @property
    def current(self) -> int:
        """Milliamperes into the battery: half the capacity an hour when charging, a tenth out of it else."""
        if self.status == "full":
            return 0
        if self.milliamps is not None and (self.milliamps > 0) == self.plugged:
            return self.milliamps
        return self.capacity_mah // 2 if self.plugged else -(self.capacity_mah // 10)


class LocationState(Struct, frozen=True, kw_only=True):
    """Degrees, metres above the sea, metres a second, degrees from north; told only where there is a fix."""

    fix: bool = False
    latitude: Latitude = 0.0
    longitude: Longitude = 0.0
    altitude: Altitude = 0.0
    speed: Speed = 0.0
    course: Course = 0.0


class MotionState(Struct, frozen=True, kw_only=True):
    """How the handset is held. `orientation` and `roll` turn it clockwise as its user sees it; `pitch` leans
    it back, 90 being flat on the table with the screen up. `shake` is added to gravity, in m/s^2."""

    orientation: Orientation = 0
    pitch: Pitch = 0.0
    roll: Roll = 0.0
    shake: tuple[Acceleration, Acceleration, Acceleration] = (0.0, 0.0, 0.0)

    @property
    def acceleration(self) -> tuple[float, float, float]:
        """What an accelerometer feels, in m/s^2 along the axes of the screen: x to the right, y to the top,
        z towards the user. At rest it is as long as gravity and points up."""
        turned, leaned = radians(self.orientation + self.roll), radians(self.pitch)
        upright = STANDARD_GRAVITY * cos(leaned)
        rest = (-upright * sin(turned), upright * cos(turned), STANDARD_GRAVITY * sin(leaned))
        return tuple(value + shaken for value, shaken in zip(rest, self.shake, strict=True))  # type: ignore[return-value]


class SignalState(Struct, frozen=True, kw_only=True):
    """The radio network in use and how strong it is."""

    radio: RadioKind = "none"
    dbm: Dbm = -120

    @property
    def bars(self) -> int:
        """0 to 4."""
        return 0 if self.radio == "none" else sum(self.dbm >= weakest for weakest in _BARS)

    @property
    def csq(self) -> int:
        """As AT+CSQ tells it (3GPP TS 27.007): 0 to 31, 99 for unknown."""
        return 99 if self.radio not in ("2G", "3G") else min(max((self.dbm + 113) // 2, 0), 31)


class PhoneState(Struct, frozen=True, kw_only=True):
    battery: BatteryState = BatteryState()
    location: LocationState = LocationState()
    motion: MotionState = MotionState()
    signal: SignalState = SignalState()


def dbm_of_bars(bars: int) -> int:
    """A signal that shows so many bars, 0 to 4."""
    return (-113, -102, -92, -82, -67)[bars]
