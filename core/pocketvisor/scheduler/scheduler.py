"""The scheduler: splits what the handset's CPU does among the guests that want to run.

At each look it sees what each guest ran and waited, and writes the rates for the next moment to the status
pages. It is work-conserving: what a guest does not use the others get, the foreground first.

    demand   a guest that waited little wants all it can get; another wants somewhat more than it used, and
             so does one whose own code is so slow that it cannot use what it gets (known.py)
    split    shares.py: reservations, then weights, limits; what is over goes round again
    pace     fairness.py: what each really gets keeps those proportions, also on a host that is too slow
    floor    a guest that waits keeps what it is entitled to as a bound, and all there is while nobody wants
             more, so that a touch is answered at once: it does not use it, and when it does, the others'
             rates follow at the next look

A guest's process keeps its rate itself: of one that a guest has taken over see host_bound.py.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol

from pocketvisor.control.status import STATE_IDLE, StatusPage
from pocketvisor.errors import AdmissionError
from pocketvisor.scheduler.fairness import Fairness, Progress
from pocketvisor.scheduler.host_time import HostClock
from pocketvisor.scheduler.known import Known
from pocketvisor.scheduler.qos import BOOST_MOST, SHARES, Qos, SchedulerNow, ShareNow
from pocketvisor.scheduler.response import Response
from pocketvisor.scheduler.shares import Demand, split

_log = logging.getLogger(__name__)

PERIOD: Final = 0.05
"""Between two looks; it is shorter while guests compete, longer while all of them wait."""
_COMPETING: Final = 0.02
_QUIET: Final = 0.2
_HEADROOM: Final = 1.25
_MIPS: Final = 1_000_000


class Runner(Protocol):
    """What the scheduler has to know of a guest."""

    id: str
    name: str
    qos: Qos

    @property
    def status(self) -> StatusPage: ...
    @property
    def pid(self) -> int: ...
    @property
    def wants_share(self) -> bool:
        """Running, and by the handset's rate."""

    @property
    def fixed_rate(self) -> int:
        """For a guest that does not take a share: its rate, 0 for no limit."""


