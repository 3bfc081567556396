"""Recording a guest while it runs: a moment now and then, and all that enters it between.

A moment costs what was written since the last one, and the guest a pause of some milliseconds. They come by
what the guest does, not by the clock alone: a stretch between two of them is replayed in about a second at
most, and a guest that idles is hardly kept.
"""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import structs

from pocketvisor.board.map import FLASH_BANK_SIZE
from pocketvisor.control.debug_messages import SetRecording
from pocketvisor.control.messages import Captured, Flush, Flushed
from pocketvisor.debug.timeline.folders import recording_folder
from pocketvisor.debug.timeline.moments import LOG_MAX, MOMENTS_MAX, Moment, Moments, now_ns, write_moment
from pocketvisor.errors import DebugError, GuestError, PocketvisorError
from pocketvisor.guest.capture import GuestCapture
from pocketvisor.guest.flash import Flash
from pocketvisor.guest.options import GuestState
from pocketvisor.guest.record import BOARD_VERSION, encode, record_of
from pocketvisor.guest.spaces import FLASH, FRAMEBUFFER, SpaceWriter
from pocketvisor.guest.unsaved import Unsaved
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.manifest import Manifest

if TYPE_CHECKING:
    from pocketvisor.guest.boot import Boot
    from pocketvisor.guest.guest import Guest
    from pocketvisor.guest.run import GuestRun

T = TypeVar("T")

LOOK_SECONDS: Final = 0.1
BUSY_TICKS: Final = 500_000_000
"""A moment after so many ticks, about a second of a replay,"""
IDLE_SECONDS: Final = 5.0
"""or after this time if the guest did anything at all."""
SIZE_MAX: Final = 4 << 30


