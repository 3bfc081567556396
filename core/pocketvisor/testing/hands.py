"""Touch and keys of a guest under test, in its own time.

From the moment on that the guest has it: a tap on a busy host is no longer than on an idle one, nor shorter.
Left out: how fast a finger is, where the host comes to a standstill in the midst of its way.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from pocketvisor.control.status import STATE_RUNNING, StatusHead
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState

Point = tuple[float, float]

_PACE_SECONDS = 0.002
_STEP_SECONDS = 1 / 60  # between the moves of a gesture, in the guest's time
_OUTLASTS = 20.0  # a guest whose clock stands still holds up a gesture for this long at most
_DEAF = 5.0  # and one that has no driver for it for this long, once,
_DEAF_STILL = 0.2  # then for this long
_RUN_PART, _RUN_SECONDS = 0.25, 0.1  # of a time a guest that never waits has run, and no more than so long


class Hands:
    """The half of an AsyncGuest that handles it."""

    api: Guest
    _hears = True

    async def tap(self, x: float, y: float, seconds: float = 0.05) -> None:
        """A finger down and up; longer makes it a long press."""
        await self.give(self.api.touch, x, y, "down", seconds=seconds)
        await self.give(self.api.touch, x, y, "up", seconds=_STEP_SECONDS)

    async def swipe(self, start: Point, end: Point, seconds: float = 0.25) -> None:
        """A finger from one point to another, in even steps."""
        steps = max(2, round(seconds / _STEP_SECONDS))
        pause = seconds / steps
        at = self.api.panel.on_glass(*start)
        await self.give(self.api.touch, *start, "down", seconds=pause)
        for step in range(1, steps + 1):
            part = step / steps
            x, y = (a + (b - a) * part for a, b in zip(start, end, strict=True))
            if at == (at := self.api.panel.on_glass(x, y)):
                await self.wait_guest_time(pause)  # the glass has no finer pixels to tell of
            else:
                await self.give(self.api.touch, x, y, "move", seconds=pause if step < steps else 0.0)
        await self.give(self.api.touch, *end, "up", seconds=_STEP_SECONDS)

    def touch(self, x: float, y: float, phase: str, slot: int = 0) -> None:
        """One step of a gesture of one's own: phase "down", "move" or "up", slot the finger."""
        self.api.touch(x, y, phase, slot)

    async def press(self, key: str, seconds: float = 0.05) -> None:
        """Press and let go a key of the phone, one of the model's `keys`."""
        await self.give(self.api.hardware_key, key, True, seconds=seconds)
        await self.give(self.api.hardware_key, key, False, seconds=_STEP_SECONDS)

    def type(self, text: str) -> None:
        """Type on the guest's keyboard."""
        self.api.type_text(text)

    def key(self, code: int, pressed: bool) -> None:
        """A key of the keyboard by Linux's KEY_ number."""
        self.api.key(code, pressed)

    async def wait_guest_time(self, seconds: float) -> None:
        """Let the guest's clock go on; where the guest waits for something, the host's clock counts."""
        begun, host = self.api.status.head(), time.monotonic()
        while self.api.state is GuestState.RUNNING:
            if self._has_lived(seconds, begun, host):
                return
            await asyncio.sleep(_PACE_SECONDS)

    def _has_lived(self, seconds: float, begun: StatusHead, host: float) -> bool:
        """Whether that much of its time has passed for it, and it has done what it had to do in it. Where
        others had the processors its clock is put forward at a stroke, and what it missed comes after that:
        it is through when it waits again, or, where it never does, has run for a part of the time."""
        head, waited = self.api.status.head(), time.monotonic() - host
        if waited > seconds + _OUTLASTS:
            return True
        passed = head.clock_ns - begun.clock_ns >= seconds * 1e9
        if self.api.options.skip_idle:  # its clock waits for it
            return passed
        if head.state == STATE_RUNNING:
            ran = head.cpu_ns - begun.cpu_ns  # less than nothing: in another process
            return passed and not 0 <= ran < min(seconds * _RUN_PART, _RUN_SECONDS) * 1e9
        return (passed or waited >= seconds) and not head.is_late(time.monotonic_ns())

    async def give(self, touch: Callable[..., None], *what: Any, seconds: float = 0.0) -> None:
        """touch() or key(), and comes back when it was told of it and has then had so much of its time. What
        is typed on its console after that comes after it."""
        told = self.api.status.head().inputs
        touch(*what)
        until = time.monotonic() + (_DEAF if self._hears else _DEAF_STILL)
        while self.api.state is GuestState.RUNNING:
            self._hears = self.api.status.head().inputs != told
            if self._hears or time.monotonic() >= until:
                break
            await asyncio.sleep(_PACE_SECONDS)
        await self.wait_guest_time(seconds)
