"""What an open workbench is asked about a handset's physical state. An empty `handset` is the only one.

All but PressKey are answered by PhoneShown.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pocketvisor.devices.phone_state import PhoneState

_Name = Annotated[str, Meta(max_length=64)]
_Position = tuple[float, float, float]
"""Latitude, longitude, altitude."""

POINTS_MAX = 20_000


class _Message(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """Tagged with its class's name. What is None stays as it is."""

    handset: _Name = ""


class AskPhone(_Message):
    """How it is."""


class SetBattery(_Message):
    level: float | None = None
    plugged: bool | None = None
    temperature: float | None = None
    draining: bool | None = None


class SetLocation(_Message):
    latitude: float
    longitude: float
    altitude: float | None = None
    speed: float = 0.0
    course: float | None = None


class LoseFix(_Message):
    """No satellites are seen any more."""


class Walk(_Message):
    """Along these points, at metres a second."""

    points: Annotated[list[_Position], Meta(max_length=POINTS_MAX)]
    speed: float


class StopWalking(_Message):
    """Stays where it is."""


class Hold(_Message):
    """`turn` is a quarter from where it is, `orientation` in degrees clockwise from upright."""

    turn: Literal["left", "right"] | None = None
    orientation: int | None = None
    pitch: float | None = None
    roll: float | None = None


class SetSignal(_Message):
    dbm: int | None = None
    bars: int | None = None
    radio: _Name | None = None


class PressKey(_Message):
    """A key of the phone, for the guest in the foreground. Answered by Done when it is released."""

    key: _Name
    milliseconds: Annotated[int, Meta(ge=0, le=20_000)] = 100


PhoneRequest = (
    AskPhone | SetBattery | SetLocation | LoseFix | Walk | StopWalking | Hold | SetSignal | PressKey
)


class PhoneShown(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    handset: str
    state: PhoneState
    walking: bool
    draining: bool
