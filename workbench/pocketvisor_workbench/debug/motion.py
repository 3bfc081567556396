"""Going on from where a guest stands: by instructions, over calls, out of functions, and backwards."""

from typing import TYPE_CHECKING

from pocketvisor.control.debug_messages import Go
from pocketvisor.debug.call_stack import call_stack
from pocketvisor.errors import DebugError
from pocketvisor_workbench.debug.register_words import is_thumb
from pocketvisor_workbench.debug.stepping import call_size

if TYPE_CHECKING:
    from pocketvisor.debug.debugger import Debugger
    from pocketvisor.debug.stop_info import StopInfo
    from pocketvisor_workbench.debug.inspector import Inspector

_ORIGIN = "step"
STEPS = "to the next instruction"
_MODE = 0x1F
_INTERRUPT_MODES = (0x11, 0x12)
_INTERRUPTS = 8
"""So many in a row, and one sees their handler after all."""


class Motion:
    """What the debugging commands do; each is started here and shown when it fails."""

    def __init__(self, inspector: "Inspector") -> None:
        self._inspector = inspector

    def resume(self) -> None:
        debugger = self._inspector.debugger
        if debugger is not None:
            self._inspector.do("Continue", debugger.resume)

    def pause(self) -> None:
        debugger = self._inspector.debugger
        if debugger is not None:
            self._inspector.do("Pause", debugger.pause)

    def step(self) -> None:
        debugger = self._inspector.debugger
        if debugger is not None:
            self._inspector.do("Step", debugger.step, running=STEPS)

    def step_over(self) -> None:
        debugger = self._inspector.debugger
        if debugger is not None:
            self._inspector.do("Step over in", lambda: step_over(debugger), running=STEPS)

    def step_out(self) -> None:
        debugger = self._inspector.debugger
        if debugger is not None:
            self._inspector.do("Step out in", lambda: step_out(debugger), running="to the function's end")

    def run_to(self, address: int) -> None:
        debugger = self._inspector.debugger
        if debugger is not None:
            self._inspector.do("Run", lambda: _run_to(debugger, address), running=f"to {address:#010x}")

    def reverse_step(self) -> None:
        debugger = self._inspector.debugger
        if debugger is not None:
            self._inspector.do("Step back in", debugger.reverse_step, busy="Stepping back")

    def reverse_resume(self) -> None:
        debugger = self._inspector.debugger
        if debugger is not None:
            self._inspector.do("Go back in", debugger.reverse_resume, busy="Going back")

    def last_write(self, address: int, size: int, *, physical: bool = False) -> None:
        debugger = self._inspector.debugger
        if debugger is not None:
            self._inspector.do(
                "Find the last write in",
                lambda: debugger.last_write(address, size, physical=physical),
                busy="Looking for the last write",
            )


async def _run_to(debugger: "Debugger", address: int) -> None:
    """From a guest that runs, too."""
    await debugger.pause()
    await debugger.run_to(address)


async def step_over(debugger: "Debugger") -> None:
    """One instruction of the code that one looks at: a function that it calls, and an interrupt that comes
    just then, run to their ends."""
    before = await debugger.registers()
    pc, sp, mode = before["pc"], before["sp"], before["cpsr"] & _MODE
    thumb = is_thumb(before)
    size = call_size(await debugger.read(pc, 4), thumb=thumb)
    if size is not None:
        await _run_until(debugger, pc + size, size, f"$sp >= {sp:#x}")
        return
    for _ in range(_INTERRUPTS):
        stop = await debugger.step()
        after = await debugger.registers()
        interrupted = after["cpsr"] & _MODE in _INTERRUPT_MODES and mode not in _INTERRUPT_MODES
        if stop.reason != "step" or not interrupted:
            return
        back = f"$sp == {sp:#x} && ($cpsr & {_MODE:#x}) == {mode:#x}"
        stop = await _run_until(debugger, pc, 2 if thumb else 4, back)
        if stop.pc != pc:
            return  # at a breakpoint in the interrupt's handler


async def step_out(debugger: "Debugger") -> None:
    """Until the function that it stands in has returned. Raises DebugError where nobody knows to where."""
    registers = await debugger.registers()
    frames = await call_stack(debugger, registers, debugger.symbols, 2)
    if len(frames) < 2:
        raise DebugError("Nothing is known of who called this function")
    here, caller = frames
    mode = debugger.symbols.mode(caller.pc) or ("thumb" if is_thumb(registers) else "arm")
    # One that has saved nothing yet has its caller's stack pointer.
    await _run_until(debugger, caller.pc, 2 if mode == "thumb" else 4, f"$sp >= {max(here.sp, caller.sp):#x}")


async def _run_until(debugger: "Debugger", address: int, size: int, condition: str) -> "StopInfo":
    debugger.stops.add("execute", address, size, condition=condition, temporary=True, origin=_ORIGIN)
    try:
        return await debugger.go(Go())
    finally:
        debugger.stops.clear(_ORIGIN)
