"""A handset's physical state: battery, place, how it is held, what radio it hears. All its guests see it.

It is the handset's, so that it outlives its guests. What a guest that has a phone's parts makes of it is told
to that guest; the radio and the modem listen to "signal".
"""

import asyncio
import math
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct, structs

from pocketvisor import phone_power
from pocketvisor.devices.phone_state import (
    ORIENTATIONS,
    BatteryState,
    LocationState,
    MotionState,
    PhoneState,
    SignalState,
    dbm_of_bars,
)
from pocketvisor.errors import PhoneError
from pocketvisor.guest.listeners import Callback, Listeners, Unsubscribe
from pocketvisor.models import HandsetModel, field_sentence
from pocketvisor.phone_route import Route

WALKING_SPEED: Final = 1.4
"""Metres a second."""
_STEP_SECONDS: Final = 1.0
_START_DBM: Final = -71
_RADIOS: Final = (
    ("2G", ("GSM", "GPRS", "EDGE", "CDMA")),
    ("3G", ("UMTS", "HSPA", "HSDPA", "HSUPA", "EV-DO", "WCDMA")),
    ("Wi-Fi", ("Wi-Fi",)),
)
"""The kinds of radio by how their names in a handset's model start."""

P = TypeVar("P", bound=Struct)


def radio_kinds(model: HandsetModel) -> tuple[str, ...]:
    """The networks that a handset may be in, "none" first."""
    kinds = [kind for kind, starts in _RADIOS if any(radio.startswith(starts) for radio in model.radios)]
    return ("none", *kinds)