class Recorder:
    """One recording of one guest: made by begin(), it goes on until end()."""

    def __init__(self, guest: "Guest", folder: Path, file: ProfileFile, changed: Callable[[], None]) -> None:
        self.moments = Moments(file)
        self.problem = ""
        self._guest = guest
        self._folder = folder
        self._changed = changed
        self._unsaved = Unsaved()
        self._manifest: Manifest | None = None
        self._log = bytearray()
        """What has entered it since the last moment."""
        self._cut: bytes | None = None
        self._capturing = False
        self._boot: Boot | None = None
        self._run: GuestRun | None = None
        self._saving = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None
        self.why_next = ""
        """A moment is wanted before the guest runs on: what for."""

    @classmethod
    async def begin(cls, guest: "Guest", changed: Callable[[], None]) -> "Recorder":
        """Raises DebugError; nothing is left then."""
        if guest.state not in (GuestState.RUNNING, GuestState.PAUSED):
            raise DebugError(f"{guest.name} is {guest.state.value}: it can be recorded when it runs")
        if guest.options.replay is not None or guest.options.follow is not None:
            raise DebugError(f"{guest.name} is replayed itself: it cannot be recorded")
        folder = await asyncio.to_thread(recording_folder)
        try:
            file = await asyncio.to_thread(ProfileFile.create, folder / "recording.vphone", None)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        recorder = cls(guest, folder, file, changed)
        guest.unsaved.append(recorder._unsaved)
        try:
            await recorder.moment()
        except BaseException:
            await recorder.end()
            await recorder.close()
            raise
        recorder._timer = asyncio.create_task(recorder._look())
        return recorder

    @classmethod
    def finished(cls, guest: "Guest", folder: Path, moments: Moments) -> "Recorder":
        """One that was kept, of a guest that stands where it ends. The folder is its own."""
        recorder = cls(guest, folder, moments.file, lambda: None)
        recorder.moments = moments
        return recorder

    @property
    def recording(self) -> bool:
        return self._timer is not None

    @property
    def position(self) -> int:
        """How far it goes, roughly while the guest runs."""
        last = self.moments.list[-1].position if self.moments.list else 0
        return max(last, self._guest.ticks * 4) if self.recording else last

    @property
    def size_bytes(self) -> int:
        return sum(moment.bytes for moment in self.moments.list) + len(self._log)

    async def moment(self, why: str = "") -> Moment:
        """One more, of the guest as it is now. Raises DebugError."""
        async with self._saving:
            try:
                moment = await self._moment(why or self.why_next)
                if self._guest.state is GuestState.RUNNING:  # else its past may be looked at, by number
                    await self._make_room()
                return moment
            except PocketvisorError as error:
                raise DebugError(f"{self._guest.name} cannot be recorded: {error}") from error
            finally:
                self.why_next = ""

    async def log_since(self) -> bytes:
        """What has entered the guest, which stands still, since the last moment: a moment that is on its way
        has taken its part of the log already, and is waited for."""
        async with self._saving:
            if self._run is not None and self._guest.state is GuestState.PAUSED:
                if self._has_moved:
                    self._follow(self._guest.run)
                await self._run.ask(Flush(), Flushed)
            return bytes(self._log)

    async def end(self) -> None:
        """The guest is recorded no more; what was stays."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        async with self._saving:
            if self._unsaved in self._guest.unsaved:
                self._guest.unsaved.remove(self._unsaved)
            if self._run is not None and self._has_moved:
                self._follow(self._guest.run)
            run, self._run = self._run, None
            if run is not None:
                run.log_taker = run.captured_taker = None
                if self._guest.state in (GuestState.RUNNING, GuestState.PAUSED):
                    with suppress(GuestError):  # it has ended
                        await run.debug(SetRecording(run.keeps_log))
        self._changed()

    async def copy(self, take: Callable[[Path], T]) -> T:
        """Calls `take`, on a thread, with its file, which is whole and stays so meanwhile."""
        async with self._saving:
            return await asyncio.to_thread(take, self.moments.file.path)

    async def close(self) -> None:
        """Its file goes."""
        await asyncio.to_thread(self.moments.file.close)
        shutil.rmtree(self._folder, ignore_errors=True)

    # Taking moments

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            guest = self._guest
            done = guest.ticks - self.moments.list[-1].position // 4
            if self._has_moved:  # maybe to another rate, at which no piece is replayed that began before
                self.why_next = "moved"
                last = loop.time() - IDLE_SECONDS
            if guest.state is not GuestState.RUNNING or done <= 0:
                last = max(last, loop.time() - IDLE_SECONDS)
                continue
            if done < BUSY_TICKS and loop.time() - last < IDLE_SECONDS:
                continue
            try:
                await self.moment()
            except DebugError as error:
                self._give_up(str(error))
                return
            last = loop.time()
            self._changed()

    @property
    def _has_moved(self) -> bool:
        guest = self._guest
        live = guest.state in (GuestState.RUNNING, GuestState.PAUSED)
        return live and guest.run is not self._run and guest.run.boot is self._boot

    async def _moment(self, why: str) -> Moment:
        guest = self._guest
        boot = guest.run.boot
        if self._boot is not None and boot is not self._boot:
            raise GuestError("it was reset or restored")
        async with AsyncExitStack() as held:
            boot.hold()
            held.callback(boot.close)
            if boot.ram.loading:
                await asyncio.to_thread(boot.ram.complete)
            await held.enter_async_context(guest.capturing)
            run = guest.run
            self._follow(run)
            unsaved = self._unsaved
            fresh = unsaved.is_all(boot)
            self._cut, self._capturing = None, True
            try:
                capture = await GuestCapture.begin(
                    guest, run, flash=fresh or unsaved.flash, record=True, unsaved=unsaved
                )
            finally:
                self._capturing = False
            held.callback(capture.end)
            log, self._cut = self._cut or b"", None
            captured = capture.captured
            moment = Moment(
                position=captured.position,
                clock_ns=captured.clock_ns,
                made_ns=now_ns(),
                engine=run.engine,
                pages=unsaved.pages(boot) or b"",
                why=why,
                thumbnail=await asyncio.to_thread(guest.panel.thumbnail),
            )
            moment = await asyncio.shield(
                asyncio.ensure_future(asyncio.to_thread(self._write, guest, boot, capture, moment, log))
            )
            self._boot = boot
            unsaved.nothing(boot, [disk.name for disk in capture.disks])
            guest.disks_saved(capture.disks, unsaved)
        self.moments.list.append(moment)
        return moment

    def _write(
        self, guest: "Guest", boot: "Boot", capture: GuestCapture, moment: Moment, log: bytes
    ) -> Moment:
        unsaved, saved = self._unsaved, capture.captured.saved
        fresh = unsaved.is_all(boot)
        record = record_of(
            guest,
            boot.board,
            guest.disk_records,
            running=True,
            paused=not saved.ran,
            state_size=saved.size,
        )
        file = self.moments.file
        with file.begin(self._manifest.number if self._manifest is not None else 0) as saving:
            writer = SpaceWriter(saving, self._manifest)
            writer.ram(capture, unsaved.pages(boot))
            writer.memory(FRAMEBUFFER, capture.framebuffer, boot.board.panel.size)
            writer.state(capture.state())
            if guest.peripherals.find(Flash) is not None:
                writer.again(FLASH) if not (fresh or unsaved.flash) else writer.memory(
                    FLASH, capture.flash, FLASH_BANK_SIZE
                )
            writer.fixed(boot, known=not fresh)
            writer.disks(capture.disks, unsaved)
            spaces = [*writer.spaces, *write_moment(saving, moment, log)]
            generation = saving.commit(
                kind="autosave",
                guest=encode(record),
                spaces=spaces,
                thumbnail=moment.thumbnail,
                board=BOARD_VERSION,
            )
        self._manifest = file.manifest(generation.number)
        return structs.replace(moment, number=generation.number, bytes=generation.added)

    async def _make_room(self) -> None:
        """The oldest go where there are too many."""
        gone = 0
        while self.size_bytes > SIZE_MAX or len(self.moments.list) > MOMENTS_MAX:
            oldest = self.moments.list.pop(0)
            await asyncio.to_thread(self.moments.file.delete, oldest.number)
            gone += 1
        if gone:
            await asyncio.to_thread(self.moments.file.prune)

    # What enters it

    def _follow(self, run: "GuestRun") -> None:
        """Its log is taken from this process, which may be another one than before."""
        if self._run is not None and self._run is not run:
            self._run.log_taker = self._run.captured_taker = None
        self._run = run
        run.log_taker, run.captured_taker = self._take_log, self._captured

    def _take_log(self, data: bytes) -> None:
        self._log += data
        if len(self._log) > LOG_MAX:
            self._give_up("more has entered it between two moments than can be kept")

    def _captured(self, _: Captured) -> None:
        """What is logged from here on belongs behind the moment, if it is one."""
        if not self._capturing:
            return
        self._cut = bytes(self._log)
        self._log.clear()

    def _give_up(self, why: str) -> None:
        self.problem = why
        self._guest.run_note(f"is not recorded any more: {why}")
        asyncio.get_running_loop().create_task(self.end())
