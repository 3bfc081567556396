"""A handset that waits for phones, in this terminal: who may come, what comes, and that nothing is lost when
it ends."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import typer
from msgspec import Struct

from pocketvisor.cli.output import fail
from pocketvisor.cli.terminal import ConsoleOut, TerminalKeys
from pocketvisor.control.server import WorkbenchServer, profile_socket_path
from pocketvisor.errors import ControlError, PocketvisorError, Refused
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState
from pocketvisor.handset import Handset
from pocketvisor.migration.arriving import Receiving
from pocketvisor.migration.pairing import PairingCode
from pocketvisor.migration.reception import Reception, Waiting
from pocketvisor.models import HandsetModel
from pocketvisor.services.workbench import WorkbenchService

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PROGRESS_BYTES: Final = 8 << 20


class ReceivePlan(Struct, frozen=True, kw_only=True):
    model: HandsetModel
    host: str
    port: int
    pair: bool = True
    json: bool = False


def run_receive(plan: ReceivePlan) -> int:
    """The exit code. Raises PocketvisorError."""
    return asyncio.run(_Waiting(plan).run())


class _Waiting:
    def __init__(self, plan: ReceivePlan) -> None:
        self._plan = plan
        self._handset = Handset(plan.model)
        self._quit = asyncio.Event()
        stream = sys.stderr.buffer if plan.json else sys.stdout.buffer
        self._out = ConsoleOut(stream, [])
        self._servers: dict[str, WorkbenchServer] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._told_bytes = 0

    async def run(self) -> int:
        plan, handset = self._plan, self._handset
        reception = Reception(handset, arrived=self._arrived, told=self._say, progress=self._progress)
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._quit.set)
        handset.on("guest-removed", self._removed)
        try:
            waiting = await reception.open(plan.host, plan.port)
            self._tell_where(waiting, reception.show_code() if plan.pair else None)
            with TerminalKeys(self._keys, self._quit.set):
                await self._quit.wait()
        finally:
            await reception.close()
            self._out.finish()
            await self._save_all()
            await handset.close()
            for server in self._servers.values():
                await server.close()
        return 0

    def _tell_where(self, waiting: Waiting, code: PairingCode | None) -> None:
        self._event(
            {
                "event": "waiting",
                "address": waiting.address,
                "name": waiting.name,
                "fingerprint": waiting.fingerprint,
                "code": code.code if code is not None else "",
            },
            f"{waiting.name} ({waiting.fingerprint}) waits for phones at {waiting.address}",
        )
        if code is not None and not self._plan.json:
            typer.echo(f"A machine that is not trusted yet pairs with the code {code.shown}", err=True)

    # What comes

    def _arrived(self, guest: Guest | None, path: Path) -> None:
        event: dict[str, Any] = {"event": "arrived", "path": str(path), "name": path.stem, "runs": False}
        if guest is None:
            self._event(event, f"{path.stem} is here, and off: {path}")
            return
        runs = guest.state is GuestState.RUNNING
        event |= {"name": guest.name, "runs": runs, "pid": guest.pid}
        self._event(event, f"{guest.name} is here and {'runs' if runs else 'is paused'}: {path}")
        guest.console.subscribe(lambda data: self._out.write(guest.name, data))
        self._handset.set_foreground(guest)
        task = asyncio.create_task(self._listen(guest))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _listen(self, guest: Guest) -> None:
        """Other terminals reach it by its profile."""
        assert guest.profile is not None
        service = WorkbenchService(lambda: [self._handset], dict)
        server = WorkbenchServer(service, profile_socket_path(guest.profile.file.id))
        try:
            await server.open()
            self._servers[guest.id] = server
        except ControlError as error:
            fail(f"Other terminals cannot reach {guest.name}: {error}")

    def _removed(self, guest: Guest) -> None:
        """It has moved on, or never came to be this machine's."""
        server = self._servers.pop(guest.id, None)
        if server is not None:
            task = asyncio.create_task(server.close())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    def _progress(self, each: Receiving) -> None:
        if each.bytes - self._told_bytes >= _PROGRESS_BYTES or each.bytes < self._told_bytes:
            self._told_bytes = each.bytes
            self._event(
                {"event": "progress", "name": each.name, "bytes": each.bytes, "round": each.round},
                f"{each.name} is on its way from {each.peer}: {each.bytes >> 20} MiB, round {each.round}",
            )

    def _keys(self, keys: bytes) -> None:
        if self._handset.foreground is not None:
            with contextlib.suppress(Refused):
                self._handset.foreground.console.write(keys)

    async def _save_all(self) -> None:
        """Phones of this machine's own; what is still another's stays as it came."""
        for guest in tuple(self._handset.guests):
            if guest.held or guest.profile is None:
                continue
            with contextlib.suppress(PocketvisorError):
                if guest.state in (GuestState.RUNNING, GuestState.PAUSED):
                    await guest.suspend()
                elif guest.state is GuestState.OFF:
                    await guest.snapshot()
                self._event(
                    {"event": "saved", "name": guest.name, "generation": guest.profile.generation},
                    f"{guest.name} is saved: generation {guest.profile.generation}",
                )
                continue
            fail(f"{guest.name} could not be saved: {guest.profile.problem or guest.problem}")

    def _say(self, sentence: str) -> None:
        self._event({"event": "message", "sentence": sentence}, sentence)

    def _event(self, event: dict[str, Any], sentence: str) -> None:
        with contextlib.suppress(OSError):  # nobody is there any more, and phones are to be saved
            if self._plan.json:
                sys.stdout.buffer.write(msgspec.json.encode(event) + b"\n")
                sys.stdout.buffer.flush()
            else:
                typer.echo(f"\r{sentence}" if sys.stderr.isatty() else sentence, err=True)
