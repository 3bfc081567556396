"""Addresses that somebody typed, and where a guest stands, in the words of the control protocol."""

from contextlib import suppress

from pocketvisor.control import debug_calls as calls
from pocketvisor.debug.debugger import Debugger
from pocketvisor.debug.disassembly import THUMB, disassemble
from pocketvisor.debug.expression import Expression, Moment
from pocketvisor.debug.stop_info import StopInfo
from pocketvisor.errors import DebugError
from pocketvisor.guest.guest import Guest


async def moment(debugger: Debugger) -> Moment:
    """For expressions: the guest as it is now."""
    return Moment(await debugger.registers(), debugger, debugger.symbols)


async def address_of(debugger: Debugger, text: str) -> int:
    """Raises DebugError."""
    expression = Expression(text)
    return await expression.address(await moment(debugger))


def label_of(debugger: Debugger, address: int) -> str:
    """name+0x10, or nothing."""
    return debugger.symbols.label(address)


def thumb_at(debugger: Debugger, address: int, cpsr: int) -> bool:
    """By mapping symbols, or else as the guest stands."""
    mode = debugger.symbols.mode(address)
    return mode == "thumb" if mode else bool(address & 1 or cpsr & THUMB)


async def standing(guest: Guest, sentence: str = "") -> calls.Standing:
    """Of a guest that is off too."""
    debugger = guest.debugger
    head = debugger.target.status.head()
    position, ticks, clock_ns = None, head.ticks, head.clock_ns
    with suppress(DebugError):
        sample = await debugger.sample(registers=False)
        ticks, clock_ns = sample.ticks, sample.clock_ns
        position = sample.position if debugger.standing else None
    return calls.Standing(
        guest=guest.name,
        state=debugger.target.state.value,
        position=position,
        ticks=ticks,
        clock_ns=clock_ns,
        in_past=debugger.in_past,
        recording=debugger.timeline.recording,
        gdb=debugger.gdb.address if debugger.gdb is not None else "",
        sentence=sentence,
    )


async def halt(guest: Guest, info: StopInfo) -> calls.Halt:
    """With the instruction that it stands at."""
    debugger = guest.debugger
    code = ""
    if debugger.standing:
        registers = await debugger.registers()
        data = await debugger.read(info.pc, 4)
        thumb = bool(registers.get("cpsr", 0) & THUMB)
        for line in disassemble(data, info.pc, thumb=thumb, symbols=debugger.symbols, limit=1):
            code = line.text
    return calls.Halt(
        reason=info.reason,
        position=info.position,
        pc=info.pc,
        sentence=info.sentence,
        label=label_of(debugger, info.pc),
        code=code,
        stop=info.stop.id if info.stop is not None else 0,
        in_past=debugger.in_past,
    )
