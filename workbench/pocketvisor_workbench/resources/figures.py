"""What the Resources pane shows of a handset, as plain figures: MIPS, MiB and milliamperes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.power import GuestPower, PowerNow
    from pocketvisor.scheduler.qos import SchedulerNow, ShareNow


@dataclass(frozen=True)
class CpuShare:
    guest: "Guest"
    now: "ShareNow"


@dataclass(frozen=True)
class CpuFigures:
    now: "SchedulerNow"
    guests: tuple[CpuShare, ...] = ()


@dataclass(frozen=True)
class GuestMemory:
    """Of the guest's RAM, in MiB. What is in none of them was never touched."""

    guest: "Guest"
    ram: float
    private: float
    shared: float
    """With the image that it was started from."""
    merged: float
    """Found to be the same as others' in the background."""
    balloon: float
    saved: float
    apart: str = ""
    """Why nothing of it is shared, where a policy says so."""


@dataclass(frozen=True)
class MemoryFigures:
    ram: float
    guests: tuple[GuestMemory, ...] = ()
    shared: float = 0.0
    """What guests share, counted once."""
    sharing: bool = False

    @property
    def private(self) -> float:
        return sum(guest.private for guest in self.guests)

    @property
    def held(self) -> float:
        return self.private + self.shared

    @property
    def free(self) -> float:
        return max(self.ram - self.held, 0.0)

    @property
    def saved(self) -> float:
        return sum(guest.saved for guest in self.guests)


@dataclass(frozen=True)
class PowerShare:
    guest: "Guest"
    now: "GuestPower"


@dataclass(frozen=True)
class PowerFigures:
    now: "PowerNow"
    guests: tuple[PowerShare, ...] = ()
