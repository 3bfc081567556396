"""How the handset of a run is: what the options of `pocketvisor run` make of a Phone."""

from msgspec import Struct

from pocketvisor.errors import PhoneError
from pocketvisor.phone import Phone


class Held(Struct, frozen=True, kw_only=True):
    """What is None stays as a handset has it."""

    battery: float | None = None
    charging: bool | None = None
    location: str | None = None
    rotate: int | None = None
    signal: int | None = None

    @property
    def given(self) -> bool:
        return self != Held()

    def put(self, phone: Phone) -> None:
        """Raises PhoneError."""
        if self.battery is not None or self.charging is not None:
            phone.set_battery(self.battery, plugged=self.charging)
        if self.location is not None:
            latitude, longitude, altitude = _position(self.location)
            phone.set_location(latitude, longitude, altitude=altitude)
        if self.rotate is not None:
            phone.rotate(self.rotate)
        if self.signal is not None:
            bars = self.signal >= 0
            phone.set_signal(bars=self.signal if bars else None, dbm=None if bars else self.signal)


def _position(text: str) -> tuple[float, float, float | None]:
    try:
        parts = [float(part) for part in text.split(",")]
    except ValueError:
        parts = []
    if len(parts) not in (2, 3):
        raise PhoneError(f"'{text}' is no place: give LATITUDE,LONGITUDE or LATITUDE,LONGITUDE,ALTITUDE")
    return parts[0], parts[1], parts[2] if len(parts) == 3 else None
