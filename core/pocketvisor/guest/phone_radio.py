"""The signal that a handset hears, put before the networks of its guests as it changes.

What a network was given at its start stays until then, and what the user says afterwards goes before. A weak
signal is slower and loses more: of the radio's figures at four bars so much is left.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import structs

from pocketvisor.board.config import DevicesConfig
from pocketvisor.devices.phone_state import SignalState
from pocketvisor.network.radio import PRESETS, Radio, radio_named

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

_LEFT: Final = (0.02, 0.15, 0.4, 0.75, 1.0)
"""Of the rate, by bars."""
_LOST: Final = (15.0, 3.0, 1.0, 0.2, 0.0)
"""Percent of packets besides, by bars."""


def radio_of(signal: SignalState) -> Radio:
    """The link over that network with that signal."""
    if signal.radio == "none":
        return PRESETS["off"]
    best, bars = radio_named(signal.radio), signal.bars
    return structs.replace(
        best,
        up=round(best.up * _LEFT[bars]),
        down=round(best.down * _LEFT[bars]),
        loss=min(best.loss + _LOST[bars], 100.0),
    )


class RadioLink:
    """A peripheral without descriptors, for a guest with a network card."""

    descriptors: Sequence[int] = ()

    def __init__(self, guest: "Guest") -> None:
        self._guest = guest
        self._unsubscribe = guest.on_phone("signal", self._changed)

    def configure(self, devices: DevicesConfig) -> DevicesConfig:
        return devices

    def ended(self) -> None:
        pass

    async def close(self) -> None:
        self._unsubscribe()

    def _changed(self, signal: SignalState) -> None:
        if self._guest.network is not None:
            self._guest.network.set_radio(radio_of(signal))


async def open_radio(guest: "Guest", _: Callable[[str], None]) -> RadioLink | None:
    """In a replay nothing enters but what was recorded."""
    return RadioLink(guest) if guest.network is not None and guest.options.replay is None else None
