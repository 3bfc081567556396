"""A running guest changes its process: another takes over its memory, wires and state, and the first ends.

Both have the same descriptors: RAM is not copied, and what others send to the guest meanwhile waits in its
wires. There is never a moment in which both run: the first stands still before it tells its state, and if the
second does not begin it is killed before the first goes on.
"""

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from pocketvisor.control.messages import STATE_MAX, GoOn, Saved
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
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        board = boot.on_another(model, status)
        recorded = guest.options.record or run.log_taker is not None
        options = structs.replace(guest.options, record=recorded)
        other = await GuestRun.wait(guest, boot, options, board, state, theirs.fileno())
        other.keeps_log = run.keeps_log
        other.log, other.log_complete = run.log, run.log_complete
        other.log_taker, other.captured_taker = run.log_taker, run.captured_taker
        guest.hold_messages()
        try:
            saved, began_ns = await _switch(run, other, [state, ours.fileno()])
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
        ours.close()
        theirs.close()
    guest.use_run(other)
    guest.release_messages()
    memory.use_status(status)
    boot.model, boot.board = model, board
    await run.end()
    return Transit(pid_before, other.pid, began_ns - saved.at_ns, saved.size, saved.dirty, saved.flash)


async def _switch(run: GuestRun, other: GuestRun, fds: list[int]) -> tuple[Saved, int]:
    """From here on it is too late to give up: whichever begins has the guest."""
    switching = asyncio.ensure_future(run.pass_on(other, fds))
    try:
        return await asyncio.shield(switching)
    except asyncio.CancelledError:
        result = await switching
        current = asyncio.current_task()
        if current is not None:
            current.uncancel()
        return result


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
