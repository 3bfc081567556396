"""The thread of a guest's vCPU: enters the machine, and tells the process's main thread why it came back.

In sync mode the machine comes back at each console output and doorbell, and both are served here, at that
very tick: that is what makes a scripted run come out the same each time.
"""

import os
import threading
import time
from contextlib import suppress
from typing import Protocol

from pocketvisor import _native
from pocketvisor._native import Machine
from pocketvisor.control.debug_messages import Hit
from pocketvisor.control.messages import Console, Note, Running, Stopped
from pocketvisor.guest.script import Script

# A prompt is one when the guest prints nothing for this long: in ticks if it is busy, or once it waits.
_SETTLE_TICKS = 200_000
_SETTLE_STEP = 4_000

_REASONS = {
    _native.RUN_LIMIT: ("limit", ""),
    _native.RUN_STOPPED: ("paused", ""),
    _native.RUN_POWER_OFF: ("power-off", ""),
    _native.RUN_RESET: ("reset", ""),
    _native.RUN_DIVERGED: ("diverged", "The guest no longer does what was recorded"),
    _native.RUN_DEAD: ("dead", "The guest waits for an interrupt that nothing can raise"),
    _native.RUN_BREAK: ("breakpoint", ""),
    _native.RUN_WATCH: ("watchpoint", ""),
    _native.RUN_STEP: ("step", ""),
    _native.RUN_POSITION: ("position", ""),
}
_FINAL = frozenset({"power-off", "exit", "reset", "diverged", "error"})

Report = Running | Stopped | Console | Note


class Doorbells(Protocol):
    """Who serves them in sync mode: the board."""

    def serve_doorbells(self) -> None: ...
    @property
    def unserved(self) -> bool:
        """Is there one to serve again, when the guest has run on a little?"""


