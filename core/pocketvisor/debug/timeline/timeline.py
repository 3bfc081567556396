"""A guest's time line: recorded while it runs, and gone back in.

While the past is looked at the guest itself stands still, and goes on as it was when the present is returned
to. The past can be looked at and run forward, but not changed: a branch of it can, a guest of its own.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import structs

from pocketvisor.control import debug_messages as wire
from pocketvisor.debug.stop_info import StopInfo, stop_info
from pocketvisor.debug.timeline.folders import new_file, recording_folder
from pocketvisor.debug.timeline.kept import recording_space
from pocketvisor.debug.timeline.moments import Moment
from pocketvisor.debug.timeline.past import Past
from pocketvisor.debug.timeline.recorder import Recorder
from pocketvisor.debug.timeline.reverse import Reverse
from pocketvisor.errors import DebugError, GuestError, PocketvisorError
from pocketvisor.guest.listeners import Callback, Listeners, Unsubscribe
from pocketvisor.guest.options import GuestState
from pocketvisor.guest.panel import PanelView
from pocketvisor.policies.act import Act
from pocketvisor.profile.file import Generation

if TYPE_CHECKING:
    from pocketvisor.debug.debugger import Debugger
    from pocketvisor.guest.guest import Guest

_LOG_AHEAD: Final = 64 << 20
_CLOCK_STEPS: Final = 24
_CLOCK_STEP: Final = 1 << 16
_CLOCK_NEAR_NS: Final = 10_000_000
"""So near is there."""


class Timeline:
    """Events: "moments" (one more, or recording begins or ends), "moved" (another moment is shown, or the
    present), "searching" (how much of the past has been searched, 0 to 1)."""

    def __init__(self, debugger: "Debugger") -> None:
        self._debugger = debugger
        self._guest = debugger.guest
        self._recorder: Recorder | None = None
        self._past: Past | None = None
        self._pasts: set[Past] = set()
        """All that have not ended: the shown one, and those that are searched, opened or closed just now."""
        self._was_running = False
        self._present = 0
        self.returning = False
        """Whether the present is on its way: the guest may go on by itself there."""
        self._closed = False
        self._moving = asyncio.Lock()
        self._forward: asyncio.Task[None] | None = None
        self._listeners = Listeners("moments", "moved", "searching")
        self.reverse = Reverse(self)

    def on(self, event: str, callback: Callback) -> Unsubscribe:
        return self._listeners.on(event, callback)

    def emit(self, event: str, *arguments: object) -> None:
        """For its parts."""
        self._listeners.emit(event, *arguments)

    # What there is

    @property
    def recording(self) -> bool:
        return self._recorder is not None and self._recorder.recording

    @property
    def moments(self) -> list[Moment]:
        return self._recorder.moments.list if self._recorder is not None else []

    @property
    def begin(self) -> int:
        """Positions that can be gone to begin here,"""
        return self.moments[0].position if self.moments else 0

    @property
    def end(self) -> int:
        """and end here: the present, while it is recorded."""
        if self._recorder is None:
            return 0
        return self._present if self._past is not None else self._recorder.position

    @property
    def end_ns(self) -> int:
        """The guest's clock there."""
        if self._recorder is None or not self.moments:
            return 0
        return self._guest.status.head().clock_ns if self.recording else self.moments[-1].clock_ns

    @property
    def shown_ns(self) -> int:
        """The clock of what is shown."""
        return self.shown.status.head().clock_ns

    @property
    def size_bytes(self) -> int:
        return self._recorder.size_bytes if self._recorder is not None else 0

    @property
    def problem(self) -> str:
        return self._recorder.problem if self._recorder is not None else ""

    @property
    def in_past(self) -> bool:
        return self._past is not None

    @property
    def running(self) -> bool:
        """Whether the past runs forward by itself."""
        return self._forward is not None

    @property
    def shown(self) -> "Guest":
        """The guest, or what it was."""
        return self._past.guest if self._past is not None else self._guest

    @property
    def panel(self) -> PanelView:
        return self.shown.panel

    @property
    def recorder(self) -> Recorder:
        """Raises DebugError."""
        if self._recorder is None or not self._recorder.moments.list:
            raise DebugError(f"{self._guest.name} was not recorded: there is no past to go to")
        return self._recorder

    # Recording

    async def start(self) -> None:
        """From here on; a recording that there was is gone. Raises DebugError, Refused."""
        self._guest.check(Act.RECORD)
        if self.recording:
            return
        if self.in_past:
            await self.present()
        await self._forget()
        self._recorder = await Recorder.begin(self._guest, lambda: self._listeners.emit("moments"))
        self._listeners.emit("moments")

    async def stop(self) -> None:
        """What was recorded stays, up to a last moment now."""
        recorder = self._recorder
        if recorder is None or not recorder.recording:
            return
        if self.in_past:
            await self.present()
        if self._guest.state in (GuestState.RUNNING, GuestState.PAUSED):
            with suppress(DebugError):  # it was reset: the recording ends where it was
                await recorder.moment("end")
        await recorder.end()
        self._listeners.emit("moments")

    async def changed(self) -> None:
        """A debugger has changed the guest: the recording goes on from what it is now."""
        if self._recorder is not None and self.recording:
            self._recorder.why_next = "changed by a debugger"

    async def before_running(self) -> None:
        """The guest is about to run on. Raises DebugError."""
        if self._recorder is not None and self.recording and self._recorder.why_next and not self.in_past:
            await self._recorder.moment()
            self._listeners.emit("moments")

    async def close(self) -> None:
        self._past, self._closed = None, True
        await asyncio.gather(*(past.close() for past in tuple(self._pasts)))
        await self._forget()

    async def _forget(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            await recorder.end()
            await recorder.close()

    # Going there

    async def go_to(self, position: int) -> StopInfo:
        """To the instruction at a position, or the first one behind it; the end is the present. Raises
        DebugError."""
        async with self.away(), self._moving:
            if position >= self._present:
                if self._guest.state in (GuestState.RUNNING, GuestState.PAUSED):
                    return await self._to_present()
                position = self._present
            past = self._past
            index = self.recorder.moments.at(position)
            if past is None or past.position > position or past.end < position or past.moment < index:
                past = await self.open_past(index, position)
                await self._show(past)
            await self._debugger.forget_stops()
            await past.run_to(position)
            return await self._arrived("position")

    async def go_to_clock(self, ns: int) -> StopInfo:
        """To where the guest's clock shows this time: the nearest moment at first, so that there is a picture
        soon, and then on to the time itself. Raises DebugError."""
        moments = self.recorder.moments.list
        index = max((at for at, moment in enumerate(moments) if moment.clock_ns <= ns), default=0)
        before = moments[index]
        if ns >= self.end_ns:
            return await self.go_to(self.end)
        last = index + 1 >= len(moments)
        after = (
            (self.end, self.end_ns) if last else (moments[index + 1].position, moments[index + 1].clock_ns)
        )
        past = self._past
        if past is None or past.moment != index or self.shown_ns > ns or past.end < after[0]:
            await self.go_to(before.position)
        return await self._run_to_clock(ns, *after)

    async def _run_to_clock(self, ns: int, end: int, end_ns: int) -> StopInfo:
        """Up to `end` at most. Ticks say little of time, for a guest that waits has none: it is gone half of
        the way that is left, again and again, so that it hardly goes too far. Raises DebugError."""
        async with self._moving:
            past = self._past
            if past is not None:
                await self._debugger.forget_stops()
                for _ in range(_CLOCK_STEPS):
                    reply = await past.ask(wire.Sample(registers=False))
                    assert isinstance(reply, wire.Sampled)
                    left = end - reply.position
                    if reply.clock_ns + _CLOCK_NEAR_NS >= ns or left <= 0 or past.end <= reply.position:
                        break
                    part = min((ns - reply.clock_ns) / max(end_ns - reply.clock_ns, 1), 1.0)
                    step = max(int(left * part / 2), min(left, _CLOCK_STEP))
                    if await past.run_to(min(reply.position + step, past.end)) != "position":
                        break
            return await self._arrived("position")

    async def run_forward(self) -> None:
        """From the shown moment, as it went, at the pace of then, up to the present. Raises DebugError."""
        if self._past is None:
            raise DebugError(f"{self._guest.name} is in the present: it is resumed")
        if self._forward is None:
            self._forward = asyncio.create_task(self._run_forward())
            self._listeners.emit("moved")

    async def pause(self) -> StopInfo:
        """Where it runs forward, it stands still. Raises DebugError."""
        async with self._moving:
            await self._stop_forward()
            return await self._arrived("pause")

    async def present(self) -> None:
        """Back to the guest itself, which goes on if it ran before. Raises DebugError."""
        async with self._moving:
            await self._stop_forward()
            if self._past is None:
                return
            await self._show(None)
            await self._go_on()

    async def branch(self, name: str | None = None) -> "Guest":
        """Another guest on its handset that goes on from the shown moment by itself. Raises DebugError."""
        if self._past is None:
            raise DebugError(f"{self._guest.name} is in the present: a clone of it goes on from there")
        async with self._moving:
            await self._stop_forward()
            try:
                return await self._guest.handset.branch(self._past.guest, self._guest, name=name)
            except PocketvisorError as error:
                raise DebugError(f"{self._guest.name} could not be branched: {error}") from error

    # Keeping

    async def export(self, path: Path) -> None:
        """All of it up to now as a file of its own, which open_recording() takes. Raises DebugError,
        Refused."""
        for act in (Act.DEBUG, Act.RECORD, Act.EXPORT):  # it is a guest that nobody governs
            self._guest.check(act)
        recorder = self.recorder
        if self.recording and not self.in_past:
            await recorder.moment("kept")

        def copy(source: Path) -> None:
            try:
                with new_file(path) as target, source.open("rb") as content:
                    shutil.copyfileobj(content, target, 1 << 20)
            except FileExistsError:
                raise DebugError(f"{path}: there is such a file already") from None
            except OSError as error:
                path.unlink(missing_ok=True)
                raise DebugError(f"{path}: cannot be written: {error.strerror}") from error

        await recorder.copy(copy)

    async def keep(self, name: str = "") -> Generation:
        """All of it up to now in the guest's profile: with a generation of the guest as it is, which is made
        for it. Raises DebugError."""
        recorder, profile = self.recorder, self._guest.profile
        if profile is None:
            raise DebugError(f"{self._guest.name} is not kept in a profile yet")
        if self.in_past:
            await self.present()
        if self.recording:
            await recorder.moment("kept")
        seconds = (recorder.moments.list[-1].clock_ns - recorder.moments.list[0].clock_ns) / 1e9
        folder = await asyncio.to_thread(recording_folder)
        try:
            copy = folder / "recording"
            await recorder.copy(lambda source: shutil.copyfile(source, copy))
            return await profile.save(
                "snapshot",
                name or f"Recording of {seconds:.0f} s",
                attach=lambda saving: recording_space(saving, copy),
            )
        except (PocketvisorError, OSError) as error:
            raise DebugError(f"The recording was not kept: {error}") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def adopt(self, recorder: Recorder) -> None:
        """For a recording that was kept, and whose guest stands where it ends."""
        self._recorder = recorder
        self._present = recorder.position
        self._listeners.emit("moments")

    # Its parts

    async def open_past(self, index: int, position: int) -> Past:
        """Another one at a moment, with the log at least up to a position, to be closed."""
        moments = self.recorder.moments
        log, end = bytearray(), moments.list[index].position
        at = index + 1
        while end < position or len(log) < _LOG_AHEAD:
            if at >= len(moments.list):
                since = await self.recorder.log_since()
                if at < len(moments.list):
                    continue  # one more came meanwhile
                log += since
                end = max(self._present, end)
                break
            log += await asyncio.to_thread(moments.log_before, at)
            end = moments.list[at].position
            if moments.list[at].why.startswith(("changed", "moved")):
                break
            at += 1
        past = await Past.open(self._guest.handset, moments, index, bytes(log), end, self._pasts)
        if self._closed:  # meanwhile: nobody would end it
            await past.close()
            raise DebugError(f"{self._guest.name} was removed")
        past.guest.govern(self._guest.governed)  # what it was is as bound as what it is
        return past

    @property
    def position(self) -> int:
        """Of what is shown, standing still."""
        return self._past.position if self._past is not None else self._present

    @asynccontextmanager
    async def away(self) -> AsyncIterator[int]:
        """The guest stands still meanwhile, and goes on as before where it came to nothing. Gives the
        position that is shown."""
        async with self._moving:
            await self._stop_forward()
            await self._leave_present()
        try:
            yield self.position
        except BaseException:
            if self._past is None:
                await asyncio.shield(asyncio.ensure_future(self._go_on()))
            raise

    async def _leave_present(self) -> None:
        """The guest stands still, and its log is whole."""
        if self._past is not None:
            return
        recorder, guest = self.recorder, self._guest
        if guest.held:
            raise DebugError(guest.held)
        running = guest.state is GuestState.RUNNING
        if running:
            try:
                await guest.pause()
            except GuestError as error:
                raise DebugError(str(error)) from error
        if not recorder.recording or guest.state is not GuestState.PAUSED:
            self._was_running, self._present = running, recorder.position
            return
        reply = await guest.run.debug(wire.Sample(registers=False))
        if not isinstance(reply, wire.Sampled):
            raise DebugError(f"{guest.name} does not say where it stands")
        # It may have been left a moment ago already, to be searched, and stands still since.
        self._was_running = running or (self._was_running and reply.position == self._present)
        self._present = reply.position
        await recorder.log_since()

    async def _to_present(self) -> StopInfo:
        info = stop_info("end-of-recording", self._present, 0)
        self.returning = True
        try:
            await self._show(None)
            if self._guest.state is GuestState.PAUSED:
                pc = (await self._debugger.sample()).registers.get("pc", 0)
                info = structs.replace(info, pc=pc)
            self._debugger.arrived(info, goes_on=True)
            await self._go_on()
        finally:
            self.returning = False
            self._debugger.settled(info)
        return info

    async def _go_on(self) -> None:
        """In the present, as before it was left."""
        was, self._was_running = self._was_running, False
        if was:
            try:
                await self._guest.go_on()
            except GuestError as error:
                raise DebugError(str(error)) from error

    async def _show(self, past: Past | None) -> None:
        before, self._past = self._past, past
        self._guest.held = (
            f"{self._guest.name}'s past is looked at: it goes on in the present" if past else ""
        )
        self._debugger.look_at(past.guest if past is not None else None)
        self._listeners.emit("moved")
        if before is not None:
            await before.close()

    async def _arrived(self, reason: str) -> StopInfo:
        sample = await self._debugger.sample()
        info = stop_info(reason, sample.position, sample.registers.get("pc", 0))
        self._debugger.arrived(info)
        self._listeners.emit("moved")
        return info

    async def _run_forward(self) -> None:
        past = self._past
        assert past is not None
        try:
            while past.position < self._present:
                await past.ask(wire.SetPace(True))
                await self._debugger.push_stops()
                kind = await past.run_to(min(past.end, self._present))
                if kind != "position":
                    self._forward = None
                    await self._debugger.stopped_in_past()
                    self._listeners.emit("moved")
                    return
                if past.position < self._present:
                    past = await self.open_past(self.recorder.moments.at(past.position), self._present)
                    await self._show(past)
        except asyncio.CancelledError:
            raise
        except DebugError as error:
            self._guest.run_note(str(error))
            self._forward = None
            with suppress(DebugError):
                await self._arrived("pause")
        self._forward = None
        if past.position >= self._present:
            await self._to_present()
        self._listeners.emit("moved")

    async def _stop_forward(self) -> None:
        forward, self._forward = self._forward, None
        if forward is None:
            return
        forward.cancel()
        await asyncio.wait([forward])
        past = self._past
        if past is not None:
            await past.guest.pause()
            await past.ask(wire.SetPace(False))
