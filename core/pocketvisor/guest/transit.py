"""A running guest changes its process: another takes over its memory, wires and state, and the first ends.

Both have the same descriptors: RAM is not copied, and what others send to the guest meanwhile waits in its
wires. There is never a moment in which both run: the first stands still before it tells its state, and if the
second does not begin it is killed before the first goes on.
"""

import os
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from pocketvisor.control.messages import STATE_MAX, GoOn, HandOver, Saved, TakeOver
from pocketvisor.errors import GuestError
from pocketvisor.guest.memory import create_memfd
from pocketvisor.guest.run import GuestRun
from pocketvisor.models import HandsetModel

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest


class Transit(Struct, frozen=True):
    """How it went. `downtime_ns`: from where the vCPU stood still to where it began again."""

    pid_before: int
    pid_after: int
    downtime_ns: int
    state_bytes: int
    dirty: bytes
    flash_written: bool


async def change_process(guest: "Guest", run: GuestRun, model: HandsetModel) -> tuple[GuestRun, Transit]:
    """Another run of the same boot, at that model's rate. Raises GuestError; the guest runs on then.

    Cancelled before the switch, it changes nothing; from there on it is through in some milliseconds."""
    boot, memory = run.boot, guest.memory
    pid_before = run.pid
    state = create_memfd("state", STATE_MAX)
    status = memory.new_status()
    try:
        board = boot.on_another(model, status)
        other = await GuestRun.wait(guest, boot, guest.options, board, state)
        try:
            saved, began_ns = await _switch(guest, run, other, state)
        except BaseException:
            await other.end()
            run.send(GoOn())
            raise
    except BaseException:
        os.close(status)
        raise
    finally:
        os.close(state)
    memory.use_status(status)
    boot.board = board
    other.log, other.log_complete = run.log, run.log_complete
    await run.end()
    return other, Transit(pid_before, other.pid, began_ns - saved.at_ns, saved.size, saved.dirty, saved.flash)


async def _switch(guest: "Guest", run: GuestRun, other: GuestRun, state: int) -> tuple[Saved, int]:
    guest.hold_messages()
    try:
        saved: Saved = await run.save(HandOver(), [state])
        began_ns = await other.take_over(TakeOver(saved.size, not saved.ran, saved.until_tick))
    except BaseException:
        guest.release_messages(run)
        raise
    guest.release_messages(other)
    return saved, began_ns


def check_movable(guest: "Guest") -> None:
    """Raises GuestError with the reason."""
    options: Any = guest.options
    if options.replay is not None:
        raise GuestError(f"{guest.name} is replayed: it does what was recorded, where that was recorded")
    if options.script is not None:
        raise GuestError(f"{guest.name} follows a script at exact ticks, which does not move with it")
