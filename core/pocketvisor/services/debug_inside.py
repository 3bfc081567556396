"""Of `pocketvisor debug`: the parts of a guest that have a structure of their own."""

from pathlib import Path

from pocketvisor.control import debug_calls as calls
from pocketvisor.debug.board_state import BoardState, read_board_state
from pocketvisor.debug.call_stack import call_stack
from pocketvisor.debug.memory_search import mapped_spans, ram_spans, search
from pocketvisor.errors import DebugError
from pocketvisor.guest.guest import Guest
from pocketvisor.services.debug_places import address_of, label_of


async def board(guest: Guest, request: calls.AskBoard) -> BoardState:
    return await read_board_state(guest.debugger)


async def add_symbols(guest: Guest, request: calls.AddSymbols) -> list[calls.SymbolLayer]:
    debugger = guest.debugger
    path = Path(request.path) if request.path else guest.image.elf
    if path is None:
        await debugger.linux.find()
        await debugger.linux.modules()
        return await layers(guest, calls.AskLayers(guest=request.guest))
    await debugger.symbols.open(path, debugger, bias=request.bias)
    return await layers(guest, calls.AskLayers(guest=request.guest))


async def symbols(guest: Guest, request: calls.AskSymbols) -> list[calls.Symbol]:
    return [
        calls.Symbol(symbol.name, symbol.address, symbol.size, symbol.kind)
        for symbol in guest.debugger.symbols.search(request.prefix, request.limit)
    ]


async def statics(guest: Guest, request: calls.AskStatics) -> list[calls.Static]:
    """Of a file as large as a kernel's, where looking for one takes a moment, the value is that of a variable
    that was named in full."""
    found = [each for each in await guest.debugger.symbols.statics() if each.name.startswith(request.prefix)]
    return [
        calls.Static(
            name=each.name,
            address=each.address,
            size=each.size,
            type=each.type,
            value=await _value(guest, each.name) if each.type or each.name == request.prefix else "",
            file=each.file,
            line=each.line,
        )
        for each in found[: request.limit]
    ]


async def _value(guest: Guest, name: str) -> str:
    try:
        return await guest.debugger.symbols.value(name, guest.debugger)
    except DebugError:
        return ""


async def layers(guest: Guest, request: calls.AskLayers) -> list[calls.SymbolLayer]:
    return [
        calls.SymbolLayer(file.name, file.start, file.end, len(file.names), " ".join(file.problems))
        for file in guest.debugger.symbols.layers
    ]


async def linux(
    guest: Guest, request: calls.AskLinux
) -> list[calls.LinuxTask] | list[calls.LinuxModule] | list[calls.LogLine]:
    debugger, view = guest.debugger, guest.debugger.linux
    match request.what:
        case "log":
            return [calls.LogLine(line.ns / 1e9, line.text) for line in await view.log(calls.ROWS_MAX)]
        case "modules":
            return [calls.LinuxModule(each.name, each.base, each.size) for each in await view.modules()]
    current = await view.current(await debugger.registers())
    return [
        calls.LinuxTask(
            pid=task.pid,
            parent=task.parent,
            state=task.state,
            name=task.name,
            address=task.address,
            current=current is not None and current.address == task.address,
        )
        for task in await view.tasks()
    ]


async def set_gdb(guest: Guest, request: calls.SetGdb) -> calls.GdbShown:
    debugger = guest.debugger
    if not request.open:
        await debugger.close_gdb()
        return calls.GdbShown("", "")
    server = await debugger.open_gdb(request.address or None, request.token or None)
    return calls.GdbShown(server.address, server.command)


async def stack(guest: Guest, request: calls.AskStack) -> list[calls.StackFrame]:
    debugger = guest.debugger
    if request.pid is None:
        registers = await debugger.registers()
        frames = await call_stack(debugger, registers, debugger.symbols, request.limit)
    else:
        frames = await debugger.linux.stack(request.pid, request.limit)
    return [
        calls.StackFrame(
            pc=frame.pc,
            sp=frame.sp,
            label=str(frame.place) if frame.place is not None else "",
            file=frame.line.file if frame.line is not None else "",
            line=frame.line.line if frame.line is not None else 0,
            how=frame.how,
        )
        for frame in frames
    ]


async def find(guest: Guest, request: calls.Find) -> list[calls.Found]:
    debugger = guest.debugger
    if request.address:
        spans = [(await address_of(debugger, request.address), request.size)]
    elif request.physical:
        spans = ram_spans(guest.ram_mib)
    else:
        spans = await mapped_spans(await debugger.registers(), debugger, guest.ram_mib)
    found = await search(debugger, request.data, spans, physical=request.physical, limit=request.limit)
    named = not request.physical
    return [calls.Found(address, label_of(debugger, address) if named else "") for address in found]


async def variables(guest: Guest, request: calls.AskVariables) -> list[calls.Variable]:
    table = guest.debugger.symbols
    value = await table.value(request.name, guest.debugger) if request.name else ""
    found = [
        calls.Variable(each.name, each.address, each.size, each.type, each.file, each.line, value)
        for each in await table.statics()
        if request.name in ("", each.name)
    ]
    return found[: request.limit]
