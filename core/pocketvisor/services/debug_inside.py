"""Of `pocketvisor debug`: the parts of a guest that have a structure of their own."""

from pocketvisor.control import debug_calls as calls
from pocketvisor.debug.board_state import BoardState, read_board_state
from pocketvisor.guest.guest import Guest


async def board(guest: Guest, request: calls.AskBoard) -> BoardState:
    return await read_board_state(guest.debugger)
