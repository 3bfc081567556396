"""A bound on what a guest's process takes of this computer's processors, whatever runs in it.

The engine keeps a guest to its rate; who has taken the engine over keeps to nothing. So its handset looks at
the time that the kernel counts for the process, and stops it (SIGSTOP, which no process can refuse) for as
long as it has had more than an engine that is its own master can want:

    at rest     paused, or locked: next to nothing, once it has finished what it was at
    otherwise   what its few threads can do of honest work; a program of as many threads could take more

Left out: a fair part for each while guests run, beyond the proportions that the scheduler keeps of what their
engines report: of a process that lies about that this computer's kernel decides, as of any other.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

_log = logging.getLogger(__name__)

AT_REST: Final = 0.25
"""Cores."""
WORKING: Final = 2.5
"""Its vCPU's thread is one; the others run Python, of which one goes on at a time, and wait for disks."""
SPARE: Final = 3.0
"""Seconds of a core that it may save up: what it was at when it came to rest is finished."""
_OWED_MOST: Final = 1.0
_SECONDS: Final = 0.5
_SOON: Final = 0.05
"""Between two looks, while one has used up half of what it may save up."""


class Bounded(Protocol):
    """What has to be known of a guest."""

    @property
    def pid(self) -> int: ...
    @property
    def rests(self) -> bool:
        """It has nothing to do."""

    def run_note(self, sentence: str) -> None: ...


class HostProcess:
    """Raises OSError where there is none."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._pidfd = os.pidfd_open(pid)
        self._clock = (~pid << 3) | 2  # as clock_getcpuclockid(3) makes it

    def ran(self) -> float:
        """Seconds, of all its threads. Raises OSError where it has gone."""
        return time.clock_gettime(self._clock)

    def stop(self) -> None:
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        self._send(signal.SIGCONT)

    def close(self) -> None:
        os.close(self._pidfd)

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)


class _Account:
    def __init__(self, process: HostProcess, now: float) -> None:
        self.process = process
        self.at = now
        self.ran = process.ran()
        self.left = SPARE
        self.stopped = self.said = False

    def look(self, now: float, cores: float) -> None:
        """Raises OSError where its process has gone."""
        ran = self.process.ran()
        left = self.left + cores * (now - self.at) - (ran - self.ran)
        self.left = max(min(left, SPARE), -_OWED_MOST)
        self.at, self.ran = now, ran
        if self.left < 0.0:
            self.stopped = True
            self.process.stop()  # each time: another may have let it go on
        elif self.stopped:
            self.go_on()

    def go_on(self) -> None:
        self.stopped = False
        self.process.go_on()

    def close(self) -> None:
        if self.stopped:
            self.go_on()
        self.process.close()


class HostBound:
    """Runs from start() to stop() in the handset's loop."""

    def __init__(
        self,
        guests: Callable[[], Sequence[Bounded]],
        process: Callable[[int], HostProcess] = HostProcess,
    ) -> None:
        self._guests = guests
        self._process = process
        self._accounts: dict[Bounded, _Account] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._loop())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        for guest in tuple(self._accounts):
            self._accounts.pop(guest).close()

    async def _loop(self) -> None:
        while True:
            try:
                self.look(time.monotonic())
            except Exception:  # a mistake in one look leaves the others to come
                _log.exception("A look at what processes take of this computer failed")
            await asyncio.sleep(self.patience)

    @property
    def patience(self) -> float:
        """Seconds until the next look."""
        near = any(account.left < SPARE / 2 for account in self._accounts.values())
        return _SOON if near else _SECONDS

    def look(self, now: float) -> None:
        guests = [guest for guest in self._guests() if guest.pid]
        for guest in self._accounts.keys() - set(guests):
            self._accounts.pop(guest).close()
        for guest in guests:
            try:
                account = self._account(guest, now)
                account.look(now, AT_REST if guest.rests else WORKING)
            except OSError:  # it has just ended
                if guest in self._accounts:
                    self._accounts.pop(guest).close()
                continue
            if account.stopped and not account.said:
                account.said = True
                guest.run_note(
                    "takes more of this computer's processors than a guest can use: its process is held back"
                )

    def _account(self, guest: Bounded, now: float) -> _Account:
        account = self._accounts.get(guest)
        if account is not None and account.process.pid != guest.pid:
            self._accounts.pop(guest).close()
            account = None
        if account is None:
            process = self._process(guest.pid)
            try:
                account = self._accounts[guest] = _Account(process, now)
            except OSError:
                process.close()
                raise
        return account
