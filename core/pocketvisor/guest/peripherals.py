"""What a guest has from outside its process: disks, a network's wire, what is kept of its flash.

Opened before its first run, kept over resets and power off, closed when it leaves its handset. The guest's
process opens nothing: it inherits the descriptors. A new kind is one opener in OPENERS.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from pocketvisor.board.config import DevicesConfig
from pocketvisor.guest.balloon import open_balloon
from pocketvisor.guest.disks import open_guest_disks
from pocketvisor.guest.flash import open_flash
from pocketvisor.guest.phone_parts import open_phone
from pocketvisor.guest.phone_radio import open_radio
from pocketvisor.guest.ports import open_ports
from pocketvisor.guest.user_devices import open_user_devices
from pocketvisor.guest.vsock import open_vsock
from pocketvisor.network.service import open_network

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

Progress = Callable[[str], None]
P = TypeVar("P")


class Peripheral(Protocol):
    """One kind of peripheral of one guest, open."""

    def configure(self, devices: DevicesConfig) -> DevicesConfig:
        """Called before each run: puts its part into the board's configuration, fresh wires included."""

    @property
    def descriptors(self) -> Sequence[int]:
        """What the process is to inherit, as configured last."""

    def ended(self) -> None:
        """A run has ended, in whatever way: its process is gone."""

    async def close(self) -> None: ...


Opener = Callable[["Guest", Progress], Awaitable[Peripheral | None]]
"""Raises a PocketvisorError with the sentence to show; None where the guest has none of its kind."""

OPENERS: Final[tuple[Opener, ...]] = (
    open_flash,
    open_guest_disks,
    open_network,
    open_radio,
    open_phone,
    open_user_devices,
    open_ports,
    open_balloon,
    open_vsock,
)


class Peripherals:
    """All of one guest's, in the order of OPENERS."""

    def __init__(self, opened: list[Peripheral]) -> None:
        self._opened = opened

    @classmethod
    async def open(cls, guest: "Guest", progress: Progress) -> "Peripherals":
        """All or none."""
        peripherals = cls([])
        try:
            for opener in OPENERS:
                peripheral = await opener(guest, progress)
                if peripheral is not None:
                    peripherals._opened.append(peripheral)
        except BaseException:
            await peripherals.close()
            raise
        return peripherals

    def configure(self, devices: DevicesConfig) -> DevicesConfig:
        for peripheral in self._opened:
            devices = peripheral.configure(devices)
        return devices

    def find(self, kind: type[P]) -> P | None:
        """The guest's peripheral of this class."""
        return next((one for one in self._opened if isinstance(one, kind)), None)

    @property
    def descriptors(self) -> list[int]:
        return [fd for peripheral in self._opened for fd in peripheral.descriptors]

    def ended(self) -> None:
        for peripheral in self._opened:
            peripheral.ended()

    async def close(self) -> None:
        while self._opened:
            await self._opened.pop().close()
