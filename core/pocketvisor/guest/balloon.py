"""A guest's balloon as its handset sees it: asked to give memory back, and what it says of its memory.

Nothing is forced: a guest that does not do what was asked is reported, once.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import structs

from pocketvisor.board.config import DevicesConfig
from pocketvisor.devices.virtio_balloon import (
    PAGE_SIZE,
    STATISTICS,
    AskStatistics,
    BalloonReport,
    SetTarget,
)
from pocketvisor.errors import GuestError
from pocketvisor.guest.listeners import Callback, Listeners, Unsubscribe
from pocketvisor.guest.options import GuestState

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.guest.peripherals import Peripherals

POLL_SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 10.0
_PAGES_OF_MIB: Final = (1 << 20) // PAGE_SIZE


class Balloon:
    """A peripheral without descriptors. Events: "changed", when one of its values may have."""

    descriptors: Sequence[int] = ()

    def __init__(self, guest: "Guest") -> None:
        self._guest = guest
        self._listeners = Listeners("changed", "watched")
        self._wanted = 0
        self._pressed = 0
        self._actual = 0
        self._poll: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._unsubscribe = guest.on("device", self._heard)
        self.statistics: dict[str, int] = {}
        """What the guest told last, by the names of STATISTICS; memory in bytes."""

    @property
    def _target(self) -> int:
        return max(self._wanted, self._pressed)

    @property
    def target_mib(self) -> int:
        """What it should hold: as its user wants it, or more, where its handset needs memory."""
        return self._target // _PAGES_OF_MIB

    @property
    def pressed_mib(self) -> int:
        """What its handset needs of it."""
        return self._pressed // _PAGES_OF_MIB

    @property
    def actual_mib(self) -> float:
        """What it holds, as the guest says."""
        return self._actual / _PAGES_OF_MIB

    def set(self, mib: int) -> None:
        """Ask the guest to give back so much memory in all; over resets it stays. Raises GuestError."""
        if not 0 <= mib < self._guest.ram_mib:
            raise GuestError(f"{self._guest.name} has {self._guest.ram_mib} MiB, and cannot give {mib}")
        self._wanted = mib * _PAGES_OF_MIB
        self._tell()

    def press(self, mib: int) -> None:
        """For its handset: so much at least, whatever its user wants; not kept over a reset."""
        if mib != self.pressed_mib:
            self._pressed = min(max(mib, 0), self._guest.ram_mib - 1) * _PAGES_OF_MIB
            self._tell()

    def _tell(self) -> None:
        self._guest.tell("balloon", SetTarget(self._target))
        self._wait_for_it()
        self._emit()

    def watch(self, callback: Callback) -> Unsubscribe:
        """As on("changed"); while somebody watches, the guest is asked for its statistics each second."""
        unsubscribe = self._listeners.on("watched", callback)
        if self._poll is None:
            self._ask()
        return unsubscribe

    # Peripheral

    def configure(self, devices: DevicesConfig) -> DevicesConfig:
        """A replay starts as what it replays did."""
        self._actual = self._pressed = 0
        self.statistics = {}
        if self._guest.options.replay is not None:
            return devices
        origin = self._guest.options.origin
        if origin is not None and not self._wanted:
            self._wanted = origin.record.board.devices.balloon or 0
        return structs.replace(devices, balloon=self._wanted)

    def ended(self) -> None:
        if self._patience is not None:
            self._patience.cancel()

    async def close(self) -> None:
        self.ended()
        self._unsubscribe()
        if self._poll is not None:
            self._poll.cancel()

    def _heard(self, device: str, data: bytes) -> None:
        if device != "balloon":
            return
        try:
            report = msgspec.msgpack.decode(data, type=BalloonReport)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return
        self._actual = report.actual
        self.statistics = {name: report.statistics[name] for name in STATISTICS if name in report.statistics}
        if self._actual == self._target and self._patience is not None:
            self._patience.cancel()
        self._emit()

    def _emit(self) -> None:
        for event in ("changed", "watched"):
            self._listeners.emit(event)

    def _ask(self) -> None:
        self._poll = None
        if self._listeners.has("watched"):
            if self._guest.state is GuestState.RUNNING:
                self._guest.tell("balloon", AskStatistics())
            self._poll = asyncio.get_running_loop().call_later(POLL_SECONDS, self._ask)

    def _wait_for_it(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._not_reached)

    def _not_reached(self) -> None:
        if self._actual != self._target and self._guest.state is GuestState.RUNNING:
            self._guest.run_note(
                f"has put {self.actual_mib:.0f} MiB into its balloon, and was asked for {self.target_mib}"
            )


async def open_balloon(guest: "Guest", _: Callable[[str], None]) -> Balloon | None:
    return Balloon(guest) if guest.options.parts_of(guest.image).balloon is not None else None


def of(guest: "Guest", peripherals: "Peripherals | None") -> Balloon:
    """Raises GuestError where it has none."""
    balloon = peripherals.find(Balloon) if peripherals is not None else None
    if balloon is None:
        raise GuestError(f"{guest.name} has no balloon")
    return balloon