class Phone:
    """Events, each with what is new: "battery", "location", "motion", "signal" (the part), "orientation"
    (degrees, after "motion"), and after each of them "changed" (all of it); "walk" and "draining" (whether).

    What is impossible raises PhoneError with the sentence to show, and changes nothing.
    """

    def __init__(self, model: HandsetModel) -> None:
        self._model = model
        self.radio_kinds = radio_kinds(model)
        best = next((kind for kind in ("3G", "2G", "Wi-Fi") if kind in self.radio_kinds), "none")
        self.state = PhoneState(
            battery=BatteryState(capacity_mah=model.battery_mah),
            signal=SignalState(radio=best, dbm=_START_DBM),  # type: ignore[arg-type]
        )
        self.draining = False
        self._listeners = Listeners(
            "battery", "location", "motion", "signal", "orientation", "walk", "draining", "changed"
        )
        self._walk: asyncio.Task[None] | None = None

    def on(self, event: str, callback: Callback) -> Unsubscribe:
        return self._listeners.on(event, callback)

    @property
    def battery(self) -> BatteryState:
        return self.state.battery

    @property
    def location(self) -> LocationState:
        return self.state.location

    @property
    def motion(self) -> MotionState:
        return self.state.motion

    @property
    def signal(self) -> SignalState:
        return self.state.signal

    @property
    def orientation(self) -> int:
        """Degrees that it is turned clockwise from upright, as its user sees it: 0, 90, 180 or 270."""
        return self.motion.orientation

    # Battery

    def set_battery(
        self,
        level: float | None = None,
        *,
        plugged: bool | None = None,
        temperature: float | None = None,
        millivolts: int | None = None,
    ) -> None:
        """Percent; whether a charger is connected; degrees Celsius; millivolts, or 0 for what goes with the
        level. What is not said stays."""
        given: dict[str, Any] = {"level": level, "plugged": plugged, "temperature": temperature}
        changes = {name: value for name, value in given.items() if value is not None}
        if millivolts is not None:
            changes["millivolts"] = millivolts or None
        self._set_battery(_changed(self.battery, milliamps=None, **changes))

    def set_draining(self, draining: bool) -> None:
        """Whether the level follows phone_power's model; else it stays where it is put."""
        if draining != self.draining:
            self.draining = draining
            self._set_battery(structs.replace(self.battery, milliamps=None))
            self._listeners.emit("draining", draining)

    def drawn(self, milliamps: float, seconds: float) -> None:
        """For the handset: what was taken from the battery, and for how long."""
        if self.draining:
            self._set_battery(phone_power.after(self.battery, milliamps, seconds))

    def _set_battery(self, battery: BatteryState) -> None:
        if battery != self.battery:
            self.state = structs.replace(self.state, battery=battery)
            self._emit("battery", battery)

    # Place

    def set_location(
        self,
        latitude: float,
        longitude: float,
        *,
        altitude: float | None = None,
        speed: float = 0.0,
        course: float | None = None,
    ) -> None:
        """Degrees, north and east being positive; metres; metres a second; degrees from north. It ends a
        walk."""
        self.stop_walking()
        self._move(latitude=latitude, longitude=longitude, altitude=altitude, speed=speed, course=course)

    def lose_fix(self) -> None:
        """The receiver sees no satellites any more."""
        self.stop_walking()
        self._set_location(structs.replace(self.location, fix=False, speed=0.0))

    def walk(self, route: Route | Sequence[tuple[float, float]], speed: float = WALKING_SPEED) -> None:
        """From the route's start to its end, metres a second; needs a running loop."""
        if not isinstance(route, Route):
            from pocketvisor.phone_route import Point

            route = Route([Point(*point) for point in route])
        if not 0.0 < speed <= 2000.0:
            raise PhoneError("speed: from just over 0 to 2000 metres a second")
        self.stop_walking()
        self._walk = asyncio.get_running_loop().create_task(self._walking(route, speed))
        self._listeners.emit("walk", True)

    def stop_walking(self) -> None:
        """Stays where it is."""
        if self._walk is not None:
            self._walk.cancel()
            self._walk = None
            self._set_location(structs.replace(self.location, speed=0.0))
            self._listeners.emit("walk", False)

    @property
    def walking(self) -> bool:
        return self._walk is not None

    async def _walking(self, route: Route, speed: float) -> None:
        clock = asyncio.get_running_loop().time
        started = clock()
        while (metres := (clock() - started) * speed) < route.length:
            self._step(route, metres, speed)
            await asyncio.sleep(_STEP_SECONDS)
        self._step(route, route.length, speed)
        self.stop_walking()

    def _step(self, route: Route, metres: float, speed: float) -> None:
        place = route.at(metres)
        point = place.point
        self._move(
            latitude=point.latitude,
            longitude=point.longitude,
            altitude=point.altitude,
            speed=speed,
            course=place.course,
        )

    def _move(self, **given: float | None) -> None:
        changes = {name: value for name, value in given.items() if value is not None}
        if "course" in changes:
            changes["course"] %= 360.0
        self._set_location(_changed(self.location, fix=True, **changes))

    def _set_location(self, location: LocationState) -> None:
        if location != self.location:
            self.state = structs.replace(self.state, location=location)
            self._emit("location", location)

    # Motion

    def rotate(self, degrees: int) -> None:
        """Holds it turned clockwise by 0, 90, 180 or 270 degrees; others with the same rest mean the same."""
        if degrees % 90:
            raise PhoneError(f"A handset is turned by {', '.join(map(str, ORIENTATIONS))} degrees")
        self._set_motion(_changed(self.motion, orientation=degrees % 360))

    def turn(self, way: str) -> None:
        """A quarter "left" or "right"."""
        if way not in ("left", "right"):
            raise PhoneError("A handset is turned left or right")
        self.rotate(self.orientation + (90 if way == "right" else -90))

    def set_tilt(self, pitch: float | None = None, roll: float | None = None) -> None:
        """pitch: degrees leaned back, 90 being flat with the screen up; roll: degrees clockwise besides the
        orientation, -45 to 45."""
        changes = {name: value for name, value in (("pitch", pitch), ("roll", roll)) if value is not None}
        self._set_motion(_changed(self.motion, **changes))

    def set_shake(self, x: float, y: float, z: float) -> None:
        """An acceleration besides gravity's, in m/s^2 along the axes of the screen."""
        self._set_motion(_changed(self.motion, shake=(x, y, z)))

    def _set_motion(self, motion: MotionState) -> None:
        if motion != self.motion:
            turned = motion.orientation != self.orientation
            self.state = structs.replace(self.state, motion=motion)
            self._emit("motion", motion)
            if turned:
                self._listeners.emit("orientation", motion.orientation)

    # Signal

    def set_signal(
        self, *, bars: int | None = None, dbm: int | None = None, radio: str | None = None
    ) -> None:
        """0 to 4 bars or dBm, and the kind of network, one of radio_kinds."""
        if bars is not None and dbm is not None:
            raise PhoneError("A signal is said in bars or in dBm")
        changes: dict[str, Any] = {}
        if bars is not None:
            if not 0 <= bars <= 4:
                raise PhoneError("bars: 0 to 4")
            dbm = dbm_of_bars(bars)
        if dbm is not None:
            changes["dbm"] = dbm
        if radio is not None:
            changes["radio"] = self._radio(radio)
        signal = _changed(self.signal, **changes)
        if signal != self.signal:
            self.state = structs.replace(self.state, signal=signal)
            self._emit("signal", signal)

    def _radio(self, name: str) -> str:
        for kind in self.radio_kinds:
            if kind.casefold().replace("-", "") == name.casefold().replace("-", ""):
                return kind
        raise PhoneError(f"{self._model.name} has no radio '{name}', it has {', '.join(self.radio_kinds)}")

    def _emit(self, event: str, part: Struct) -> None:
        self._listeners.emit(event, part)
        self._listeners.emit("changed", self.state)


def _changed(part: P, **changes: Any) -> P:
    """The part with changes in it. Raises PhoneError with the field's name where one is out of bounds."""
    for name, value in changes.items():
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, float) and not math.isfinite(number):
                raise PhoneError(f"{name}: is no number")
    try:
        return msgspec.convert({**structs.asdict(part), **changes}, type(part))
    except msgspec.ValidationError as error:
        raise PhoneError(field_sentence(str(error))) from error
