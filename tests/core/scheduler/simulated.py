"""A host by hand, a millisecond at a time: cores that processes queue for, guests that keep their rates as
core/native/pace.c does, and strangers' processes beside them."""

import random
import struct
from bisect import bisect_right
from collections.abc import Callable

from pocketvisor.control.status import PAGE_SIZE, STATE_IDLE, STATE_RUNNING, StatusPage
from pocketvisor.guest.memory import create_memfd
from pocketvisor.scheduler import Qos, Scheduler
from pocketvisor.scheduler.host_time import HostClock, HostTime

MIPS = 1_000_000
_STEP = 0.001
_SLICE_STEPS = 3
_CREDIT = 0.002


class SimulatedGuest:
    """`speed`: what its code runs on a core of its own, in ticks a second."""

    fixed_rate = 0
    pid = 1

    def __init__(self, name: str, speed: float = 1200 * MIPS) -> None:
        self.id = self.name = name
        self.speed = speed
        self.qos = Qos()
        self.wants_share = True
        self.awake: Callable[[float], bool] = lambda _: True
        self.status = StatusPage(create_memfd("test", PAGE_SIZE))
        self.ticks = self.idle = self.ran = self.waited = self.waits = 0.0
        self.turns = 0
        self.ahead = 0.0
        self._told = 0.0

    def runnable(self, now: float) -> bool:
        """It sleeps while it is ahead of its rate."""
        awake = self.awake(now)
        self.ahead = max(self.ahead - _STEP, -_CREDIT)
        if not awake:
            self.idle += _STEP
        return awake and self.ahead <= 0

    def run(self) -> None:
        ticks = self.speed * _STEP
        self.ticks += ticks
        self.ran += _STEP
        self.ahead += ticks / max(self.status.rate, 1)

    def tell(self, now: float) -> None:
        if now - self._told >= 0.005:
            self._told = now
            state = STATE_RUNNING if self.awake(now) else STATE_IDLE
            ran = int(self.ran * 1e9)
            fields = (int(self.ticks), int(now * 1e9), int(self.idle * 1e9), ran, state)
            struct.pack_into("<QQQQI", self.status._map, 8, *fields)


class SimulatedClock(HostClock):
    """What the kernel would say of a guest's threads."""

    def __init__(self, guest: SimulatedGuest) -> None:
        self._guest = guest

    def read(self, pid: int, vcpu_ns: int) -> HostTime:
        guest = self._guest
        return HostTime(int(guest.ran * 1e9), int(guest.waited * 1e9), guest.turns)

    def main(self) -> HostTime | None:
        return None

    def close(self) -> None: ...


class SimulatedHost:
    """`strangers`: other processes that never sleep. The handset looks every 20 ms, later now and then."""

    def __init__(
        self, guests: list[SimulatedGuest], total: int, cores: int = 2, strangers: int = 0, seed: int = 1
    ) -> None:
        self.guests = guests
        self._cores = cores
        self._dice = random.Random(seed)
        self._strangers: list[object] = [object() for _ in range(strangers)]
        self._had: dict[object, float] = dict.fromkeys([*guests, *self._strangers], 0.0)
        clocks = iter(guests)
        self.scheduler = Scheduler(
            total * MIPS, lambda: guests, lambda: guests[0], lambda: SimulatedClock(next(clocks))
        )
        self.now = 0.0
        self._next_look = 0.0
        self._on: list[object] = []
        self._ready: list[object] = []
        self._floor = 0.0
        self._left = 0
        self.seen: list[tuple[float, list[float]]] = []

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / _STEP)):
            self._step()

    def _step(self) -> None:
        self.now += _STEP
        if self.now >= self._next_look:
            self.scheduler.assign(self.now)
            self._next_look = self.now + self._dice.choice((0.02, 0.021, 0.022, 0.035))
        ready: list[object] = [guest for guest in self.guests if guest.runnable(self.now)]
        ready += self._strangers
        self._left -= 1
        self._on = [one for one in self._on if one in ready]
        if self._left <= 0 or len(self._on) < min(self._cores, len(ready)):
            before = self._on
            for one in ready:  # a sleeper does not save up its turns
                if one not in self._ready:
                    self._had[one] = max(self._had[one], self._floor)
            self._floor = max(min((self._had[one] for one in ready), default=0.0), self._floor)
            self._ready = ready[:]
            ready.sort(key=lambda one: (self._had[one], self._dice.random()))
            self._on = ready[: self._cores]
            self._left = _SLICE_STEPS
            for one in self._on:
                if isinstance(one, SimulatedGuest) and one not in before:
                    one.turns += 1
        for one in ready:
            if one in self._on:
                self._had[one] += _STEP
                if isinstance(one, SimulatedGuest):
                    one.waited += one.waits  # Linux counts a wait when it is over
                    one.waits = 0.0
                    one.run()
            elif isinstance(one, SimulatedGuest):
                one.waits += _STEP
        for guest in self.guests:
            guest.tell(self.now)
        self.seen.append((self.now, [guest.ticks for guest in self.guests]))

    def windows(self, since: float, seconds: float = 1.0) -> list[list[float]]:
        """What each guest ran in every window of so long, in ticks a second."""
        times = [at for at, _ in self.seen]
        found = []
        for end, (at, ticks) in enumerate(self.seen):
            if at - seconds < since:
                continue
            begin = bisect_right(times, at - seconds) - 1
            found.append([(b - a) / seconds for a, b in zip(self.seen[begin][1], ticks, strict=True)])
            assert begin < end
        return found