class VcpuThread:
    """Its outbox holds what the main thread is to send on; `wake_fd` is signalled when there is something."""

    def __init__(self, machine: Machine, doorbells: Doorbells, *, sync: bool, script: Script | None) -> None:
        self._machine = machine
        self._doorbells = doorbells
        self._sync = sync
        self._script = script
        self._lock = threading.Condition()
        self._wanted = False
        self._until: int | None = None
        self._steps = 0
        self._position: int | None = None
        self._running = False
        self._ended = False
        self._holding = False
        self._held = False
        self._outbox: list[Report] = []
        self.wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._settling: int | None = None  # in sync mode: the tick by which a prompt counts as one
        self._settling_waits = 0
        self._typed = False
        machine.set_sync(sync)
        threading.Thread(target=self._main, name="vCPU", daemon=True).start()

    @property
    def running(self) -> bool:
        with self._lock:
            return self._running

    def resume(self, until_tick: int | None, *, steps: int = 0, position: int | None = None) -> None:
        """Up to a tick, if one is given; or so many instructions, or to a position (clock bytes)."""
        with self._lock:
            if self._ended:
                return
            self._until = until_tick
            self._steps, self._position = steps, position
            self._wanted = True
            self._lock.notify_all()

    def resume_again(self) -> None:
        """Towards what it was to run to when it stopped."""
        with self._lock:
            until, steps, position = self._until, self._steps, self._position
        self.resume(until, steps=steps, position=position)

    def pause(self) -> None:
        """Does not wait: Stopped comes to the outbox, unless it does not run."""
        with self._lock:
            self._wanted = False
        self._machine.stop()

    def hold(self) -> bool:
        """Comes back when the machine stands still, and stays so until release(); nothing is reported.
        Whether it ran."""
        with self._lock:
            self._holding = True
        self._machine.stop()
        with self._lock:
            while self._running and not self._held:
                self._lock.wait()
            return self._held

    def release(self) -> None:
        """It runs on as it did."""
        with self._lock:
            self._holding = False
            self._lock.notify_all()

    @property
    def until(self) -> int | None:
        """The tick that it is to stop at, while it runs."""
        with self._lock:
            return self._until

    def take_outbox(self) -> list[Report]:
        with suppress(BlockingIOError):
            os.eventfd_read(self.wake_fd)
        with self._lock:
            outbox, self._outbox = self._outbox, []
        return outbox

    def _main(self) -> None:
        while True:
            with self._lock:
                while not self._wanted or self._ended or self._holding:
                    self._lock.wait()
                self._running = True
            self._put(Running(time.monotonic_ns()))
            stopped = self._run()
            with self._lock:
                self._running = False
                self._wanted = False
                self._ended = stopped.reason in _FINAL
                self._lock.notify_all()
            self._put(stopped)

    def _run(self) -> Stopped:
        """Until something says that the vCPU should not go on by itself."""
        machine = self._machine
        while True:
            self._stand_still()
            try:
                reason = machine.run(self._limit(), position=self._position, steps=1 if self._steps else 0)
                if self._sync:
                    ended = self._serve()
                    if ended is not None:
                        return ended
            except Exception as error:  # of a device in Python, or of the engine
                return Stopped("error", machine.ticks(), f"{type(error).__name__}: {error}"[:2000])
            if reason == _native.RUN_SYNC or (reason == _native.RUN_DEAD and self._typed):
                self._typed = False
                continue
            with self._lock:
                wanted, until = self._wanted, self._until
            if reason == _native.RUN_STOPPED and wanted:
                continue  # a stop that came too late for the last run
            if reason == _native.RUN_STEP and self._steps > 1:
                self._steps -= 1
                continue
            if reason == _native.RUN_LIMIT and (until is None or machine.ticks() < until):
                continue  # the limit was ours, for a prompt to settle
            if reason == _native.RUN_ERROR:
                return Stopped("error", machine.ticks(), (machine.error or "the engine failed")[:2000])
            if reason == _native.RUN_EXIT:
                code = machine.exit_code
                return Stopped("exit", machine.ticks(), f"Its program ended with exit code {code}", code)
            name, detail = _REASONS[reason]
            hit = None
            if reason in (_native.RUN_BREAK, _native.RUN_WATCH) and machine.stop_hit is not None:
                own, position, address, size, write = machine.stop_hit
                hit = Hit(own, position, machine.registers()["pc"], address, size, write)
            return Stopped(name, machine.ticks(), detail, position=machine.position, hit=hit)

    def _stand_still(self) -> None:
        """While somebody holds it."""
        with self._lock:
            while self._holding:
                self._held = True
                self._lock.notify_all()
                self._lock.wait()
            self._held = False

    def _limit(self) -> int | None:
        with self._lock:
            until = self._until
        if self._settling is None and not (self._sync and self._doorbells.unserved):
            return until
        step = self._machine.ticks() + _SETTLE_STEP
        return step if until is None else min(step, until)

    def _serve(self) -> Stopped | None:
        """Sync mode: what the guest did up to this tick."""
        machine = self._machine
        self._doorbells.serve_doorbells()
        output = machine.take_console(0)
        if output:
            self._put(Console(output))
        script = self._script
        if script is None or script.done:
            return None
        if output:
            script.feed(output)
            if script.done:
                return Stopped("until", machine.ticks(), script.matched or "")
            self._settling = None
            if script.at_prompt:
                self._settling = machine.ticks() + _SETTLE_TICKS
                self._settling_waits = machine.counters()["waits"]
        elif self._settling is not None:
            waits = machine.counters()["waits"]
            if machine.ticks() >= self._settling or waits > self._settling_waits:
                self._settling = None
                self._typed = machine.post(_native.EVENT_CONSOLE_INPUT, 0, script.settled())
        return None

    def _put(self, report: Report) -> None:
        with self._lock:
            signal = not self._outbox
            last = self._outbox[-1] if self._outbox else None
            if isinstance(report, Console) and isinstance(last, Console) and len(last.data) < 65536:
                self._outbox[-1] = Console(last.data + report.data)
            else:
                self._outbox.append(report)
        if signal:
            os.eventfd_write(self.wake_fd, 1)
