"""A guest as its handset and the front ends see it. No call here waits for the guest itself: what takes time
is awaited, and ends with an error where the guest's process does not answer.

Left out: saving a guest with its RAM, which is the portable profile's.
"""

import asyncio
import os
import secrets
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pocketvisor.control import messages
from pocketvisor.devices.virtio_gpu import SetPanel
from pocketvisor.errors import GuestError, PocketvisorError
from pocketvisor.guest.boot import GuestMemory, prepare
from pocketvisor.guest.console import Console
from pocketvisor.guest.debugged import GuestDebugged
from pocketvisor.guest.governed import GuestGoverned
from pocketvisor.guest.in_hand import GuestInHand
from pocketvisor.guest.keeping import GuestProfile
from pocketvisor.guest.kept import GuestKept, on_its_own
from pocketvisor.guest.listeners import Callback, Listeners, Unsubscribe
from pocketvisor.guest.options import LIVE_STATES, GuestState, RunOptions, StopReason
from pocketvisor.guest.origin import Origin, go_on
from pocketvisor.guest.panel import PanelView
from pocketvisor.guest.peripherals import Peripherals
from pocketvisor.guest.phone_listeners import PhoneListeners
from pocketvisor.guest.run import GuestRun
from pocketvisor.guest.seen import GuestSeen
from pocketvisor.guest.share import GuestShare
from pocketvisor.guest.still import GuestStill
from pocketvisor.guest.transit import Transit, change_process
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.models import HandsetModel
from pocketvisor.network.service import GuestNetwork
from pocketvisor.policies.act import Act

if TYPE_CHECKING:
    from pocketvisor.handset import Handset

_STATE_SECONDS: Final = 5.0
_FLUSH_SECONDS: Final = 0.1  # a guest is off within 250 ms, whatever it does

_ENDS: Final = {"power-off": "went off", "exit": "came to its end", "suspended": "was suspended"}

Progress = Callable[[str], None]


