"""The scheduler: splits what the handset's CPU does among the guests that want to run.

Twenty times a second it looks at what each guest ran and waited, and writes the rates for the next moment to
the status pages. It is work-conserving: what a guest does not use the others get, the foreground first.

    demand   a guest that waited little wants all it can get; another wants somewhat more than it used
    split    equal shares, of which nobody gets more than they want; what is over goes round again
    floor    a guest that waits keeps its equal share as a bound, so that a touch is answered at once: it
             does not use it, and when it does, the others' rates follow a twentieth of a second later
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from msgspec import Struct

from pocketvisor.control.status import STATE_IDLE, StatusPage

PERIOD: Final = 0.05
_HUNGRY_BELOW = 0.10  # waited less than this share of the time
_HEADROOM = 1.25


class Runner(Protocol):
    """What the scheduler has to know of a guest."""

    @property
    def status(self) -> StatusPage: ...
    @property
    def wants_share(self) -> bool:
        """Running, and by the handset's rate."""

    @property
    def fixed_rate(self) -> int:
        """For a guest that does not take a share: its rate, 0 for no limit."""


class Demand(Struct, frozen=True):
    """What a guest asks for, in ticks a second; None for all it can get."""

    ticks_per_second: float | None
    foreground: bool = False


def split(total: float, demands: Sequence[Demand]) -> list[float]:
    """Each one's grant. The grants' sum is `total`, unless nobody wants more."""
    grants = [0.0] * len(demands)
    open_ones = [index for index in range(len(demands))]
    left = total
    while open_ones:
        share = left / len(open_ones)
        content = [
            index
            for index in open_ones
            if (wanted := demands[index].ticks_per_second) is not None and wanted <= share
        ]
        if not content:
            for index in open_ones:
                grants[index] = share
            return grants
        for index in content:
            grants[index] = demands[index].ticks_per_second or 0.0
            left -= grants[index]
        open_ones = [index for index in open_ones if index not in content]
    for index, demand in enumerate(demands):
        if demand.foreground:
            grants[index] += left
    return grants


class _Last(Struct):
    ticks: int
    idle_ns: int
    rate: int


class Scheduler:
    """Runs from start() to stop() in the handset's loop."""

    def __init__(
        self, total: int, runners: Callable[[], Sequence[Runner]], foreground: Callable[[], object]
    ) -> None:
        self._total = total
        self._runners = runners
        self._foreground = foreground
        self._last: dict[int, _Last] = {}
        self._looked_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._loop())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _loop(self) -> None:
        while True:
            self.assign(time.monotonic())
            await asyncio.sleep(PERIOD)

    def assign(self, now: float) -> None:
        """Looks at all guests and writes their rates."""
        elapsed = max(now - self._looked_at, 0.001)
        self._looked_at = now
        sharing = []
        for runner in self._runners():
            if runner.wants_share:
                sharing.append(runner)
            elif runner.status.rate != runner.fixed_rate:
                runner.status.rate = runner.fixed_rate
        demands = [self._demand(runner, elapsed) for runner in sharing]
        floor = self._total / len(sharing) if sharing else 0.0
        last: dict[int, _Last] = {}
        for runner, demand, grant in zip(sharing, demands, split(self._total, demands), strict=True):
            rate = int(max(grant, floor) if demand.ticks_per_second is not None else grant)
            runner.status.rate = max(rate, 1)
            head = runner.status.head()
            last[id(runner)] = _Last(head.ticks, head.idle_ns, rate)
        self._last = last

    def _demand(self, runner: Runner, elapsed: float) -> Demand:
        foreground = runner is self._foreground()
        last = self._last.get(id(runner))
        head = runner.status.head()
        if last is None or head.ticks < last.ticks:  # new, or reset
            return Demand(None, foreground)
        used = (head.ticks - last.ticks) / elapsed
        waited = (head.idle_ns - last.idle_ns) / 1e9 / elapsed
        waits_now = head.state == STATE_IDLE and used < last.rate / 2  # a wait is counted when it is over
        if not waits_now and (waited < _HUNGRY_BELOW or used > 0.9 * last.rate):
            return Demand(None, foreground)
        return Demand(used * _HEADROOM, foreground)
