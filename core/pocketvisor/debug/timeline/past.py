"""A guest's past: another process that was restored from a moment and does again what the guest did.

It is a guest of its own, on no handset's list: nothing that it does leaves it, and what enters it is the log
alone. It stands still but while it is on its way to a position.
"""

import asyncio
from typing import TYPE_CHECKING

from msgspec import structs

from pocketvisor.control import debug_messages as wire
from pocketvisor.control.debug_messages import DebugReply, DebugRequest, Hit, StopAt
from pocketvisor.debug.timeline.moments import Moments
from pocketvisor.errors import DebugError, GuestError, PocketvisorError
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState, RunOptions
from pocketvisor.guest.origin import ProfileOrigin, options_of

if TYPE_CHECKING:
    from pocketvisor.handset import Handset


class Past:
    """Made by open(). `moment`: index of the one that it was restored from; `end`: how far its log goes."""

    def __init__(self, guest: Guest, moment: int, position: int, end: int) -> None:
        self.guest = guest
        self.moment = moment
        self.end = end
        self._from = position
        self._among: set[Past] = set()
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        handset: "Handset",
        moments: Moments,
        moment: int,
        log: bytes,
        end: int,
        among: "set[Past] | None" = None,
    ) -> "Past":
        """Raises DebugError. `among`: where it is, from its first moment on until it has ended."""
        try:
            manifest = await asyncio.to_thread(moments.manifest, moment)
            origin = ProfileOrigin(moments.file, manifest)
            origin.strange = True  # its network's cable is out
            origin.background = False  # it is gone soon, and touches little
            guest = Guest(handset, origin.image, origin.record.name, past_options(origin, log))
            past = cls(guest, moment, moments.list[moment].position, end)
            if among is not None:
                among.add(past)
                past._among = among
            try:
                await guest.boot()
                await past.ask(wire.SetPace(False))
            except BaseException:
                await past.close()
                raise
        except DebugError:
            raise
        except PocketvisorError as error:
            raise DebugError(f"That moment cannot be had again: {error}") from error
        return past

    @property
    def position(self) -> int:
        """Where it stood last."""
        stopped = self.guest.stopped
        return max(stopped.position, self._from) if stopped is not None else self._from

    async def ask(self, request: DebugRequest) -> DebugReply:
        """Raises DebugError."""
        try:
            reply = await self.guest.run.debug(request, seconds=60.0)
        except GuestError as error:
            raise DebugError(f"Its past: {error}") from error
        if isinstance(reply, wire.Failed):
            raise DebugError(f"Its past: {reply.sentence}")
        return reply

    async def run_to(self, position: int) -> str:
        """To the instruction there, or the first one behind it; answers what stopped it: "position", or
        "breakpoint" and "watchpoint" where it has stops. Raises DebugError where it does something else than
        was recorded."""
        if position <= self.position:
            return "position"
        guest = self.guest
        if guest.state is not GuestState.PAUSED:
            raise DebugError(f"Its past is {guest.state.value}")
        guest.stop_reason = None
        await self.ask(wire.Go(position=position))
        reason = await guest.wait_stopped()
        if reason.kind in ("breakpoint", "watchpoint", "paused"):
            return reason.kind
        if reason.kind != "position" and self.position < position:  # else it waits there, to the log's end
            raise DebugError(f"What happened there cannot be had again: {reason.detail or reason.kind}")
        return "position"

    async def find_before(self, position: int, count: int) -> tuple[int, int]:
        """Where the instruction begins that is so many before a position, which is not far, or the first that
        there is; and how many it is before. This is good for nothing else then."""
        reply = await self.ask(wire.FindBefore(position, count))
        assert isinstance(reply, wire.Found)
        return reply.position, reply.count

    async def hits(self, stops: tuple[StopAt, ...], position: int) -> tuple[int, list[Hit]]:
        """How often these were met on the way to a position, and the last of them, oldest first."""
        await self.ask(wire.SetStops(stops, note=True))
        await self.run_to(position)
        reply = await self.ask(wire.TakeNoted())
        assert isinstance(reply, wire.Noted)
        await self.ask(wire.SetStops())
        before = [hit for hit in reply.hits if hit.position < position]
        return reply.count - (len(reply.hits) - len(before)), before

    async def close(self) -> None:
        """Goes on by itself where this is given up."""
        if self._closing is None:
            self._closing = asyncio.create_task(self.guest.remove())
            self._closing.add_done_callback(lambda _: self._among.discard(self))
        await asyncio.shield(self._closing)


def past_options(origin: ProfileOrigin, log: bytes) -> RunOptions:
    """It runs as fast as it can, to where it is told."""
    return structs.replace(
        options_of(origin, paused=True),
        rate="max",
        restart_on_reset=False,
        follow=log,
    )
