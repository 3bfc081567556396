"""A guest under test seen from inside, for tests that know no asyncio: each call comes back when it is done.

A thin layer: what the calls do and raise is in debugging.py, in the same words.
"""

from pathlib import Path

from pocketvisor.debug.call_stack import Frame
from pocketvisor.debug.disassembly import Line
from pocketvisor.debug.stop_info import StopInfo
from pocketvisor.debug.stops import Kind, Stop
from pocketvisor.testing.background import BackgroundLoop
from pocketvisor.testing.debugging import AsyncDebugger, Place


class SyncDebugger:
    """`debugger` is the same for coroutines."""

    def __init__(self, debugger: AsyncDebugger, loop: BackgroundLoop) -> None:
        self.debugger = debugger
        self._loop = loop

    def add_symbols(self, path: str | Path | None = None, *, bias: int = 0) -> None:
        """Of an ELF file or a System.map; without one, the guest's own."""
        self._loop.run(self.debugger.add_symbols(path, bias=bias))

    def evaluate(self, expression: Place) -> int:
        """The value of an expression, at this moment."""
        return self._loop.run(self.debugger.evaluate(expression))

    def registers(self) -> dict[str, int]:
        return self._loop.run(self.debugger.registers())

    def set_register(self, name: str, value: Place) -> None:
        """Only while it stands still."""
        self._loop.run(self.debugger.set_register(name, value))

    def read(self, address: Place, size: int, *, physical: bool = False) -> bytes:
        """What is mapped there, possibly less."""
        return self._loop.run(self.debugger.read(address, size, physical=physical))

    def write(self, address: Place, data: bytes, *, physical: bool = False) -> None:
        """Only while it stands still."""
        self._loop.run(self.debugger.write(address, data, physical=physical))

    def stack(self) -> list[Frame]:
        """Who called whom, the innermost first."""
        return self._loop.run(self.debugger.stack())

    def disassemble(self, address: Place = "$pc", count: int = 10) -> list[Line]:
        return self._loop.run(self.debugger.disassemble(address, count))

    def break_at(self, place: Place, *, condition: str = "", ignore: int = 0, once: bool = False) -> Stop:
        """Stop before an instruction."""
        return self._loop.run(self.debugger.break_at(place, condition=condition, ignore=ignore, once=once))

    def watch(
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
        work = self.debugger.watch(place, size, kind=kind, physical=physical, condition=condition, once=once)
        return self._loop.run(work)

    def delete(self, stop: Stop | None = None) -> None:
        """A breakpoint or watchpoint, or all of them."""
        self._loop.call(self.debugger.delete, stop)

    def pause(self) -> StopInfo:
        return self._loop.run(self.debugger.pause())

    def resume(self) -> None:
        self._loop.run(self.debugger.resume())

    def wait_stop(self, seconds: float | None = None) -> StopInfo:
        """Wait until the guest stands still, and say why."""
        __tracebackhide__ = True
        return self._loop.run(self.debugger.wait_stop(seconds))

    def run_to_stop(self, seconds: float | None = None) -> StopInfo:
        """Go on from where it stands, up to the next breakpoint or watchpoint."""
        __tracebackhide__ = True
        return self._loop.run(self.debugger.run_to_stop(seconds))

    def run_to(self, place: Place, seconds: float | None = None) -> StopInfo:
        """Go on up to an instruction, or to a breakpoint before it."""
        __tracebackhide__ = True
        return self._loop.run(self.debugger.run_to(place, seconds))

    def step(self, count: int = 1, seconds: float | None = None) -> StopInfo:
        """So many instructions."""
        __tracebackhide__ = True
        return self._loop.run(self.debugger.step(count, seconds))

    def record(self) -> None:
        """From here on its past can be gone back to."""
        self._loop.run(self.debugger.record())

    def reverse_step(self, count: int = 1, seconds: float | None = None) -> StopInfo:
        __tracebackhide__ = True
        return self._loop.run(self.debugger.reverse_step(count, seconds))

    def reverse_resume(self, seconds: float | None = None) -> StopInfo:
        """Back to the last breakpoint or watchpoint that it met."""
        __tracebackhide__ = True
        return self._loop.run(self.debugger.reverse_resume(seconds))

    def last_write(
        self, place: Place, size: int = 4, *, physical: bool = False, seconds: float | None = None
    ) -> StopInfo:
        """Back to the instruction that wrote there last."""
        __tracebackhide__ = True
        return self._loop.run(self.debugger.last_write(place, size, physical=physical, seconds=seconds))

    def go_to(self, position: int, seconds: float | None = None) -> StopInfo:
        """To a moment of its life: StopInfo.position of another stop, for instance."""
        __tracebackhide__ = True
        return self._loop.run(self.debugger.go_to(position, seconds))

    def present(self) -> None:
        """Out of the past: the guest goes on if it ran."""
        self._loop.run(self.debugger.present())
