"""What can be had of a Guest whose vCPU stands still: all of its state, and what has entered it."""

import asyncio
import os
from typing import TYPE_CHECKING, cast

from msgspec import structs

from pocketvisor.control import messages
from pocketvisor.errors import GuestError, PocketvisorError, RecordingError
from pocketvisor.guest.memory import create_memfd
from pocketvisor.guest.options import GuestState, StopReason
from pocketvisor.guest.run import GuestRun
from pocketvisor.policies.act import Act
from pocketvisor.recording import Recording, RecordingEnd

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest


class GuestStill:
    """The half of a Guest that is asked when it is paused."""

    _run: GuestRun | None

    @property
    def _still(self) -> "Guest":
        return cast("Guest", self)

    async def digest(self) -> str:
        """blake3 of its RAM; a running guest stands still at a block start meanwhile."""
        guest = self._still
        if self._run is None:
            raise GuestError(f"{guest.name} has no memory yet")
        running = guest.state is GuestState.RUNNING
        if running:
            await guest.pause()
        value = await asyncio.to_thread(self._run.boot.ram.digest)
        if running and guest.state is GuestState.PAUSED:
            await guest.resume()
        return value

    async def save(self) -> bytes:
        """The state of its vCPU and devices, for a guest that is paused. RAM is not in it."""
        guest = self._still
        guest.check(Act.DEBUG)
        if self._run is None or guest.state is not GuestState.PAUSED:
            raise GuestError(f"{guest.name} is {guest.state.value}: pause it first")
        fd = create_memfd("state", messages.STATE_MAX)
        try:
            saved: messages.Saved = await self._run.save(messages.Save(), [fd])
            guest.written(self._run.boot, saved.dirty, saved.flash)
            return os.pread(fd, saved.size, 0)
        finally:
            os.close(fd)

    async def put_back(self, state: bytes) -> None:
        """Goes on from save() in a new process, paused, with RAM and panel as they are now."""
        guest = self._still
        guest.check(Act.DEBUG)
        if self._run is None or guest.state is not GuestState.PAUSED:
            raise GuestError(f"{guest.name} is {guest.state.value}: pause it first")
        options = structs.replace(guest.options, paused=True)
        fd = create_memfd("state", len(state))
        os.pwrite(fd, state, 0)
        async with guest._lifecycle, guest.capturing:
            await self._run.end()
            try:
                self._run = await GuestRun.begin(
                    guest, self._run.boot, options, messages.StateAt(fd, len(state))
                )
            except PocketvisorError as error:
                self._run = None
                guest._crashed(f"{guest.name} could not be put back: {error}")
                raise
            finally:
                os.close(fd)
            guest._stopped("paused", guest.ticks, "")

    async def recording(self) -> Recording:
        """All that entered it since its start or last reset, up to where it stands still now."""
        guest = self._still
        guest.check(Act.RECORD)
        if self._run is None or not guest.options.record:
            raise RecordingError(f"{guest.name} was not started to be recorded")
        if guest.state is GuestState.RUNNING:
            await guest.pause()
        if guest.state is GuestState.PAUSED:
            await self._run.ask(messages.Flush(), messages.Flushed)
        if not self._run.log_complete:
            raise RecordingError(f"The recording of {guest.name} became too long and was given up")
        stop = guest.stop_reason or StopReason("paused", guest.ticks)
        end = RecordingEnd(ticks=stop.ticks, digest=await self.digest(), reason=stop.kind)
        return Recording(self._run.boot.head(self._run.engine), bytes(self._run.log), end)
