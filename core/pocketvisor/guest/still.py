"""What can be had of a Guest whose vCPU stands still: all of its state, and what has entered it."""

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from msgspec import structs

from pocketvisor.control import messages
from pocketvisor.errors import GuestError, PocketvisorError, RecordingError
from pocketvisor.guest.memory import create_memfd
from pocketvisor.guest.options import GuestState, StopReason
from pocketvisor.guest.ram import Ram
from pocketvisor.guest.run import GuestRun
from pocketvisor.policies.act import Act
from pocketvisor.recording import Recording, RecordingEnd

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

T = TypeVar("T")


class GuestStill:
    """The half of a Guest that is asked when it is paused."""

    _run: GuestRun | None

    @property
    def _still(self) -> "Guest":
        return cast("Guest", self)

    async def digest(self) -> str:
        """blake3 of its RAM; a running guest stands still at a block start meanwhile."""
        guest = self._still
        running = guest.state is GuestState.RUNNING
        if running:
            await guest.pause()
        value = await self.with_memory(Ram.digest)
        if running:
            await guest.go_on()
        return value

    async def with_memory(self, work: Callable[[Ram], T]) -> T:
        """On a thread, with its RAM, which stays until that is through, whoever ends the guest meanwhile.
        Raises GuestError where it has none."""
        if self._run is None:
            raise GuestError(f"{self._still.name} has no memory yet")
        boot = self._run.boot
        boot.hold()
        reading = asyncio.ensure_future(asyncio.to_thread(work, boot.ram))
        reading.add_done_callback(lambda _: boot.close())  # not before: it goes on where this is cancelled
        return await asyncio.shield(reading)

    async def save(self) -> bytes:
        """The state of its vCPU and devices, for a guest that is paused. RAM is not in it."""
        guest = self._still
        guest.check(Act.DEBUG)
        async with guest.capturing:  # of two answers each would be taken for the other
            run = self._paused_run()
            fd = create_memfd("state", messages.STATE_MAX)
            try:
                saved: messages.Saved = await run.save(messages.Save(), [fd])
                guest.written(run.boot, saved.dirty, saved.flash)
                return os.pread(fd, saved.size, 0)
            finally:
                os.close(fd)

    async def put_back(self, state: bytes) -> None:
        """Goes on from save() in a new process, paused, with RAM and panel as they are now."""
        guest = self._still
        guest.check(Act.DEBUG)
        options = structs.replace(guest.options, paused=True)
        async with guest._lifecycle, guest.capturing:
            run = self._paused_run()
            fd = create_memfd("state", len(state))
            try:
                os.pwrite(fd, state, 0)
                await run.end()
                self._run = None  # what its process had in hand is the next one's, or is closed
                run.boot.describe_again()
                self._run = await GuestRun.begin(guest, run.boot, options, messages.StateAt(fd, len(state)))
            except BaseException as error:
                why = str(error) if isinstance(error, PocketvisorError) else "it was given up"
                guest._crashed(f"{guest.name} could not be put back: {why}")
                raise
            finally:
                os.close(fd)
            guest._stopped("paused", guest.ticks, "")

    def _paused_run(self) -> GuestRun:
        """Raises GuestError where it is not paused."""
        guest = self._still
        if self._run is None or guest.state is not GuestState.PAUSED:
            raise GuestError(f"{guest.name} is {guest.state.value}: pause it first")
        return self._run

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
