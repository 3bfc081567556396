"""What the scheduler knows of a guest that shares its handset's CPU, from look to look."""

from typing import Final

from pocketvisor.control.status import STATE_IDLE, StatusHead
from pocketvisor.scheduler.host_time import HostClock, HostTime
from pocketvisor.scheduler.response import waited_ms
from pocketvisor.scheduler.usage import Usage

_HUNGRY_BELOW: Final = 0.10  # waited less than this share of the time
_FULL: Final = 0.9
_SLOW: Final = 0.8  # of what it may run,
_SLOW_NO_MORE: Final = 0.9
_HAD_A_CORE: Final = 0.97
_SMOOTH_SECONDS: Final = 0.25


class Known:
    """Rates and grants in ticks a second."""

    def __init__(self, head: StatusHead, clock: HostClock) -> None:
        self.head = head
        self.clock = clock
        self.host: HostTime | None = None
        self.given = 1.0
        """Of the time that it wanted a core lately, how much it had one."""
        self.wait_ms = 0.0
        self.rate = 0.0
        self.granted = 0.0
        self.entitled = 0.0
        self.new = True
        self.busy = False
        """It does not wait for anything but time to run."""
        self.slow = False
        """It is busy, and its own code is what keeps it below its rate: it had a core all the time."""
        self.hungry = False
        """It is busy, and would run more if it got more."""
        self.usage = Usage()
        self._fill = 1.0
        self._ran = self._waited = 0.0

    def look(self, head: StatusHead, now: float, elapsed: float, pid: int) -> float:
        """What it ran since the last look. `pid`: its process, 0 where the host need not be asked."""
        last, self.head = self.head, head
        self.new = (self.new and not self.rate) or head.ticks < last.ticks  # or it was reset
        self.usage.add(now, head.ticks)
        self._ask_host(pid, elapsed)
        used = max(head.ticks - last.ticks, 0) / elapsed
        waited = (head.idle_ns - last.idle_ns) / 1e9 / elapsed
        waits_now = head.state == STATE_IDLE and used < self.rate / 2  # a wait is counted when it is over
        self.busy = self.new or (not waits_now and (waited < _HUNGRY_BELOW or used > _FULL * self.rate))
        self._judge(used, elapsed)
        self.hungry = self.busy and not self.slow
        return used

    def _ask_host(self, pid: int, elapsed: float) -> None:
        host = self.clock.read(pid, self.head.cpu_ns) if pid else None
        if host is not None and self.host is not None:
            # Linux counts a wait when it is over: one look alone may see none of it.
            keeps = max(1.0 - elapsed / _SMOOTH_SECONDS, 0.0)
            self._ran = keeps * self._ran + max(host.ran_ns - self.host.ran_ns, 0)
            self._waited = keeps * self._waited + max(host.waited_ns - self.host.waited_ns, 0)
            wait = waited_ms((self.host,), (host,))
            self.wait_ms += 0.2 * ((wait or 0.0) - self.wait_ms)
        else:
            self._ran = self._waited = 0.0
        self.given = self._ran / (self._ran + self._waited) if self._ran + self._waited else 1.0
        self.host = host

    def _judge(self, used: float, elapsed: float) -> None:
        if self.new or not self.busy or self.host is None:
            self._fill, self.slow = 1.0, False
            return
        weight = min(elapsed / _SMOOTH_SECONDS, 1.0)
        self._fill += weight * (used / max(self.rate, 1.0) - self._fill)
        below = _SLOW_NO_MORE if self.slow else _SLOW
        self.slow = self._fill < below and self.given > _HAD_A_CORE
