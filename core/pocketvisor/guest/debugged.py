"""The part of a Guest that its debugger has to do with."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import structs

from pocketvisor.control.debug_messages import StopAt
from pocketvisor.control.messages import Stopped
from pocketvisor.guest.options import GuestState
from pocketvisor.policies.act import Act

if TYPE_CHECKING:
    from pocketvisor.debug.debugger import Debugger
    from pocketvisor.guest.guest import Guest

_BEGIN_SECONDS: Final = 5.0


class GuestDebugged:
    """Without a debugger nothing here costs anything."""

    _debugger: "Debugger | None" = None
    stopped: Stopped | None = None
    """What its process said when its vCPU stood still last."""
    pausing = False
    """It is being paused: whoever decides whether it goes on lets it stand."""
    judge: Callable[[Stopped], bool] | None = None
    """Asked when its vCPU has stopped: whether somebody decides yet if it stays so, with stand()."""

    @property
    def debugger(self) -> "Debugger":
        """Made at its first use. Raises Refused."""
        self._guest_itself.check(Act.DEBUG)
        if self._debugger is None:
            from pocketvisor.debug.debugger import Debugger

            self._debugger = Debugger(self._guest_itself)
        return self._debugger

    @property
    def has_debugger(self) -> bool:
        """Whether anybody has looked into it."""
        return self._debugger is not None

    async def end_debugging(self) -> None:
        """Nobody looks into it any more."""
        debugger, self._debugger = self._debugger, None
        if debugger is not None:
            await debugger.leave()

    @property
    def stops(self) -> tuple[StopAt, ...]:
        """Where a new process of it is to stop."""
        return self._debugger.started() if self._debugger is not None else ()

    def stand(self, stopped: Stopped) -> None:
        """It stays stopped."""
        self._guest_itself._stopped(stopped.reason, stopped.ticks, stopped.detail)

    async def stand_again(self, asking: "asyncio.Future[Any]") -> None:
        """For a debugger that lets it go, and wants it back: it may not have said yet that it runs. `asking`:
        where it is told so."""
        guest = self._guest_itself
        await asyncio.wait({asking})
        if asking.cancelled() or asking.exception() is not None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_BEGIN_SECONDS):
                while guest.state is GuestState.PAUSED and guest.stop_reason is None:
                    guest._changed.clear()
                    await guest._changed.wait()
        await guest.pause()

    async def reset_paused(self) -> None:
        """As reset(); it stands at its first instruction then."""
        guest = self._guest_itself
        before = guest.options
        guest.options = structs.replace(before, paused=True)
        try:
            await guest.reset()
        finally:
            guest.options = structs.replace(guest.options, paused=before.paused)

    @property
    def _guest_itself(self) -> "Guest":
        return cast("Guest", self)
