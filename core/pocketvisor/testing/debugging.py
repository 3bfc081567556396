"""A guest under test seen from inside: registers, memory, breakpoints, its past. blocking_debugger.py has the
same for tests that are no coroutines.

Addresses are numbers or expressions (debug/expression.py): "$sp + 4", "main", "app.c:120", "*(u32*)$r1".
What waits has a limit in seconds, and fails with what the guest did instead.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pocketvisor.debug.call_stack import Frame, call_stack
from pocketvisor.debug.debugger import Debugger
from pocketvisor.debug.disassembly import THUMB, Line, disassemble_at
from pocketvisor.debug.expression import Moment, value_of
from pocketvisor.debug.stop_info import StopInfo
from pocketvisor.debug.stops import Kind, Stop
from pocketvisor.errors import DebugError
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState

T = TypeVar("T")
Place = int | str


class NotStopped(AssertionError):
    """A guest did not stop in time."""


class AsyncDebugger:
    """`api` is the debugger of pocketvisor.api, with all that this class does not have."""

    def __init__(self, guest: Guest, seconds: float) -> None:
        self.api: Debugger = guest.debugger
        self._guest = guest
        self._seconds = seconds

    async def add_symbols(self, path: str | Path | None = None, *, bias: int = 0) -> None:
        """Of an ELF file or a System.map; without one, of the guest's own ELF file, or of a Linux kernel, out
        of its memory."""
        file = Path(path) if path is not None else self._guest.image.elf
        if file is None:
            await self.api.linux.find()
            await self.api.linux.modules()
        else:
            await self.api.symbols.open(file, self.api, bias=bias)

    # Looking and changing

    async def evaluate(self, expression: Place) -> int:
        """The value of an expression, at this moment."""
        if isinstance(expression, int):
            return expression
        return await value_of(expression, Moment(await self.api.registers(), self.api, self.api.symbols))

    async def registers(self) -> dict[str, int]:
        return await self.api.registers()

    async def set_register(self, name: str, value: Place) -> None:
        """Only while it stands still."""
        await self.api.set_register(name, await self.evaluate(value))

    async def read(self, address: Place, size: int, *, physical: bool = False) -> bytes:
        """What is mapped there, possibly less."""
        return await self.api.read(await self._address(address), size, physical=physical)

    async def write(self, address: Place, data: bytes, *, physical: bool = False) -> None:
        """Only while it stands still."""
        await self.api.write(await self._address(address), data, physical=physical)

    async def stack(self) -> list[Frame]:
        """Who called whom, the innermost first."""
        return await call_stack(self.api, await self.api.registers(), self.api.symbols)

    async def disassemble(self, address: Place = "$pc", count: int = 10) -> list[Line]:
        registers = await self.api.registers()
        place, symbols = await self._address(address), self.api.symbols
        mode = symbols.mode(place)
        thumb = mode == "thumb" if mode else bool(registers.get("cpsr", 0) & THUMB)
        return await disassemble_at(self.api, place, count, thumb=thumb, symbols=symbols)

    # Stopping and going on

    async def break_at(
        self, place: Place, *, condition: str = "", ignore: int = 0, once: bool = False
    ) -> Stop:
        """Stop before an instruction."""
        address = await self._address(place)
        size = 2 if self.api.symbols.mode(address) == "thumb" else 4
        stop = self.api.stops.add(
            "execute", address, size, condition=condition, ignore=ignore, temporary=once, place=str(place)
        )
        return await self._known(stop)

    async def watch(
        self,
        place: Place,
        size: int = 4,
        *,
        kind: Kind = "write",
        physical: bool = False,
        condition: str = "",
        once: bool = False,
    ) -> Stop:
        """Stop before an access to memory; kind "write", "read" or "access"."""
        stop = self.api.stops.add(
            kind,
            await self._address(place),
            size,
            physical=physical,
            condition=condition,
            temporary=once,
            place=str(place),
        )
        return await self._known(stop)

    async def _known(self, stop: Stop) -> Stop:
        """What the guest is told after this finds it in its way."""
        if self._guest.state in (GuestState.RUNNING, GuestState.PAUSED):
            await self.api.push_stops()
        return stop

    def delete(self, stop: Stop | None = None) -> None:
        """A breakpoint or watchpoint, or all of them."""
        if stop is None:
            self.api.stops.clear("user")
        else:
            with suppress(DebugError):  # one that was for once has gone by itself
                self.api.stops.remove(stop.id)

    async def pause(self) -> StopInfo:
        return await self._limited(self.api.pause(), None)

    async def resume(self) -> None:
        await self.api.resume()

    async def wait_stop(self, seconds: float | None = None) -> StopInfo:
        """Wait until the guest stands still, and say why."""
        __tracebackhide__ = True
        return await self._limited(self.api.wait_stopped(), seconds)

    async def run_to_stop(self, seconds: float | None = None) -> StopInfo:
        """Go on from where it stands, up to the next breakpoint or watchpoint."""
        __tracebackhide__ = True
        stopped: asyncio.Future[StopInfo] = asyncio.get_running_loop().create_future()

        def note(info: StopInfo) -> None:
            if not stopped.done():
                stopped.set_result(info)

        forget = self.api.on("stopped", note)  # before it runs: it may stop at once
        try:
            await self.api.resume()
            return await self._limited(stopped, seconds)
        finally:
            forget()

    async def run_to(self, place: Place, seconds: float | None = None) -> StopInfo:
        """Go on up to an instruction, or to a breakpoint before it."""
        __tracebackhide__ = True
        return await self._limited(self.api.run_to(await self._address(place)), seconds)

    async def step(self, count: int = 1, seconds: float | None = None) -> StopInfo:
        """So many instructions."""
        __tracebackhide__ = True
        return await self._limited(self.api.step(count), seconds)

    # Its past

    async def record(self) -> None:
        """From here on its past can be gone back to."""
        await self.api.timeline.start()

    async def reverse_step(self, count: int = 1, seconds: float | None = None) -> StopInfo:
        __tracebackhide__ = True
        return await self._limited(self.api.reverse_step(count), seconds)

    async def reverse_resume(self, seconds: float | None = None) -> StopInfo:
        """Back to the last breakpoint or watchpoint that it met."""
        __tracebackhide__ = True
        return await self._limited(self.api.reverse_resume(), seconds)

    async def last_write(
        self, place: Place, size: int = 4, *, physical: bool = False, seconds: float | None = None
    ) -> StopInfo:
        """Back to the instruction that wrote there last."""
        __tracebackhide__ = True
        address = await self._address(place)
        return await self._limited(self.api.last_write(address, size, physical=physical), seconds)

    async def go_to(self, position: int, seconds: float | None = None) -> StopInfo:
        """To a moment of its life: StopInfo.position of another stop, for instance."""
        __tracebackhide__ = True
        return await self._limited(self.api.go_to(position), seconds)

    async def present(self) -> None:
        """Out of the past: the guest goes on if it ran."""
        await self.api.return_to_present()

    async def _address(self, place: Place) -> int:
        return await self.evaluate(place) & 0xFFFF_FFFF

    async def _limited(self, work: Awaitable[T], seconds: float | None) -> T:
        __tracebackhide__ = True
        limit = self._seconds if seconds is None else seconds
        try:
            return await asyncio.wait_for(work, limit)
        except TimeoutError:
            where = ""
            if self._guest.state is GuestState.RUNNING:
                with suppress(DebugError):
                    pc = (await self.api.registers())["pc"]
                    where = f" at {self.api.symbols.label(pc) or hex(pc)}"
            raise NotStopped(
                f"{self._guest.name} did not stop within {limit:g} s: it is {self._guest.state.value}{where}"
            ) from None
