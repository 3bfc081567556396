"""The handset's physical state for tests that are no coroutines: what it does happens in the guests' loop."""

from typing import Any

from pocketvisor.devices.phone_state import BatteryState, LocationState, MotionState, SignalState
from pocketvisor.phone import WALKING_SPEED, Phone
from pocketvisor.testing.background import BackgroundLoop


class SyncPhone:
    """`phone` is the one of pocketvisor.api, whose methods these are."""

    def __init__(self, phone: Phone, loop: BackgroundLoop) -> None:
        self.phone = phone
        self._loop = loop

    @property
    def battery(self) -> BatteryState:
        return self.phone.battery

    @property
    def location(self) -> LocationState:
        return self.phone.location

    @property
    def motion(self) -> MotionState:
        return self.phone.motion

    @property
    def signal(self) -> SignalState:
        return self.phone.signal

    def set_battery(self, level: float | None = None, **named: Any) -> None:
        """Percent; plugged=, temperature=, millivolts=."""
        self._loop.call(self.phone.set_battery, level, **named)

    def set_location(self, latitude: float, longitude: float, **named: Any) -> None:
        """Degrees; altitude=, speed=, course=."""
        self._loop.call(self.phone.set_location, latitude, longitude, **named)

    def lose_fix(self) -> None:
        self._loop.call(self.phone.lose_fix)

    def walk(self, route: Any, speed: float = WALKING_SPEED) -> None:
        self._loop.call(self.phone.walk, route, speed)

    def stop_walking(self) -> None:
        self._loop.call(self.phone.stop_walking)

    def rotate(self, degrees: int) -> None:
        self._loop.call(self.phone.rotate, degrees)

    def turn(self, way: str) -> None:
        self._loop.call(self.phone.turn, way)

    def set_tilt(self, pitch: float | None = None, roll: float | None = None) -> None:
        self._loop.call(self.phone.set_tilt, pitch, roll)

    def set_shake(self, x: float, y: float, z: float) -> None:
        self._loop.call(self.phone.set_shake, x, y, z)

    def set_signal(self, **named: Any) -> None:
        """bars= or dbm=, radio=."""
        self._loop.call(self.phone.set_signal, **named)
