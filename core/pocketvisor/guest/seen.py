"""What can be seen of a guest from outside, without asking its process."""

import asyncio

from pocketvisor.control.isolation import Isolation
from pocketvisor.control.status import StatusPage
from pocketvisor.guest.boot import GuestMemory
from pocketvisor.guest.panel import PanelView
from pocketvisor.guest.ram import Ram
from pocketvisor.guest.run import GuestRun
from pocketvisor.guest.statistics import GuestCounters, proportional_set_size


class GuestSeen:
    """The half of a Guest that is looked at."""

    memory: GuestMemory
    panel: PanelView
    _run: GuestRun | None

    @property
    def pid(self) -> int:
        return self._run.pid if self._run is not None else 0

    @property
    def isolation(self) -> Isolation | None:
        """What its process has given up, as it said itself; None while it has none."""
        return self._run.isolation if self._run is not None else None

    @property
    def status(self) -> StatusPage:
        return self.memory.status

    @property
    def ram(self) -> Ram | None:
        """Also when it is off; None before it was started."""
        return self._run.boot.ram if self._run is not None else None

    @property
    def crash_report(self) -> str:
        """The last of what its process said to its standard error."""
        return self._run.crash_report if self._run is not None else ""

    @property
    def ticks(self) -> int:
        return self.status.head().ticks

    def counters(self) -> GuestCounters:
        head = self.status.head()
        return GuestCounters(
            ticks=head.ticks,
            clock_ns=head.clock_ns,
            idle_ns=head.idle_ns,
            cpu_ns=head.cpu_ns,
            ram_bytes=self.ram.touched if self.ram is not None else 0,
            **self.status.counters(),
        )

    async def memory_cost(self) -> int:
        """Bytes of host memory that its process costs (PSS)."""
        return await asyncio.to_thread(proportional_set_size, self.pid) if self.pid else 0

    async def screenshot(self) -> bytes:
        """The panel as a PNG file. Raises Refused."""
        return await asyncio.to_thread(self.panel.screenshot)
