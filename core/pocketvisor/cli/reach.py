"""Finding who runs a profile, the open workbench or a run in another terminal, and asking it."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import typer

from pocketvisor.cli.output import EXIT_ERROR, fail
from pocketvisor.cli.progress import shown_progress
from pocketvisor.control.migration_calls import MigrationRequest
from pocketvisor.control.policy_calls import PolicyRequest
from pocketvisor.control.profile_calls import AskProfile, ProfileAbsent, ProfileRequest, ProfileShown
from pocketvisor.control.server import NobodyListens, call, profile_socket_path, socket_path
from pocketvisor.control.workbench import Reply
from pocketvisor.errors import ProfileError
from pocketvisor.profiles import profile_info

T = TypeVar("T")


def running(path: Path) -> ProfileShown | None:
    """How the guest of a profile is that runs anywhere; None where none does."""
    reply = ask_holder(path, AskProfile(profile=str(path)))
    return reply if isinstance(reply, ProfileShown) else None


def ask_holder(
    path: Path,
    request: ProfileRequest | MigrationRequest | PolicyRequest,
    title: str = "",
    *,
    shown: bool = True,
) -> Reply | None:
    """The answer of whoever runs this profile; None where nobody does. Ctrl+C cancels what was asked for.

    Raises ControlError."""
    with shown_progress(title, shown=shown and bool(title)) as tell:
        for socket in _sockets(path):
            try:
                reply = interruptible(call(request, socket, progress=tell))
            except NobodyListens:
                continue
            if not isinstance(reply, ProfileAbsent):
                return reply
    return None


def ask_workbench(request: ProfileRequest, title: str, expected: type[T], *, shown: bool = True) -> T:
    """The open workbench's answer. Raises ControlError."""
    with shown_progress(title, shown=shown) as tell:
        reply = interruptible(call(request, progress=tell))
    if not isinstance(reply, expected):
        raise strange()
    return reply


def strange() -> typer.Exit:
    fail("The answer makes no sense: it may be of another version of Pocketvisor")
    return typer.Exit(EXIT_ERROR)


def interruptible(work: Coroutine[Any, Any, T]) -> T:
    """asyncio.run(), cancelled by Ctrl+C and by a closed terminal. Raises KeyboardInterrupt then."""

    async def main() -> T:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(work)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        return await task

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _sockets(path: Path) -> list[Path]:
    """Where a guest of this profile may be reached, the likelier first."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return []  # a name that no message can have in it
    try:
        own = [profile_socket_path(profile_info(path).id)]
    except ProfileError:
        own = []  # a damaged file that something runs all the same
    return [socket for socket in (*own, socket_path()) if os.path.lexists(socket)]
