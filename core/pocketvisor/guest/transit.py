"""A running guest changes its process: another takes over its memory, wires and state, and the first ends.

Both have the same descriptors: RAM is not copied, and what others send to the guest meanwhile waits in its
wires. There is never a moment in which both run: the first stands still before it tells its state, and if the
second does not begin it is killed before the first goes on.
"""

import asyncio
import os
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from pocketvisor.control.messages import STATE_MAX, GoOn, HandOver, Saved, TakeOver
from pocketvisor.control.status import StatusPage
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


async def change_process(guest: "Guest", run: GuestRun, model: HandsetModel) -> Transit:
    """Another run of the same boot, at that model's rate, is the guest's. Raises GuestError; it runs on then.

    Cancelled before the switch, it changes nothing; from there on it is through in some milliseconds."""
    boot, memory = run.boot, guest.memory
    pid_before = run.pid
    state = create_memfd("state", STATE_MAX)
    status = memory.new_status()
    try:
        board = boot.on_another(model, status)
        other = await GuestRun.wait(guest, boot, guest.options, board, state)
        other.log, other.log_complete = run.log, run.log_complete
        guest.hold_messages()
        try:
            saved, began_ns = await _switch(run, other, state)
        except BaseException:
            await other.end()
            guest.release_messages()
            if _has_run(status, saved_ticks=run.saved_ticks):
                guest.end_crashed(f"{guest.name} ended: its new process began and did not say so")
            else:
                run.send(GoOn())
            raise
    except BaseException:
        os.close(status)
        raise
    finally:
        os.close(state)
    guest.use_run(other)
    guest.release_messages()
    memory.use_status(status)
    boot.model, boot.board = model, board
    await run.end()
    return Transit(pid_before, other.pid, began_ns - saved.at_ns, saved.size, saved.dirty, saved.flash)


async def _switch(run: GuestRun, other: GuestRun, state: int) -> tuple[Saved, int]:
    saved: Saved = await run.save(HandOver(), [state])
    run.saved_ticks = saved.ticks
    message = TakeOver(saved.size, not saved.ran, saved.until_tick)
    taking = asyncio.ensure_future(other.take_over(message))
    try:
        return saved, await asyncio.shield(taking)
    except asyncio.CancelledError:
        began_ns = await taking  # too late: whichever begins has the guest
        current = asyncio.current_task()
        if current is not None:
            current.uncancel()
        return saved, began_ns


def _has_run(status: int, saved_ticks: int | None) -> bool:
    """Whether a process that is gone has taken the guest further than it was saved."""
    page = StatusPage(status)
    ticks = page.head().ticks
    page.close()
    return saved_ticks is not None and ticks > saved_ticks


def check_movable(guest: "Guest") -> None:
    """Raises GuestError with the reason."""
    options: Any = guest.options
    if options.replay is not None:
        raise GuestError(f"{guest.name} is replayed: it does what was recorded, where that was recorded")
    if options.script is not None:
        raise GuestError(f"{guest.name} follows a script at exact ticks, which does not move with it")