class Scheduler:
    """Runs from start() to stop() in the handset's loop. `total`: ticks a second of the handset's CPU."""

    def __init__(
        self,
        total: int,
        runners: Callable[[], Sequence[Runner]],
        foreground: Callable[[], object],
        clock: Callable[[], HostClock] = HostClock,
    ) -> None:
        self._total = total
        self._runners = runners
        self._foreground = foreground
        self._clock = clock
        self._known: dict[Runner, Known] = {}
        self._fairness = Fairness()
        self._looked_at = 0.0
        self._task: asyncio.Task[None] | None = None
        self._boost = 1.0
        self._competing = 0
        self._signs: list[object] = []
        self.response = Response()
        self.background_mips: Callable[[Any], int] = lambda _: 0
        """What a guest in the background is left of a battery that is low; 0 for no bound."""

    @property
    def total_mips(self) -> int:
        return self._total // _MIPS

    @property
    def boost(self) -> float:
        """What the foreground guest's shares are multiplied with."""
        return self._boost

    def set_boost(self, boost: float) -> None:
        """Raises AdmissionError."""
        if not 1.0 <= boost <= BOOST_MOST:
            raise AdmissionError(f"A boost is from 1, which is none, to {BOOST_MOST:.0f}")
        self._boost = boost

    def set_response(self, milliseconds: float | None) -> None:
        """How long the foreground guest may wait for this computer's CPU when it is woken; None: no matter.
        Raises AdmissionError."""
        self.response.set_target(milliseconds)

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._loop())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        for known in self._known.values():
            known.clock.close()
        self._known = {}

    async def _loop(self) -> None:
        while True:
            try:
                self.assign(time.monotonic())
            except Exception:  # a mistake in one look leaves the others to come
                _log.exception("A look at who gets what of a CPU failed")
            await asyncio.sleep((_QUIET, PERIOD)[self._competing] if self._competing < 2 else _COMPETING)

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
        if self._all_wait_as_before(sharing, now):
            return
        self._forget_others(sharing)
        demands, progress = [], []
        for runner in sharing:
            known = self._known[runner]
            watched = self._competing > 1 or runner is self._foreground()
            used = known.look(runner.status.head(), now, elapsed, runner.pid if watched else 0)
            if _promised(runner):
                known.hungry, known.slow = known.busy, False
            demands.append(self._demand(runner, known, used))
            if known.hungry:
                progress.append(self._progress(runner, known, used))
        self._measure_response(sharing, now, elapsed)
        self._competing = sum(self._known[runner].busy for runner in sharing)
        grants = split(self._total, demands)
        everything = [self._wish(runner, None) for runner in sharing]
        entitled = split(self._total, everything) if sharing else []
        factors = iter(self._fairness.factors(elapsed, progress))
        for runner, grant, most in zip(sharing, grants, entitled, strict=True):
            known = self._known[runner]
            known.entitled = most
            if known.hungry:
                known.granted = self._squeezed(runner, known, grant)
            else:
                known.granted = max(grant, most) if self._competing else float(self._total)
            rate = known.granted * next(factors) if known.hungry else known.granted
            known.rate = min(max(rate, 1.0), self._total, self._cap(runner) or self._total)
            self._write(runner, int(known.rate))

    def _all_wait_as_before(self, sharing: Sequence[Runner], now: float) -> bool:
        """Then there is nothing to do, and phones mostly wait: this costs next to nothing."""
        signs: list[object] = [self._foreground(), self._boost]
        waits = not self._competing
        for runner in sharing:
            head = runner.status.head()
            signs += (runner, head.ticks, runner.qos, self._cap(runner))
            waits = waits and head.state == STATE_IDLE
            if (known := self._known.get(runner)) is not None:
                known.usage.add(now, head.ticks)
        same = waits and signs == self._signs
        self._signs = signs
        return same

    def first_rate(self, runner: Runner) -> int:
        """What a guest that starts is entitled to, in ticks a second."""
        others = [other for other in self._runners() if other is not runner and other.wants_share]
        wishes = [self._wish(one, None) for one in (runner, *others)]
        return max(int(split(self._total, wishes)[0]), 1)

    def _forget_others(self, sharing: Sequence[Runner]) -> None:
        for runner in self._known.keys() - set(sharing):
            self._known.pop(runner).clock.close()
        for runner in sharing:
            if runner not in self._known:
                self._known[runner] = Known(runner.status.head(), self._clock())

    def _demand(self, runner: Runner, known: Known, used: float) -> Demand:
        return self._wish(runner, None if known.hungry else used * _HEADROOM)

    def _wish(self, runner: Runner, wanted: float | None) -> Demand:
        foreground = runner is self._foreground()
        return Demand(
            wanted,
            foreground,
            weight=runner.qos.shares * (self._boost if foreground else 1.0),
            reservation=runner.qos.reservation * _MIPS,
            limit=self._cap(runner),
        )

    def _cap(self, runner: Runner) -> float:
        """The lowest of its bounds; 0 for none."""
        low = 0 if runner is self._foreground() else self.background_mips(runner)
        bounds = [bound for bound in (runner.qos.limit, low) if bound]
        return float(min(bounds) * _MIPS) if bounds else 0.0

    def _progress(self, runner: Runner, known: Known, used: float) -> Progress:
        granted = 0.0 if known.new else known.granted
        return Progress(id(runner), used, granted, known.rate, known.given, _promised(runner))

    def _squeezed(self, runner: Runner, known: Known, grant: float) -> float:
        if runner is self._foreground():
            return grant
        return max(grant * self.response.squeeze, min(runner.qos.reservation * _MIPS, grant))

    def _measure_response(self, sharing: Iterable[Runner], now: float, elapsed: float) -> None:
        for runner in sharing:
            if runner is self._foreground():
                known = self._known[runner]
                times = [known.host, known.clock.main()]
                self.response.look(now, elapsed, id(runner), tuple(one for one in times if one is not None))

    @staticmethod
    def _write(runner: Runner, rate: int) -> None:
        """A guest's process ends its slice at another rate: not for next to nothing."""
        page = runner.status
        if abs(page.rate - rate) > rate / 500:
            page.rate = rate

    # For whoever looks at it

    def now(self) -> list[ShareNow]:
        """Each guest of the handset, in their order; one that does not run by its rate uses none of it."""
        shown = [(runner, self._known.get(runner)) for runner in self._runners()]
        used = [known.usage.rate(self._looked_at) if known is not None else 0.0 for _, known in shown]
        all_used = sum(used) or 1.0
        return [
            ShareNow(
                guest=runner.id,
                name=runner.name,
                qos=runner.qos,
                used=ran / _MIPS,
                granted=known.granted / _MIPS if known is not None else 0.0,
                entitled=known.entitled / _MIPS if known is not None else 0.0,
                share=ran / all_used,
                hungry=known is not None and known.hungry,
                foreground=runner is self._foreground(),
                boosted=runner is self._foreground() and self._boost > 1.0,
                limited_by=self._limited_by(runner, known, ran) if known is not None else "",
                wait_ms=known.wait_ms if known is not None else 0.0,
            )
            for (runner, known), ran in zip(shown, used, strict=True)
        ]

    def state(self) -> SchedulerNow:
        """The handset's CPU as a whole."""
        return SchedulerNow(
            total=self.total_mips,
            used=sum(known.usage.rate(self._looked_at) for known in self._known.values()) / _MIPS,
            reserved=sum(runner.qos.reservation for runner in self._runners()),
            host=self._fairness.pace,
            boost=self._boost,
            response_ms=self.response.target_ms,
            waited_ms=self.response.waited_ms(self._looked_at),
            squeeze=self.response.squeeze,
        )

    def _limited_by(self, runner: Runner, known: Known, used: float) -> str:
        if not known.hungry:
            return ""
        cap, own = self._cap(runner), runner.qos.limit * _MIPS
        if cap and known.granted >= 0.99 * cap:
            return "limit" if own and own <= cap else "battery"
        if self.response.squeeze < 0.99 and runner is not self._foreground():
            return "response"
        return "host" if used < 0.9 * known.granted else ""


def _promised(runner: Runner) -> bool:
    """Whether others wait for it, whatever keeps it behind."""
    return runner.qos.reservation > 0 or runner.qos.shares > SHARES
