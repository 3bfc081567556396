"""One guest seen from inside: registers, memory, where it stops, and its past.

Everything here is for the handset's loop. A guest that runs is looked at in a sample: its process holds it at
a block start for some microseconds, which it cannot notice. One that stands still is seen exactly. Being
looked at, stopped and stepped does not change what a guest does; being written to does, and a recording of it
has a snapshot behind each such change.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, structs

from pocketvisor.control import debug_messages as wire
from pocketvisor.control import messages
from pocketvisor.control.debug_messages import DebugReply, DebugRequest, Read, StopAt
from pocketvisor.debug.expression import Moment
from pocketvisor.debug.gdb.opening import OpensToGdb
from pocketvisor.debug.linux.view import LinuxView
from pocketvisor.debug.stop_info import StopInfo, stop_info
from pocketvisor.debug.stops import Hit, Stop, StopList
from pocketvisor.debug.symbols.table import SymbolTable
from pocketvisor.debug.timeline.timeline import Timeline
from pocketvisor.debug.trace.trace import Trace
from pocketvisor.errors import DebugError, GuestError, PocketvisorError, Refused
from pocketvisor.guest.listeners import Callback, Listeners, Unsubscribe
from pocketvisor.guest.options import GuestState
from pocketvisor.policies.act import Act

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

_DECIDED: Final = frozenset({"breakpoint", "watchpoint"})


class Sample(Struct, frozen=True):
    """All of one moment. `data`: for each read what is mapped of it, from its beginning on."""

    registers: Mapping[str, int]
    position: int
    clock_ns: int
    running: bool
    data: tuple[bytes, ...]

    @property
    def ticks(self) -> int:
        return self.position // 4


class Debugger(OpensToGdb):
    """Events: "stopped" (StopInfo), "running", "stops" (breakpoints changed), "moved" (another moment of its
    life is looked at), "changed" (its registers or memory were written), "attached" (a gdb came or went)."""

    def __init__(self, guest: "Guest") -> None:
        self.guest = guest
        self.stops = StopList()
        self.symbols = SymbolTable()
        self.linux = LinuxView(self, self.symbols)
        self.last: StopInfo | None = None
        """Where it stands, or stood last."""
        self._listeners = Listeners("stopped", "running", "stops", "moved", "changed", "attached")
        self._pushed: tuple[StopAt, ...] = ()
        self._push_lock = asyncio.Lock()
        self._waiting: list[asyncio.Future[StopInfo]] = []
        self._arriving: list[asyncio.Future[StopInfo]] = []  # who waits while the past runs forward
        self._tasks: set[asyncio.Task[None]] = set()
        self._was = guest.state
        self._past: Guest | None = None
        self._forget_past: Unsubscribe | None = None
        self.timeline = Timeline(self)
        self.trace = Trace(self)
        self._telling: set[asyncio.Task[None] | None] = set()  # of stops that are not in `last` yet
        self.stops.on_change(self._stops_changed)
        self._forget_state = guest.on("state", self._state_changed)
        self._leaver: asyncio.Task[None] | None = None
        guest.judge = self._judge

    def on(self, event: str, callback: Callback) -> Unsubscribe:
        return self._listeners.on(event, callback)

    def emit(self, event: str, *arguments: Any) -> None:
        """For the parts of a debugger."""
        self._listeners.emit(event, *arguments)

    @property
    def target(self) -> "Guest":
        """What is looked at: the guest, or what it was at another time."""
        return self._past or self.guest

    @property
    def standing(self) -> bool:
        return self.target.state is GuestState.PAUSED

    @property
    def position(self) -> int | None:
        """Where it stands; None while it runs."""
        return self.last.position if self.last is not None and self.standing else None

    async def leave(self) -> None:
        """Its guest goes on as if nobody had looked into it: whoever governs it does not want it any more."""
        guest = self.guest
        self._leaver = asyncio.current_task()
        try:
            self.stops.clear()
            if guest.state in (GuestState.RUNNING, GuestState.PAUSED) and not self.timeline.in_past:
                await self._pushed_all()
            await self.close()
            reason = guest.stop_reason
            if reason is not None and reason.kind in _DECIDED:
                await guest.go_on()
        finally:
            self._forget_state()
            guest.judge = None

    async def close(self) -> None:
        """With its guest."""
        await self.close_gdb()
        self.trace.close()
        await self.timeline.close()
        await self.symbols.close()
        for future in (*self._waiting, *self._arriving):
            if not future.done():
                future.set_exception(DebugError(f"{self.guest.name} was removed"))
                future.exception()  # whoever waited may have given up since: no complaint then
        for task in tuple(self._tasks):
            task.cancel()

    # Looking and changing

    async def sample(self, *reads: Read, registers: bool = True) -> Sample:
        """Raises DebugError."""
        reply = await self.ask(wire.Sample(reads, registers))
        assert isinstance(reply, wire.Sampled)
        return Sample(reply.registers, reply.position, reply.clock_ns, reply.running, reply.data)

    async def registers(self) -> dict[str, int]:
        """By the names of _native.REGISTERS. Raises DebugError."""
        return dict((await self.sample()).registers)

    async def set_register(self, name: str, value: int) -> None:
        """Raises DebugError; only while it stands still."""
        await self._change(wire.SetRegisters({name: value}))

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        """What is mapped there, possibly less. Devices are left alone. Raises DebugError."""
        pieces = []
        address &= 0xFFFFFFFF
        size = min(size, (1 << 32) - address)
        while size > 0:
            wanted = min(size, wire.PEEK_MAX)
            sample = await self.sample(Read(address, wanted, physical), registers=False)
            pieces.append(sample.data[0])
            if len(sample.data[0]) < wanted:
                break
            address, size = address + wanted, size - wanted
        return b"".join(pieces)

    async def write(self, address: int, data: bytes, *, physical: bool = False) -> None:
        """Whatever the guest's tables allow. Raises DebugError, with what lies before the hole written; only
        while it stands still."""
        for at in range(0, len(data), wire.PEEK_MAX):
            await self._change(wire.Poke(address + at, data[at : at + wire.PEEK_MAX], physical))

    async def translate(self, address: int) -> tuple[int, int] | None:
        """Physical address and rights (1 read, 2 write, 4 execute) in the current context."""
        reply = await self.ask(wire.Translate(address))
        assert isinstance(reply, wire.Translated)
        return (reply.physical, reply.rights) if reply.rights else None

    async def _change(self, request: DebugRequest) -> None:
        if not self.standing:
            raise DebugError(
                f"{self.target.name} is {self.target.state.value}: pause it before it is changed"
            )
        if self.in_past:
            raise DebugError("The past cannot be changed: a branch of it can, or the present")
        await self.ask(request)
        await self.timeline.changed()
        self._listeners.emit("changed")

    async def reset(self) -> StopInfo:
        """Power off and on; it stands at its first instruction. Raises DebugError."""
        try:
            await self.guest.reset_paused()
        except PocketvisorError as error:
            raise DebugError(str(error)) from error
        return await self.wait_stopped()

    # Its past: see debug/timeline

    @property
    def in_past(self) -> bool:
        """Whether another moment than the present is looked at."""
        return self.target is not self.guest

    async def go_to(self, position: int) -> StopInfo:
        """Another moment of its life; see Timeline. Raises DebugError."""
        return await self.timeline.go_to(position)

    async def return_to_present(self) -> None:
        """Raises DebugError."""
        await self.timeline.present()

    async def reverse_step(self, count: int = 1) -> StopInfo:
        """So many instructions back, of what was recorded. Raises DebugError."""
        return await self.timeline.reverse.step(self, count)

    async def reverse_resume(self) -> StopInfo:
        """Back to where a breakpoint or watchpoint was met last, or to the recording's beginning. Raises
        DebugError."""
        return await self.timeline.reverse.resume(self)

    async def last_write(self, address: int, size: int = 4, *, physical: bool = False) -> StopInfo:
        """Back to the instruction that wrote there last. Raises DebugError."""
        return await self.timeline.reverse.last_write(self, address, size, physical=physical)

    def look_at(self, past: "Guest | None") -> None:
        """For the time line: what the guest was is looked at from here on, or the guest itself again."""
        if self._forget_past is not None:
            self._forget_past()
            self._forget_past = None
        self._past = past
        if past is not None:
            past.judge = self._judge
            self._forget_past = past.on("state", self._state_changed)
        self._pushed = ()
        self._was = self.target.state
        self.last = None
        self._listeners.emit("moved")

    def arrived(self, info: StopInfo, *, goes_on: bool = False) -> None:
        """For the time line: here it stands. If it goes on by itself, whoever waits is told by settled()."""
        self.last = info
        self._listeners.emit("stopped", info)
        if not goes_on:
            self.settled(info)

    def settled(self, info: StopInfo) -> None:
        arriving, self._arriving = self._arriving, []
        for future in arriving:
            if not future.done():
                future.set_result(info)

    async def forget_stops(self) -> None:
        """For the time line: its past passes all of them from here on. Raises DebugError."""
        async with self._push_lock:
            if self._pushed:
                await self.ask(wire.SetStops())
                self._pushed = ()

    async def push_stops(self) -> None:
        """For the time line: what is looked at stops at them. Raises DebugError."""
        await self._pushed_all()

    async def stopped_in_past(self) -> None:
        """For the time line: it was stopped there. Raises DebugError."""
        self.arrived(await self._seen())

    def tell(self, reason: str) -> StopInfo:
        """It stands where it does, for this reason."""
        assert self.last is not None
        info = stop_info(reason, self.last.position, self.last.pc)
        self.arrived(info)
        return info

    # Stopping and going on

    async def pause(self) -> StopInfo:
        """Raises DebugError."""
        if self.in_past and self.timeline.running:
            return await self.timeline.pause()
        if not self.standing:
            self._check_live()
            try:
                await self.target.pause()
            except GuestError as error:
                raise DebugError(str(error)) from error
        return await self.wait_stopped()

    async def resume(self) -> None:
        """Raises DebugError."""
        if self.in_past:
            await self.timeline.run_forward()
            return
        await self.told()
        await self._pushed_all()
        await self.timeline.before_running()
        try:
            await self.target.resume()
        except GuestError as error:
            raise DebugError(str(error)) from error

    async def step(self, count: int = 1) -> StopInfo:
        """So many instructions, or up to a breakpoint. Raises DebugError."""
        info = await self.go(wire.Go(steps=count))
        live = self.guest.state in (GuestState.RUNNING, GuestState.PAUSED)
        if self.in_past and live and (info.reason == "dead" or info.position >= self.timeline.end):
            return await self.timeline.go_to(self.timeline.end)
        return info

    async def run_to(self, address: int) -> StopInfo:
        """Up to this instruction, or a breakpoint before it. Raises DebugError."""
        self.stops.add("execute", address, temporary=True, origin="run to")
        try:
            return await self.go(wire.Go())
        finally:
            self.stops.clear("run to")

    async def go(self, how: wire.Go) -> StopInfo:
        """Runs until it stops again, for whatever reason. Cancelled, it is paused. Raises DebugError."""
        target = self.target
        if target.state is not GuestState.PAUSED:
            raise DebugError(f"{target.name} is {target.state.value}: pause it first")
        try:
            target.check_held()
        except GuestError as error:
            raise DebugError(str(error)) from error
        await self.wait_stopped()  # or the stop before would be taken for this one's
        await self._pushed_all()
        await self.timeline.before_running()
        waiting: asyncio.Future[StopInfo] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        target.stop_reason = None
        asking = asyncio.ensure_future(self.ask(how))
        try:
            await asyncio.shield(asking)
            return await waiting
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.ensure_future(target.stand_again(asking)))
            raise
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    async def wait_stopped(self) -> StopInfo:
        """At once where it stands still. Raises DebugError where it is off."""
        if self.timeline.returning or (self.in_past and self.timeline.running):
            arriving: asyncio.Future[StopInfo] = asyncio.get_running_loop().create_future()
            self._arriving.append(arriving)
            return await arriving
        if self.standing and not self._telling:
            if self.last is None:
                self.last = await self._seen()
            return self.last
        self._check_live()
        waiting: asyncio.Future[StopInfo] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        return await waiting

    async def told(self) -> None:
        """When where it stands is told; or that would be taken for the next stop."""
        if self._telling:
            await asyncio.wait({task for task in self._telling if task is not None})

    async def ask(self, request: DebugRequest, fds: Sequence[int] = ()) -> DebugReply:
        """Its process's answer. Raises DebugError with the sentence where it cannot."""
        self._check_live()
        self._check_allowed()
        try:
            reply = await self.target.run.debug(request, fds=fds)
        except GuestError as error:
            raise DebugError(f"{self.target.name}: {error}") from error
        if isinstance(reply, wire.Failed):
            raise DebugError(f"{self.target.name}: {reply.sentence}")
        return reply

    def _check_allowed(self) -> None:
        """Whoever has it still, when it was told to leave, has nothing in his hands."""
        if self._leaver is not None:
            if asyncio.current_task() is not self._leaver:
                raise DebugError(f"{self.guest.name} is not debugged any more")
            return
        try:
            self.guest.check(Act.DEBUG)
        except Refused as refused:
            raise DebugError(str(refused)) from refused

    def _check_live(self) -> None:
        target = self.target
        if target.state not in (GuestState.RUNNING, GuestState.PAUSED):
            raise DebugError(f"{target.name} is {target.state.value}: there is nothing to look into")

    # Stops

    def stop_table(self) -> tuple[StopAt, ...]:
        """What its process is to know of."""
        return tuple(
            StopAt(stop.id, stop.kind, stop.address, stop.size, stop.physical) for stop in self.stops.active()
        )

    def _stops_changed(self) -> None:
        self._listeners.emit("stops")
        if self.stop_table() != self._pushed and self.target.state in (GuestState.RUNNING, GuestState.PAUSED):
            self._do(self._pushed_all())

    async def _pushed_all(self) -> None:
        """Its process knows of all stops when this comes back."""
        async with self._push_lock:
            while (table := self.stop_table()) != self._pushed:
                await self.ask(wire.SetStops(table))
                self._pushed = table

    def started(self) -> tuple[StopAt, ...]:
        """For a new process of the guest: its stops, which it has from its start on."""
        self._pushed = self.stop_table()
        return self._pushed

    # From the guest

    def _judge(self, stopped: messages.Stopped) -> bool:
        """Whether it is to be decided here yet if it stands still."""
        if stopped.reason not in _DECIDED or stopped.hit is None:
            return False
        self._do(self._decide(self.target, stopped))
        return True

    async def _decide(self, target: "Guest", stopped: messages.Stopped) -> None:
        assert stopped.hit is not None
        hit = stopped.hit
        found = Hit(hit.id, hit.position, hit.pc, hit.address, hit.size, hit.write)
        try:
            conditional = any(stop.condition for stop in self.stops.active())
            registers = await self.registers() if conditional else {}
            stays = await self.stops.decides(found, Moment(registers, self, self.symbols))
        except DebugError as error:
            target.run_note(f"was stopped: {error}")
            stays = True
        if target.state is not GuestState.RUNNING:
            return  # paused by its user meanwhile
        if stays:
            target.stand(stopped)
        elif target.pausing:  # at the breakpoint, where the request to pause may have found it already
            target.stand(structs.replace(stopped, reason="paused", hit=None))
        else:
            target.run.send(messages.DebugAsk(0, wire.Go(again=True)))

    def _state_changed(self) -> None:
        was, self._was = self._was, self.target.state
        if self.in_past and not self._waiting:
            return  # the time line tells
        if self._was is GuestState.RUNNING and was is not GuestState.RUNNING:
            self._listeners.emit("running")
        elif self._was is not was or self._was is GuestState.PAUSED:
            self._telling.add(self._do(self._tell_stopped()))

    async def _tell_stopped(self) -> None:
        target = self.target
        try:
            if target.state in (GuestState.RUNNING, GuestState.STARTING):
                return
            info = self.last = await self._seen()
        finally:
            self._telling.discard(asyncio.current_task())
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(info)
        self._listeners.emit("stopped", info)

    async def _seen(self) -> StopInfo:
        target = self.target
        reason = target.stop_reason
        kind, detail = (reason.kind, reason.detail) if reason is not None else ("paused", "")
        if target.state is not GuestState.PAUSED:
            detail = detail or f"{target.name} is {target.state.value}"
            return stop_info(kind, target.ticks * 4, 0, detail=detail)
        sample = await self.sample()
        stopped, pc = target.stopped, sample.registers.get("pc", 0)
        if stopped is None or stopped.hit is None or kind not in _DECIDED:
            return stop_info(kind, sample.position, pc, detail=detail)
        hit, place = stopped.hit, sample.position
        stop = self._stop(hit.id)
        return stop_info(
            kind, place, pc, stop, detail=detail, address=hit.address, size=hit.size, write=hit.write
        )

    def _stop(self, number: int) -> Stop | None:
        reached = [stop for stop in self.stops.reached if stop.id == number] or list(self.stops.reached)
        return reached[0] if reached else None

    def _do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._quietly(work))
        self._tasks.add(task)

        def done(_: object) -> None:
            self._tasks.discard(task)
            self._telling.discard(task)
            work.close()  # of a task that was cancelled before it began

        task.add_done_callback(done)
        return task

    async def _quietly(self, work: Coroutine[Any, Any, None]) -> None:
        """A guest that ends meanwhile has said so already."""
        try:
            await work
        except DebugError as error:
            if self.standing:
                self.target.run_note(str(error))
