"""What an open workbench, or a run in a terminal, does when asked about a guest's inside."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from pocketvisor.control import debug_calls as calls
from pocketvisor.control.channel import MESSAGE_MAX
from pocketvisor.control.debug_calls import DebugAnswer, DebugRequest, DebugShown, GuestAbsent
from pocketvisor.debug.debugger import Debugger
from pocketvisor.debug.disassembly import Line, disassemble_at
from pocketvisor.debug.expression import Expression, Moment
from pocketvisor.debug.page_tables import PageTables
from pocketvisor.errors import ControlError, DebugError
from pocketvisor.guest.guest import Guest
from pocketvisor.services import debug_inside, debug_motion, debug_trace
from pocketvisor.services.debug_places import address_of, label_of, moment, thumb_at
from pocketvisor.services.desk import Desk, guest_of_profile

_ANSWER_MAX: Final = MESSAGE_MAX - 4096

Answerer = Callable[[Guest, Any], Awaitable[Any]]


async def answer_at(desk: Desk, request: DebugRequest) -> DebugAnswer:
    """As answer(), of a guest that is looked for: by its own name, or by its profile's."""
    if request.guest.endswith(".vphone"):
        found = guest_of_profile(desk, Path(request.guest))
        if found is None:
            return GuestAbsent(f"{request.guest} does not run here")
        return await answer(found, request)
    try:
        guest = desk.guest(request.guest, request.handset)
    except ControlError as error:
        named = [
            guest
            for handset in desk.handsets()
            for guest in handset.guests
            if guest.profile is not None and guest.profile.path.stem == request.guest
        ]
        if len(named) != 1:
            return GuestAbsent(str(error))
        guest = named[0]
    return await answer(guest, request)


async def answer(guest: Guest, request: DebugRequest) -> DebugShown:
    """Does it, and says what came of it. Raises DebugError. Cancelled, a guest that runs is paused."""
    answerer = ANSWERS.get(type(request))
    if answerer is None:
        raise DebugError(f"{type(request).__name__} is not known here")
    value = msgspec.to_builtins(await answerer(guest, request), builtin_types=(bytes,))
    if len(msgspec.msgpack.encode(value)) > _ANSWER_MAX:
        raise DebugError("There is too much of it for one answer: ask for less, or for a file")
    return DebugShown(value)


async def _registers(guest: Guest, request: calls.AskRegisters) -> dict[str, int]:
    return await guest.debugger.registers()


async def _evaluate(guest: Guest, request: calls.Evaluate) -> calls.Value:
    debugger = guest.debugger
    value = await Expression(request.text).value(await moment(debugger))
    return calls.Value(value, label_of(debugger, value) if 0 <= value <= 0xFFFF_FFFF else "")


async def _read(guest: Guest, request: calls.ReadMemory) -> calls.Memory:
    debugger = guest.debugger
    where = await address_of(debugger, request.address)
    data = await debugger.read(where, request.size, physical=request.physical)
    if not data:
        kind = "physical address" if request.physical else "address"
        raise DebugError(f"{guest.name} has nothing mapped at {kind} {where:#010x}")
    return calls.Memory(where, request.physical, data)


async def _write(guest: Guest, request: calls.WriteMemory) -> calls.Memory:
    debugger = guest.debugger
    where = await address_of(debugger, request.address)
    await debugger.write(where, request.data, physical=request.physical)
    data = await debugger.read(where, len(request.data), physical=request.physical)
    return calls.Memory(where, request.physical, data)


async def _set_register(guest: Guest, request: calls.SetRegister) -> calls.Value:
    debugger = guest.debugger
    name = request.name.removeprefix("$").lower()
    value = await Expression(request.value).value(await moment(debugger))
    await debugger.set_register(name, value & 0xFFFF_FFFF if not name.startswith("d") else value)
    return calls.Value((await debugger.registers()).get(name, value))


async def _disassemble(guest: Guest, request: calls.Disassemble) -> list[calls.CodeLine]:
    debugger = guest.debugger
    registers = await debugger.registers()
    where = await Expression(request.address).address(Moment(registers, debugger, debugger.symbols))
    thumb = request.thumb
    if thumb is None:
        thumb = thumb_at(debugger, where, registers.get("cpsr", 0))
    await debugger.symbols.prepare([where])
    lines = await disassemble_at(
        debugger, where, request.count, thumb=thumb, before=request.before, symbols=debugger.symbols
    )
    if not lines:
        raise DebugError(f"{guest.name} has nothing mapped at address {where:#010x}")
    return [_code_line(debugger, line, registers.get("pc", 0)) for line in lines]


def _code_line(debugger: Debugger, line: Line, pc: int) -> calls.CodeLine:
    file, number = line.source or ("", 0)
    return calls.CodeLine(
        address=line.address,
        raw=line.raw,
        text=line.text,
        label=line.label,
        here=line.address == pc,
        stop=bool(debugger.stops.at(line.address)),
        file=file,
        line=number,
    )


async def _pages(guest: Guest, request: calls.AskPages) -> calls.PageWalk | list[calls.PageRange]:
    debugger = guest.debugger
    registers = await debugger.registers()
    tables = PageTables(registers, debugger)
    if not request.address:
        return [
            calls.PageRange(
                address=each.address,
                physical=each.physical,
                size=each.size,
                page=each.page,
                privileged=each.rights.privileged,
                user=each.rights.user,
                memory=each.memory,
            )
            for each in await tables.ranges()
        ]
    where = await Expression(request.address).address(Moment(registers, debugger, debugger.symbols))
    walk = await tables.walk(where)
    return calls.PageWalk(
        address=walk.address,
        physical=walk.physical,
        size=walk.size,
        privileged=walk.rights.privileged,
        user=walk.rights.user,
        sentence=walk.sentence,
        domain=walk.domain,
        domain_access=walk.domain_access,
        memory=walk.memory,
        tables=tables.described(),
        steps=[
            calls.PageStep(step.level, step.address, step.descriptor, step.meaning) for step in walk.steps
        ],
    )


ANSWERS: dict[type, Answerer] = {
    calls.AskRegisters: _registers,
    calls.Evaluate: _evaluate,
    calls.ReadMemory: _read,
    calls.WriteMemory: _write,
    calls.SetRegister: _set_register,
    calls.Disassemble: _disassemble,
    calls.AskPages: _pages,
    calls.AskDebug: debug_motion.ask,
    calls.AskStops: debug_motion.stops,
    calls.AddStop: debug_motion.add_stop,
    calls.ChangeStop: debug_motion.change_stop,
    calls.RemoveStop: debug_motion.remove_stop,
    calls.Move: debug_motion.move,
    calls.Record: debug_motion.record,
    calls.AskLinux: debug_inside.linux,
    calls.SetGdb: debug_inside.set_gdb,
    calls.Find: debug_inside.find,
    calls.AskVariables: debug_inside.variables,
    calls.AskStack: debug_inside.stack,
    calls.SetTracing: debug_trace.set_tracing,
    calls.AskTrace: debug_trace.trace,
    calls.AskBoard: debug_inside.board,
    calls.AskSymbols: debug_inside.symbols,
    calls.AskStatics: debug_inside.statics,
    calls.AskLayers: debug_inside.layers,
    calls.AddSymbols: debug_inside.add_symbols,
}
