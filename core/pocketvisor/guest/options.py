"""How a guest is run, what state it is in and why it stopped."""

import enum
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from pocketvisor.board.config import (
    PORTS_MAX,
    ConsoleConfig,
    DevicesConfig,
    ModemConfig,
    PortConfig,
    VsockConfig,
)
from pocketvisor.guest.clipboard_wire import PORT as CLIPBOARD
from pocketvisor.guest.port_spec import PortSpec
from pocketvisor.guest.script import ScriptPlan
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.images.offers import Offer
from pocketvisor.network.spec import NetworkSpec, network_spec
from pocketvisor.recording import RecordedParts, Recording, recorded_parts
from pocketvisor.storage.disk import DiskSpec

if TYPE_CHECKING:
    from pocketvisor.guest.origin import Origin


class RunOptions(Struct, frozen=True, kw_only=True):
    """`rate`: "model" for a share of what the handset's CPU does, "max" for as fast as the host goes, or a
    number of MIPS.

    `skip_idle`: time that the guest waits is jumped over, not slept. `script` is matched in the guest's
    process at exact ticks, so that a deterministic run with it comes out the same each time. `display` is one
    of board.config.DISPLAYS. `phone`: whether it has a phone's own parts (battery, GPS, accelerometer).
    `disks` come behind those of the image; `media`: whether it has a drive that files can be put into.
    `flash`: the file that keeps what firmware writes to its flash. `semihosting`: its calls are answered.
    """

    ram_mib: int | None = None
    rate: str | int = "model"
    deterministic: bool = False
    record: bool = False
    replay: Recording | None = None
    rtc_epoch: int | None = None
    tick_limit: int | None = None
    paused: bool = False
    skip_idle: bool = False
    script: ScriptPlan | None = None
    restart_on_reset: bool = True
    display: str | None = None
    legacy_virtio: bool = False
    devices: tuple[Path, ...] = ()
    """Files of the user's own devices; see devices/user_device.py."""
    phone: bool | None = None
    network: NetworkSpec | None = None
    network_card: bool = True
    """False: no card at all, whatever the image wants."""
    disks: tuple[DiskSpec, ...] = ()
    media: bool | None = None
    flash: Path | None = None
    semihosting: bool = False
    parts: tuple[str, ...] = ()
    """Of images.catalogue.PARTS, besides those that the image wants."""
    ports: tuple[PortSpec, ...] = ()
    vsock: Path | None = None
    """The folder for its sockets; see guest/vsock.py."""
    offers: tuple[Offer, ...] | None = None
    """Services for the other guests of its handset, instead of those that its image or profile says."""
    origin: "Origin | None" = None
    """What it was before, for a guest that goes on: it says what the board is made of, as a replay does."""
    follow: bytes | None = None
    """For a look into a guest's past: what has entered it since the origin, which it does again."""

    def ram_of(self, image: GuestImage) -> int:
        """MiB of RAM: as said here, else as recorded, else as the image wants it."""
        if self.origin is not None:
            return self.origin.record.board.ram_size >> 20
        recorded = self.replay.head.ram_mib if self.replay is not None else None
        return self.ram_mib or recorded or image.ram_mib

    def phone_of(self, image: GuestImage) -> bool:
        """Whether the board has a phone's parts: as recorded, else as said here, else as the image wants."""
        if self.replay is not None:
            return self.replay.head.phone is not None
        if self.origin is not None:
            return self.origin.record.board.devices.phone is not None
        return image.phone if self.phone is None else self.phone

    def network_of(self, image: GuestImage) -> NetworkSpec | None:
        """None where the board has no network card."""
        if not self.network_card:
            return None
        return self.network or network_spec(image.network)

    def parts_of(self, image: GuestImage) -> RecordedParts:
        """What serves the guest that it has to know of. A phone has a modem and a clipboard."""
        if self.replay is not None:
            return self.replay.head.parts
        if self.origin is not None:
            return recorded_parts(self.origin.record.board.devices)
        wanted = {*image.parts, *self.parts}
        modem = "modem" in wanted or self.phone_of(image)
        console = None
        clipboard = "clipboard" in wanted or self.phone_of(image)
        if modem or clipboard or "console" in wanted or self.ports:
            ports = tuple(PortConfig(name=port.name) for port in self.ports)
            if clipboard and len(ports) < PORTS_MAX and all(port.name != CLIPBOARD for port in ports):
                ports = (*ports, PortConfig(name=CLIPBOARD))
            console = ConsoleConfig(modem=ModemConfig() if modem else None, ports=ports)
        sockets = "vsock" in wanted or self.vsock is not None or bool(self.offers_of(image))
        return RecordedParts(
            rng="rng" in wanted,
            balloon=0 if "balloon" in wanted else None,
            console=console,
            vsock=VsockConfig().cid if sockets else None,
        )

    def offers_of(self, image: GuestImage) -> tuple[Offer, ...]:
        """A replay offers nothing: nobody would hear its answers."""
        if self.replay is not None:
            return ()
        if self.offers is not None:
            return self.offers
        return self.origin.record.offers if self.origin is not None else image.offers

    def devices_of(self, image: GuestImage) -> DevicesConfig:
        """What the board has besides what every board has, before anything is opened: as recorded, else as
        said here, else as the image wants it."""
        parts = self.parts_of(image)
        if self.origin is not None:
            return self.origin.record.board.devices
        recorded = self.replay.head if self.replay is not None else None
        return DevicesConfig(
            display=recorded.display if recorded else self.display or image.display,  # type: ignore[arg-type]
            legacy=recorded.legacy_virtio if recorded else self.legacy_virtio,
            rng=parts.rng,
            balloon=parts.balloon,
            console=parts.console,
            vsock=VsockConfig(cid=parts.vsock) if parts.vsock is not None else None,
        )


class GuestState(enum.StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    OFF = "off"
    CRASHED = "crashed"
    STOPPED = "stopped"
    """Removed from its handset."""


LIVE_STATES = frozenset({GuestState.STARTING, GuestState.RUNNING, GuestState.PAUSED})
"""States in which a guest takes RAM of its handset."""


class StopReason(Struct, frozen=True):
    """Why the vCPU stopped.

    kind: "paused", "limit" (of ticks), "until" (the script is through), "power-off", "exit" (its program has
    ended, with `code`), "reset", "dead" (waits for what cannot come), "diverged" (from its recording),
    "crashed", "killed" or "removed"; by a debugger "breakpoint", "watchpoint", "step" or "position".
    """

    kind: str
    ticks: int
    detail: str = ""
    code: int | None = None
