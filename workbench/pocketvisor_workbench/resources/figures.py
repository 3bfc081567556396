"""What the Resources pane shows of a handset: its own figures, with the guests that they are of."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.handset_memory.figures import GuestMemoryNow, MemoryNow
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
class MemoryShare:
    guest: "Guest"
    now: "GuestMemoryNow"


@dataclass(frozen=True)
class MemoryFigures:
    now: "MemoryNow"
    guests: tuple[MemoryShare, ...] = ()


@dataclass(frozen=True)
class PowerShare:
    guest: "Guest"
    now: "GuestPower"


@dataclass(frozen=True)
class PowerFigures:
    now: "PowerNow"
    guests: tuple[PowerShare, ...] = ()
