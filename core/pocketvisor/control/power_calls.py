"""What an open workbench is asked about what a handset's guests take from its battery.

Both are answered by PowerShown. An empty `handset` is the only one.
"""

from typing import Annotated

from msgspec import Meta, Struct

from pocketvisor.control.qos_calls import MIPS_MOST

_Name = Annotated[str, Meta(max_length=64)]


class LowBattery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At so many percent or less, and without a charger, guests in the background get at most so many MIPS;
    0 percent: as ever."""

    percent: Annotated[int, Meta(ge=0, le=100)] = 0
    background_mips: Annotated[int, Meta(ge=1, le=MIPS_MOST)] = 100


class GuestPower(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Milliamperes, of about the last two seconds, and milliampere hours since it is here. `throttled_mips`:
    what a low battery leaves it, 0 where it does not."""

    guest: str
    name: str
    ma: float
    cpu_ma: float
    panel_ma: float
    radio_ma: float
    mah: float
    share: float
    """Of all that guests took since they are here, 0 to 1."""
    throttled_mips: int


class PowerNow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`ma`: all that is drawn; `base_ma`: the part that no guest pays. `hours_left`: at this rate; None with
    a charger, or where nothing is drawn."""

    level: float
    capacity_mah: int
    plugged: bool
    draining: bool
    ma: float
    base_ma: float
    base_mah: float
    hours_left: float | None
    low: LowBattery
    is_low: bool
    guests: list[GuestPower]


class _Message(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """Tagged with its class's name. What is None stays as it is."""

    handset: _Name = ""


class AskPower(_Message):
    """How it is."""


class SetLowBattery(_Message):
    """What a low battery leaves guests in the background."""

    percent: int | None = None
    background_mips: int | None = None


PowerRequest = AskPower | SetLowBattery


class PowerShown(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    handset: str
    power: PowerNow
