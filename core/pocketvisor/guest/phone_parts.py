"""The handset's physical state, told to a guest with a phone's own parts: at power on, and as it changes.

Where its policy does not let it know where it is, its receiver sees no satellites.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import structs

from pocketvisor.board.config import DevicesConfig
from pocketvisor.devices.phone_state import LocationState, PhoneState
from pocketvisor.guest.options import GuestState
from pocketvisor.policies.act import Act

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest


class PhoneLink:
    """A peripheral without descriptors."""

    descriptors: Sequence[int] = ()

    def __init__(self, guest: "Guest") -> None:
        self._guest = guest
        self._unsubscribe = [
            guest.on_phone("changed", lambda _: self._tell()),
            guest.on("state", self._tell),
            guest.on("policy", self._tell),
        ]

    def configure(self, devices: DevicesConfig) -> DevicesConfig:
        """A replay starts as what it replays did."""
        replay = self._guest.options.replay
        state = replay.head.phone if replay is not None else None
        return structs.replace(devices, phone=state or self._state())

    def ended(self) -> None:
        pass

    async def close(self) -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()

    def _tell(self) -> None:
        """Also when it begins to run: what changed before, or since it was saved, has not reached it."""
        if self._guest.state in (GuestState.RUNNING, GuestState.PAUSED):
            self._guest.tell("phone", self._state())

    def _state(self) -> PhoneState:
        state, governed = self._guest.handset.phone.state, self._guest.governed
        if governed is not None and governed.allows(Act.LOCATION):
            return structs.replace(state, location=LocationState())
        return state


async def open_phone(guest: "Guest", _: Callable[[str], None]) -> PhoneLink | None:
    return PhoneLink(guest) if guest.options.phone_of(guest.image) else None
