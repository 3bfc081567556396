"""Guests under test, for tests that are coroutines. blocking.py has the same for all others.

What waits has a limit in seconds, so that no test hangs, and says in its failure what it saw instead. How it
is touched is in hands.py.
"""

import asyncio
import io
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from pocketvisor.errors import GuestError
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState, StopReason
from pocketvisor.guest.script import PlainText
from pocketvisor.guest.statistics import GuestCounters
from pocketvisor.recording import Recording
from pocketvisor.testing.ending import Ending, Verdicts
from pocketvisor.testing.hands import Hands
from pocketvisor.testing.pictures import Mask, PictureError, Rectangle, Reference
from pocketvisor.testing.settings import Settings

if TYPE_CHECKING:
    from pocketvisor.testing.debugging import AsyncDebugger

_LOOK_SECONDS = 1 / 30  # a picture is looked at this often at most


class NotSeen(AssertionError):
    """What a test waited for did not come in time."""


class AsyncGuest(Hands):
    """One guest under test. `api` is the guest of pocketvisor.api, with all that this class does not have."""

    def __init__(self, guest: Guest, settings: Settings) -> None:
        self.api = guest
        self._settings = settings
        self._debugger: AsyncDebugger | None = None

    @property
    def name(self) -> str:
        return self.api.name

    @property
    def state(self) -> GuestState:
        return self.api.state

    @property
    def output(self) -> bytes:
        """The console's output so far, as it came."""
        return self.api.console.text

    @property
    def text(self) -> str:
        """The console's output without escape sequences and carriage returns."""
        return PlainText().feed(self.output)

    def counters(self) -> GuestCounters:
        """Ticks, time, exceptions, accesses to devices and more, as they stand."""
        return self.api.counters()

    @property
    def debugger(self) -> "AsyncDebugger":
        """Registers, memory, breakpoints, its past."""
        if self._debugger is None:
            from pocketvisor.testing.debugging import AsyncDebugger

            self._debugger = AsyncDebugger(self.api, self._settings.seconds)
        return self._debugger

    # The console

    async def expect(self, pattern: str | re.Pattern[str], seconds: float | None = None) -> re.Match[str]:
        """Wait for text on the console behind the last that was expected. NotSeen shows the last lines."""
        __tracebackhide__ = True
        try:
            return await self.api.console.expect(pattern, self._limit(seconds))
        except TimeoutError as problem:
            raise NotSeen(f"{self.name}: {problem}") from None
        except GuestError as problem:
            raise NotSeen(str(problem)) from None

    def write(self, text: str | bytes) -> None:
        """Type into the serial console, as it is."""
        self.api.console.write(text.encode() if isinstance(text, str) else text)

    def send_line(self, line: str) -> None:
        """Type a line into the serial console."""
        self.write(f"{line}\r")

    # The panel

    async def screenshot(self) -> Image.Image:
        """The panel's picture."""
        return Image.open(io.BytesIO(await self.api.screenshot())).convert("RGB")

    async def expect_picture(
        self,
        name: str,
        seconds: float | None = None,
        *,
        tolerance: int = 0,
        differing: float = 0.0,
        region: Rectangle | None = None,
        mask: Mask = (),
    ) -> None:
        """Wait until the panel is as the reference `name`, and fail with a picture of the difference.

        A pixel differs where a channel does by more than `tolerance` (0 to 255); `differing` is the share of
        pixels that may. With --pocketvisor-update the reference becomes what stands still on the panel.
        """
        __tracebackhide__ = True
        reference = self._reference(name, tolerance, differing, region, mask)
        if self._settings.update:
            await self.wait_still(seconds=seconds)
            picture = await self.screenshot()
            if reference.check(picture)[1]:
                reference.store(picture)
            return
        deadline = time.monotonic() + self._limit(seconds)
        seen = -1
        while True:
            sequence = self.api.panel.sequence
            if sequence != seen:
                seen, picture = sequence, await self.screenshot()
                _, problem = reference.check(picture)
            if not problem:
                return
            if time.monotonic() >= deadline or not reference.path.is_file():
                kept = reference.keep_difference(picture, self._settings.report)
                where = "".join(f"\n  {path}" for path in kept)
                raise PictureError(f"{self.name}: {problem}{where}")
            await asyncio.sleep(_LOOK_SECONDS)

    async def check_picture(self, name: str, **how: Any) -> None:
        """As expect_picture(), of what is on the panel now."""
        __tracebackhide__ = True
        await self.expect_picture(name, 0.0, **how)

    async def wait_still(self, still: float = 0.5, seconds: float | None = None) -> None:
        """Wait until the panel has not changed for `still` seconds."""
        limit = self._limit(seconds)
        deadline = time.monotonic() + max(limit, still + _LOOK_SECONDS)
        seen, begun, since = self.api.panel.sequence, self.api.status.head(), time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            # In this order: what it has drawn before it came that far is seen.
            stands = self.state is not GuestState.RUNNING or self._has_lived(still, begun, since)
            if self.api.panel.sequence != seen:
                seen, begun, since = self.api.panel.sequence, self.api.status.head(), time.monotonic()
            if stands and time.monotonic() - since >= still:
                return
            if time.monotonic() > deadline:
                raise NotSeen(f"{self.name}: its panel did not stand still within {limit:g} s")

    def _reference(
        self, name: str, tolerance: int, differing: float, region: Rectangle | None, mask: Mask
    ) -> Reference:
        path = Path(name if name.endswith(".png") else f"{name}.png")
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"'{name}': a reference's name is below {self._settings.pictures}")
        return Reference(self._settings.pictures / path, tolerance, differing, region, mask)

    # Its end, and its life

    async def wait_stopped(self, seconds: float | None = None) -> StopReason:
        """Wait until the guest has stopped, for whatever reason (`kind` says which)."""
        __tracebackhide__ = True
        limit = self._limit(seconds)
        try:
            async with asyncio.timeout(limit):
                return await self.api.wait_stopped()
        except TimeoutError:
            raise NotSeen(f"{self.name} did not stop within {limit:g} s; {self._last_lines()}") from None

    async def wait_off(self, seconds: float | None = None) -> StopReason:
        """Wait until the guest has powered itself off (PSCI SYSTEM_OFF); another end is a failure."""
        __tracebackhide__ = True
        reason = await self.wait_stopped(seconds)
        if reason.kind != "power-off":
            raise NotSeen(f"{self.name} stopped ({reason.kind}) instead of powering off: {reason.detail}")
        return reason

    async def ending(self, seconds: float | None = None, verdicts: Verdicts | None = None) -> Ending:
        """Wait for a verdict on the console, or for the guest to stop, and say which it was."""
        __tracebackhide__ = True
        verdicts = verdicts or Verdicts()
        limit = self._limit(seconds)
        plain, text, lines = PlainText(), "", 0
        arrived = bytearray(self.output)
        changed = asyncio.Event()

        def output(data: bytes) -> None:
            arrived.extend(data)
            changed.set()

        unsubscribes = [self.api.on("console", output), self.api.on("state", changed.set)]
        try:
            async with asyncio.timeout(limit):
                while True:
                    changed.clear()
                    stopped = self.api.stop_reason
                    text += plain.feed(bytes(arrived))
                    arrived.clear()
                    fresh = text[lines:] if stopped else text[lines : text.rfind("\n") + 1]
                    lines += len(fresh)
                    for line in fresh.splitlines():
                        if (code := verdicts.of(line)) is not None:
                            return Ending(
                                code, line, stopped.kind if stopped else "verdict", self.api.ticks, text
                            )
                    if stopped is not None and stopped.kind != "paused":
                        return Ending(stopped.code, "", stopped.kind, stopped.ticks, text)
                    await changed.wait()
        except TimeoutError:
            raise NotSeen(f"{self.name} came to no end within {limit:g} s; {self._last_lines()}") from None
        finally:
            for unsubscribe in unsubscribes:
                unsubscribe()

    async def expect_pass(self, seconds: float | None = None, verdicts: Verdicts | None = None) -> Ending:
        """ending(), which has to be a good one."""
        __tracebackhide__ = True
        ending = await self.ending(seconds, verdicts)
        if not ending.passed:
            raise NotSeen(f"{self.name}: {ending}; {self._last_lines()}")
        return ending

    async def pause(self) -> None:
        await self.api.pause()

    async def resume(self) -> None:
        await self.api.resume()

    async def reset(self) -> None:
        await self.api.reset()

    async def power_off(self) -> None:
        """Take the power away, as a user would with the battery."""
        await self.api.power_off()

    async def run_until(self, tick: int) -> StopReason:
        """From a pause to the first block start at or after a tick."""
        return await self.api.run_until(tick)

    async def digest(self) -> str:
        """blake3 of the guest's RAM: equal for two deterministic runs that were given the same."""
        return await self.api.digest()

    async def recording(self) -> Recording:
        """All that has entered the guest, to be replayed (`start(..., replay=recording)`)."""
        return await self.api.recording()

    def _limit(self, seconds: float | None) -> float:
        return self._settings.seconds if seconds is None else seconds

    def _last_lines(self) -> str:
        lines = self.text.splitlines()[-12:]
        return "its console's last lines:\n" + "\n".join(lines) if lines else "nothing came on its console"
