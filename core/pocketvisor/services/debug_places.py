"""Addresses that somebody typed, and where a guest stands, in the words of the control protocol."""

from pocketvisor.control import debug_calls as calls
from pocketvisor.debug.debugger import Debugger
from pocketvisor.debug.disassembly import THUMB, CodeSymbols, disassemble
from pocketvisor.debug.expression import Expression, Moment
from pocketvisor.debug.stop_info import StopInfo
from pocketvisor.debug.symbols.table import SymbolTable
from pocketvisor.guest.guest import Guest


async def moment(debugger: Debugger) -> Moment:
    """For expressions: the guest as it is now."""
    return Moment(await debugger.registers(), debugger, debugger.symbols)


async def address_of(debugger: Debugger, text: str) -> int:
    """Raises DebugError."""
    expression = Expression(text)
    return await expression.address(await moment(debugger))


def symbol_table(debugger: Debugger) -> SymbolTable:
    """Empty where nobody has added symbols yet."""
    if not isinstance(debugger.symbols, SymbolTable):
        debugger.symbols = SymbolTable()
    return debugger.symbols


def symbols_of(debugger: Debugger) -> CodeSymbols:
    return symbol_table(debugger)


def label_of(debugger: Debugger, address: int) -> str:
    """name+0x10, or nothing."""
    return symbols_of(debugger).label(address)


def thumb_at(debugger: Debugger, address: int, cpsr: int) -> bool:
    """By mapping symbols, or else as the guest stands."""
    mode = symbols_of(debugger).mode(address)
    return mode == "thumb" if mode else bool(address & 1 or cpsr & THUMB)


def standing(guest: Guest, sentence: str = "") -> calls.Standing:
    debugger, counters = guest.debugger, guest.counters()
    return calls.Standing(
        guest=guest.name,
        state=guest.state.value,
        position=debugger.position,
        ticks=counters.ticks,
        clock_ns=counters.clock_ns,
        in_past=False,
        recording=False,
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
        for line in disassemble(data, info.pc, thumb=thumb, symbols=symbols_of(debugger), limit=1):
            code = line.text
    return calls.Halt(
        reason=info.reason,
        position=info.position,
        pc=info.pc,
        sentence=info.sentence,
        label=label_of(debugger, info.pc),
        code=code,
        stop=info.stop.id if info.stop is not None else 0,
        in_past=False,
    )
