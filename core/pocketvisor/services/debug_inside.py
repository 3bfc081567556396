"""Of `pocketvisor debug`: the parts of a guest that have a structure of their own."""

from pathlib import Path

from pocketvisor.control import debug_calls as calls
from pocketvisor.debug.board_state import BoardState, read_board_state
from pocketvisor.guest.guest import Guest
from pocketvisor.services.debug_places import symbol_table


async def board(guest: Guest, request: calls.AskBoard) -> BoardState:
    return await read_board_state(guest.debugger)


async def add_symbols(guest: Guest, request: calls.AddSymbols) -> list[calls.SymbolLayer]:
    debugger = guest.debugger
    await symbol_table(debugger).open(Path(request.path), debugger, bias=request.bias)
    return await layers(guest, calls.AskLayers(guest=request.guest))


async def symbols(guest: Guest, request: calls.AskSymbols) -> list[calls.Symbol]:
    return [
        calls.Symbol(symbol.name, symbol.address, symbol.size, symbol.kind)
        for symbol in symbol_table(guest.debugger).search(request.prefix, request.limit)
    ]


async def layers(guest: Guest, request: calls.AskLayers) -> list[calls.SymbolLayer]:
    return [
        calls.SymbolLayer(file.name, file.start, file.end, len(file.names), " ".join(file.problems))
        for file in symbol_table(guest.debugger).layers
    ]
