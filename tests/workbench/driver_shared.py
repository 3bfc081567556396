"""A driven guest's share of its handset: the real scheduler and battery look at a page that a test writes."""

import mmap
import struct
from typing import TYPE_CHECKING, Any

from pocketvisor.control.status import STATE_IDLE, STATE_RUNNING
from pocketvisor.guest.options import LIVE_STATES, GuestState, RunOptions
from pocketvisor.guest.share import GuestShare
from pocketvisor.handset_memory.figures import GuestMemoryNow, MemoryNow
from pocketvisor.power import Power
from pocketvisor.scheduler import Scheduler

if TYPE_CHECKING:
    from driver import DriverHandset

_HEAD = struct.Struct("<QQQQII")
_HEAD_AT = 0x008
_KINDS = ("private", "shared", "merged", "saved", "balloon")


class SharedDriver(GuestShare):
    """Beside it there is `panel`, whose status page is the guest's, and `tell` for its events."""

    panel: Any
    tell: Any

    def __init__(self) -> None:
        super().__init__()
        self.options = RunOptions()
        self._ran = [0, 0, 0, 0]

    @property
    def _listeners(self) -> Any:
        return self

    def emit(self, event: str, *what: object) -> None:
        self.tell(event, *what)

    @property
    def status(self) -> Any:
        return self.panel._status

    def ran(self, seconds: float, mips: float) -> None:
        """So long it was awake, and did so much; the rest of the time it waited."""
        busy = min(mips * 1e6 / max(self.status.rate, 1), 1.0)
        done = (mips * 1e6 * seconds, seconds * 1e9, seconds * 1e9 * (1 - busy), seconds * 1e9 * busy)
        self._ran = [was + round(more) for was, more in zip(self._ran, done, strict=True)]
        page = mmap.mmap(self.panel.status_fd, 4096)
        state = STATE_RUNNING if mips and self.state is GuestState.RUNNING else STATE_IDLE
        _HEAD.pack_into(page, _HEAD_AT, *self._ran, state, 0)
        page.close()


def share_out(handset: "DriverHandset") -> tuple[Scheduler, Power]:
    """A handset's, real; nobody looks but a test."""
    guests: Any = lambda: handset.guests  # noqa: E731
    scheduler = Scheduler(handset.model.mips * 1_000_000, guests, lambda: handset.foreground)
    power = Power(handset.model, handset.phone, guests, lambda: handset.foreground)
    scheduler.background_mips = power.background_mips
    return scheduler, power


class DriverMemory:
    """What driven guests hold is what a test says: MiB by kind, of each guest by its id."""

    def __init__(self, handset: "DriverHandset") -> None:
        self._handset = handset
        self.share = False
        self.search = 0.0
        self.kinds: dict[str, dict[str, int]] = {}
        self.alone: dict[str, str] = {}

    async def set_share(self, share: bool) -> None:
        self.share = share

    def now(self) -> MemoryNow:
        guests = tuple(self._of(guest) for guest in self._handset.guests if guest.state in LIVE_STATES)
        ram = self._handset.model.ram_mib << 20
        held = sum(guest.held for guest in guests)
        sums = {
            kind: sum(getattr(guest, kind) for guest in guests) for kind in ("private", "saved", "balloon")
        }
        return MemoryNow(
            ram=ram,
            held=held,
            free=max(ram - held, 0),
            over=max(held - ram, 0),
            shared=max((guest.shared for guest in guests), default=0),
            merged=max((guest.merged for guest in guests), default=0),
            share=self.share,
            search=self.search,
            guests=guests,
            **sums,
        )

    def _of(self, guest: Any) -> GuestMemoryNow:
        said = self.kinds.get(guest.id, {"private": 20})
        sizes = {kind: said.get(kind, 0) << 20 for kind in _KINDS}
        return GuestMemoryNow(
            id=guest.id,
            name=guest.name,
            ram=guest.ram_mib << 20,
            held=sizes["private"] + sizes["shared"] + sizes["merged"] - sizes["saved"],
            limit=guest.ram_mib << 20,
            alone=self.alone.get(guest.id, ""),
            **sizes,
        )