class Guest(GuestInHand, GuestSeen, GuestKept, GuestDebugged, GuestGoverned, GuestStill, GuestShare):
    """Made by Handset.start(). Events: "state", "console" (bytes), "frame", "panel" (it shows a picture of
    another size), "event" (a sentence), "device" (its name, what it tells: a message of its own), "lock",
    "policy", "qos"."""

    def __init__(self, handset: "Handset", image: GuestImage, name: str, options: RunOptions) -> None:
        self.id = secrets.token_hex(3)
        self.name = name
        self.image = image
        self.handset = handset
        self.options = options
        self.ram_mib = options.ram_of(image)
        self.state = GuestState.STARTING
        self.problem = ""
        self.not_responding = ""
        self.held = ""
        """Why it stands still whatever its user wants: it is moving to another machine, or from one."""
        self.stop_reason: StopReason | None = None
        self._listeners = Listeners(
            "state", "console", "frame", "panel", "event", "device", "profile", "lock", "policy", "qos"
        )
        origin = options.origin
        self.memory = GuestMemory(handset.model.panel if origin is None else origin.record.board.panel)
        self.panel: PanelView = self.memory.panel
        self.panel.before_screenshot = lambda: self.check(Act.SCREENSHOT)
        self.panel.withheld = lambda: self.allows(Act.SCREENSHOT)
        self._picture = self.panel.picture
        self._panel_size: SetPanel | None = None
        self.console = Console(lambda data: self._send(messages.ConsoleInput(data)))
        self.console.guard = lambda: self.check(Act.CONSOLE)
        self.console.subscribe(lambda data: self._listeners.emit("console", data))
        self.network: GuestNetwork | None = None
        self.profile: GuestProfile | None = None
        self.unsaved = []
        self._peripherals: Peripherals | None = None
        self._run: GuestRun | None = None
        self._changed = asyncio.Event()
        self._lifecycle = asyncio.Lock()
        self.capturing = asyncio.Lock()
        """Held while what its process overwrites is kept: no other process may write to its memory and disks
        then, nor a second capture begin. Taken within the lifecycle, where both are."""
        self._starting: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_transit: list[Any] | None = None
        self._phone = PhoneListeners(handset.phone)
        self._forget_phone = self.on_phone("orientation", self._phone_turned)
        if handset.phone.orientation or origin is not None:  # it may have been on a phone of another size
            self._phone_turned(handset.phone.orientation)

    def on(self, event: str, callback: Callback) -> Unsubscribe:
        if event in ("frame", "panel"):
            self.panel.watch(self._frame_published)
        return self._listeners.on(event, callback)

    def on_phone(self, event: str, callback: Callback) -> Unsubscribe:
        """An event of the phone that it is on, and of that which it moves to."""
        return self._phone.on(event, callback)

    def moved(self, handset: "Handset") -> None:
        """For pocketvisor.moving: it is on this handset now, and hears that phone alone."""
        self.handset = handset
        self._phone.move_to(handset.phone)
        self._phone_turned(handset.phone.orientation)
        self._listeners.emit("state")
        self.keep_order()  # it may have stood still for want of such a handset

    # Changing its process, for pocketvisor.moving

    @property
    def lifecycle(self) -> asyncio.Lock:
        """Held by whoever starts or ends its process."""
        return self._lifecycle

    async def change_process(self, model: HandsetModel) -> Transit:
        """With the lifecycle held. Raises GuestError; it runs on as it did then."""
        if self._run is None:
            raise GuestError(f"{self.name} is {self.state.value}")
        async with self.capturing:
            try:
                transit = await change_process(self, self._run, model)
            except BaseException:
                self.lost_track()
                raise
        self.written(self._run.boot, transit.dirty, transit.flash_written)
        return transit

    def hold_messages(self) -> None:
        """What is sent to its process waits for release_messages()."""
        self._in_transit = []

    def release_messages(self) -> None:
        waiting, self._in_transit = self._in_transit, None
        for message in waiting or ():
            self._send(message)

    def use_run(self, run: GuestRun) -> None:
        """Another process is the guest's."""
        self._run = run

    # Lifecycle. A handset calls boot() and remove(); front ends the rest.

    async def boot(self, progress: Progress | None = None, *, after: GuestRun | None = None) -> None:
        """Loads the image into fresh memory and starts a process. `after`: which run has asked for it; where
        that has been ended since, nothing happens. Raises the sentence to show."""
        async with self._lifecycle:
            if after is not None and (after is not self._run or self.state not in LIVE_STATES):
                return
            await self._end_run()
            async with self.capturing:
                pass  # a capture of what was is through: the next process writes to the same disks
            self.problem = self.not_responding = ""
            self.stop_reason = None
            self._set_state(GuestState.STARTING)
            self.console.begun()
            self.memory.clear()
            self.status.rate = self.handset.first_rate(self)
            self._starting = asyncio.create_task(self._begin(progress))
            try:
                await self._starting
            except asyncio.CancelledError:
                self._starting.cancel()
                self._crashed(f"{self.name} was not started: it was given up")
                if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                    raise
                raise GuestError(self.problem) from None
            except Exception as error:
                self._crashed(str(error) if isinstance(error, PocketvisorError) else repr(error))
                raise
            finally:
                self._starting = None

    async def _begin(self, progress: Progress | None) -> None:
        if self._peripherals is None:
            self._peripherals = await Peripherals.open(self, progress or (lambda _: None))
        state = None
        origin = self.options.origin
        if origin is not None and origin.goes_on:
            boot, state = await go_on(origin, self, self.memory, self._peripherals)
        else:
            if origin is not None:
                await origin.have_files()
            pool = self.handset.memory.pool_for(self)
            boot = await prepare(
                self.image, self.handset.model, self.memory, self.options, self._peripherals, progress, pool
            )
        try:
            self._run = await GuestRun.begin(self, boot, self.options, state)
        finally:
            if state is not None:
                os.close(state.fd)
        if self._panel_size is not None:
            self.tell("gpu", self._panel_size)
        if self.options.paused:
            self._stopped("paused", self.ticks, "")
        else:
            await self._run.first_report()

    async def pause(self) -> None:
        """Comes back when the vCPU stands still, at a block start."""
        if self.state is GuestState.RUNNING:
            self.pausing = True
            try:
                self._send(messages.Pause())
                await self._until_not(GuestState.RUNNING)
            finally:
                self.pausing = False

    async def resume(self) -> None:
        self.check_held()
        if self.state is GuestState.PAUSED:
            self.stop_reason = None
            self._send(messages.Resume())
            await self._until_not(GuestState.PAUSED)
        elif self.state is not GuestState.RUNNING:
            raise GuestError(f"{self.name} is {self.state.value}: it cannot be resumed")

    async def run_until(self, tick: int) -> StopReason:
        """Runs to the first block start at or after the tick; it is paused then."""
        self.check_held()
        if self.state is not GuestState.PAUSED:
            raise GuestError(f"{self.name} is {self.state.value}: pause it first")
        self.stop_reason = None
        self._send(messages.Resume(tick))
        return await self.wait_stopped()

    async def reset(self) -> None:
        """Power off and on: memory and devices are as new, the image is read again."""
        self.check_held()
        await self.boot()

    async def restart(self) -> None:
        """As reset(), for a guest that is off or crashed too: raises OutOfMemory where its RAM is taken."""
        self.check_held()
        self.handset.check_room(self.ram_mib, besides=self)
        await self.boot()

    def check_held(self) -> None:
        """Raises GuestError; Refused where whoever governs it does not let it run."""
        if self.held:
            raise GuestError(self.held)
        self.check_orders()

    async def power_off(self) -> None:
        """Takes at most 250 ms. What it printed and what entered it is kept."""
        await self._end("power-off", GuestState.OFF)

    async def kill(self) -> None:
        """Ends its process without a word: for one that does not respond."""
        await self._end("killed", GuestState.OFF)

    async def suspended(self) -> None:
        """It was saved as it stands still; its process ends."""
        await self._end("suspended", GuestState.OFF)

    async def become(self, origin: Origin, *, paused: bool) -> None:
        """Goes on from another state of itself, in another process. Raises GuestError."""
        self.check_held()
        async with self._lifecycle:
            await self._end_run()
            if self._peripherals is not None:
                await self._peripherals.close()
                self._peripherals = None
            before = self.options.origin
            self.options = on_its_own(self.options, origin, paused=paused)
            self.image = origin.image
            if before is not None:
                before.close()
        await self.boot()

    async def forget(self) -> None:
        """It has ended for good: what it had in memory, on disks and on its screen, and has said, is gone."""
        async with self._lifecycle:
            if self.state in LIVE_STATES or (self._run is None and self._peripherals is None):
                return
            await self._end_run()
            if self._peripherals is not None:
                await self._peripherals.close()
                self._peripherals = None
            self.memory.clear()
            self.console.forget()
            self.handset.clipboard.left(self)

    async def remove(self) -> None:
        """For the handset: nothing of it is left behind."""
        self._forget_phone()
        await self._end("removed", GuestState.STOPPED)
        if self._debugger is not None:
            await self._debugger.close()
        await self._close_profile()
        await self._end_run()
        if self._peripherals is not None:
            await self._peripherals.close()
            self._peripherals = None
        self.memory.close()

    @property
    def rests(self) -> bool:
        """Its process has nothing to do; see scheduler.host_bound. It says itself that it runs: of one that
        has to stand still that counts for nothing."""
        still = self.state is GuestState.PAUSED or self.stands_still
        return still and not (self._run is not None and self._run.debugs)

    async def wait_stopped(self) -> StopReason:
        """Waits until the vCPU stands still, for whatever reason; a reset on its way does not count."""
        while self.stop_reason is None:
            self._changed.clear()
            await self._changed.wait()
        return self.stop_reason

    def watch(self, now: float) -> None:
        """For the handset, once in a while: notices a guest that shows no sign of life."""
        if self._run is None or self.state not in (GuestState.RUNNING, GuestState.PAUSED):
            return
        sentence = self._run.watch(now, self.state is GuestState.RUNNING)
        if bool(sentence) != bool(self.not_responding):
            self.not_responding = f"{self.name} does not respond: {sentence}" if sentence else ""
            self._listeners.emit("event", self.not_responding or f"{self.name} responds again")
            self._listeners.emit("state")

    # From the run (RunObserver)

    def run_running(self) -> None:
        self._set_state(GuestState.RUNNING)

    def run_stopped(self, stopped: messages.Stopped) -> None:
        kind = stopped.reason
        if kind == "reset" and self.options.restart_on_reset:
            self._listeners.emit("event", f"{self.name} resets itself")
            self._set_state(GuestState.STARTING)
            self._do(self._reset_itself(self._run))
        elif kind in ("diverged", "error"):
            self._do(self._end_crashed(stopped, self._run))
        elif kind in ("power-off", "exit", "reset"):
            self._do(self._end(kind, GuestState.OFF, stopped, self._run))
        else:
            self.stopped = stopped
            if self.judge is None or not self.judge(stopped):
                self.stand(stopped)

    def run_ended(self, sentence: str) -> None:
        self._crashed(f"{self.name} crashed: {sentence}")

    def run_output(self, data: bytes) -> None:
        self.console.received(data)

    def run_device(self, device: str, data: bytes) -> None:
        self._listeners.emit("device", device, data)

    def run_note(self, sentence: str) -> None:
        self._listeners.emit("event", f"{self.name}: {sentence}")

    def _phone_turned(self, degrees: int) -> None:
        """A guest whose panel can change its size has one that is upright, however the phone is held."""
        panel = self.handset.model.panel
        self.set_panel(*((panel.height, panel.width) if degrees % 180 else (panel.width, panel.height)))

    def _frame_published(self) -> None:
        picture = self.panel.picture
        if picture != self._picture:
            self._picture = picture
            self._listeners.emit("panel")
        self._listeners.emit("frame")

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reset_itself(self, run: GuestRun | None) -> None:
        try:
            await self.boot(after=run)
        except PocketvisorError as error:
            self._listeners.emit("event", str(error))

    def end_crashed(self, sentence: str) -> None:
        """For what cannot go on, seen from outside."""
        stopped = messages.Stopped("error", self.ticks, sentence[:2000])
        self._do(self._end_crashed(stopped, self._run))

    async def _end_crashed(self, stopped: messages.Stopped, run: GuestRun | None) -> None:
        async with self._lifecycle:
            if run is not self._run:
                return  # it was reset just then
            if self._run is not None:
                await self._run.end()
            self._crashed(f"{self.name} ended: {stopped.detail}", stopped)

    async def _end(
        self,
        kind: str,
        state: GuestState,
        stopped: messages.Stopped | None = None,
        run: GuestRun | None = None,
    ) -> None:
        """`run`: which one has stopped by itself, and is ended if it still is the guest's."""
        if self._starting is not None and run is None:
            self._starting.cancel()
        async with self._lifecycle:
            if run is not None and run is not self._run:
                return  # it was reset just then
            if self.state in LIVE_STATES and self._run is not None:
                if kind in ("power-off", "exit"):
                    await self._flush()
                await self._run.end()
            if self.state in LIVE_STATES or state is GuestState.STOPPED:
                self.stop_reason = StopReason(kind, self.ticks)
                if stopped is not None:
                    self.stop_reason = StopReason(kind, stopped.ticks, stopped.detail, stopped.code)
                how = _ENDS.get(kind, "was ended")
                self.console.ended(f"{self.name} {how}")
                self._set_state(state)

    async def _flush(self) -> None:
        assert self._run is not None
        with suppress(GuestError):  # it is on its way out
            await self._run.ask(messages.Flush(), messages.Flushed, _FLUSH_SECONDS)

    async def _end_run(self) -> None:
        if self._run is not None:
            await self._run.end()
            self._run.boot.close()
            self._run = None

    def _crashed(self, sentence: str, stopped: messages.Stopped | None = None) -> None:
        self.problem = sentence
        kind = stopped.reason if stopped is not None and stopped.reason == "diverged" else "crashed"
        self.stop_reason = StopReason(kind, self.ticks, sentence)
        self.console.ended(sentence)
        self._set_state(GuestState.CRASHED)

    def _stopped(self, kind: str, ticks: int, detail: str) -> None:
        self.stop_reason = StopReason(kind, ticks, detail)
        self._set_state(GuestState.PAUSED)

    def _set_state(self, state: GuestState) -> None:
        if state is GuestState.RUNNING:
            self.stop_reason = None
        self.state = state
        self._changed.set()
        self._listeners.emit("state")

    async def _until_not(self, state: GuestState) -> None:
        try:
            async with asyncio.timeout(_STATE_SECONDS):
                while self.state is state:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            if self.state is state:  # a loop that was held up for longer hears of both at once
                raise GuestError(f"{self.name} does not respond") from None
