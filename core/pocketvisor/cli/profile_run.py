"""A profile's guest runs in this terminal, without a window; other terminals reach it through its socket.

It ends when the guest does, with Ctrl+] (the terminal's keys are the guest's), with a signal, when the script
is through or the time is over. Whatever ends it, what is not saved is saved before it does, unless it was
told otherwise.
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args

import typer
from msgspec import Struct

from pocketvisor.cli.output import EXIT_ERROR, EXIT_TIMEOUT, fail, print_json
from pocketvisor.cli.progress import Tell, shown_progress
from pocketvisor.cli.terminal import ConsoleOut, TerminalKeys
from pocketvisor.cli.typist import Typist
from pocketvisor.control.server import WorkbenchServer, profile_socket_path
from pocketvisor.errors import ControlError, GuestError, PocketvisorError, Refused
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.keeping import GuestProfile
from pocketvisor.guest.options import GuestState
from pocketvisor.guest.script import Script, ScriptPlan
from pocketvisor.handset import Handset
from pocketvisor.models import HandsetModel
from pocketvisor.policies.act import Act
from pocketvisor.profile.keys import Unlock
from pocketvisor.services.workbench import WorkbenchService
from pocketvisor.vaults import VaultCopier, vault_addresses

T = TypeVar("T")
AtEnd = Literal["suspend", "off", "discard"]
AT_END: Final[tuple[AtEnd, ...]] = get_args(AtEnd)
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StartPlan(Struct, frozen=True, kw_only=True):
    path: Path
    model: HandsetModel
    unlock: Unlock | None = None
    generation: int | None = None
    accept_older: bool = False
    script: ScriptPlan | None = None
    timeout: float | None = None
    screenshot: Path | None = None
    autosave: float | None = None
    at_end: AtEnd = "suspend"
    json: bool = False


def run_profile(plan: StartPlan) -> int:
    """The exit code. Raises PocketvisorError."""
    return asyncio.run(_run(plan))


async def _run(plan: StartPlan) -> int:
    handset = Handset(plan.model)
    out = ConsoleOut(sys.stderr.buffer if plan.json else sys.stdout.buffer, [])
    quit_asked = asyncio.Event()
    out.on_lost = quit_asked.set
    typists: list[Typist] = []
    began = time.monotonic()

    def added(guest: Guest) -> None:
        script = Script(plan.script) if plan.script is not None else None
        typists.append(Typist(guest, script, lambda data: out.write(guest.name, data)))

    early = bytearray()
    guest: Guest | None = None

    def typed(keys: bytes) -> None:
        if guest is not None:
            with contextlib.suppress(Refused):  # a governed console: the terminal shows nothing either
                guest.console.write(keys)
        elif b"\x03" in keys:  # nobody is there yet who could want it
            quit_asked.set()
        else:
            early.extend(keys)

    try:
        with _quitting(quit_asked), contextlib.ExitStack() as keys:
            keys.enter_context(TerminalKeys(typed, quit_asked.set))
            if sys.stdin is not None and sys.stdin.isatty() and not plan.json:
                how = {"suspend": "suspends it", "off": "switches it off", "discard": "ends it"}[plan.at_end]
                print(f"{plan.path.stem} on {handset.name}: Ctrl+] {how}", end="\r\n", file=sys.stderr)
            guest = await _until_quit(
                handset.open_profile(
                    plan.path,
                    generation=plan.generation,
                    unlock=plan.unlock,
                    accept_older=plan.accept_older,
                    on_guest=added,
                ),
                quit_asked,
                lambda: not typists,  # from there on it may have run
            )
            if guest is None:
                return 130
            if plan.script is not None:
                guest.check(Act.CONSOLE)
            typists[0].goes_on()
            if early:
                typed(bytes(early))
            return await _Run(plan, handset, guest, typists[0], out, keys, quit_asked, began).to_its_end()
    finally:
        await handset.close()


class _Run:
    """From where the guest runs to where it is saved."""

    def __init__(
        self,
        plan: StartPlan,
        handset: Handset,
        guest: Guest,
        typist: Typist,
        out: ConsoleOut,
        keys: contextlib.ExitStack,
        quit_asked: asyncio.Event,
        began: float,
    ) -> None:
        self._plan = plan
        self._handset = handset
        self._guest = guest
        self._typist = typist
        self._out = out
        self._keys = keys
        self._quit_asked = quit_asked
        self._began = began
        self._off_ns = 0
        guest.on("state", self._note_state)
        assert guest.profile is not None
        self._profile: GuestProfile = guest.profile
        self._server = WorkbenchServer(
            WorkbenchService(lambda: [handset], dict), profile_socket_path(self._profile.file.id)
        )

    async def to_its_end(self) -> int:
        guest, plan = self._guest, self._plan
        copier = VaultCopier(guest, vault_addresses(), fail)
        try:
            await self._listen()
            if plan.autosave is not None:
                guest.set_autosave(plan.autosave)
            reason = await self._ended()
            self._keys.close()
            self._out.finish()
            problem: Exception | None = self._out.failure
            if plan.screenshot is not None:
                try:
                    _write(plan.screenshot, await guest.screenshot())
                except PocketvisorError as error:
                    problem = error  # told when it is saved: nothing is lost for want of a picture
            await self._server.settled()
            with shown_progress(f"Saving {plan.path.stem}", shown=not plan.json) as tell:
                await asyncio.shield(asyncio.ensure_future(self._save(tell)))
                tell("Copying to the vault", None)
                await _until_quit(copier.finish(), self._again())
        finally:
            await copier.close()
            await self._server.close()
        if problem is not None:
            raise problem
        return self._told(reason)

    async def _listen(self) -> None:
        try:
            await self._server.open()
        except ControlError as error:
            fail(f"Other terminals cannot reach this run: {error}")

    async def _ended(self) -> str:
        """Why it is over: "ended", "until", "quit" or "timeout"."""
        events = {
            "ended": asyncio.ensure_future(self._guest_ended()),
            "until": asyncio.ensure_future(self._typist.matched.wait()),
            "quit": asyncio.ensure_future(self._quit_asked.wait()),
        }
        try:
            done, _ = await asyncio.wait(
                events.values(), timeout=self._plan.timeout, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for event in events.values():
                event.cancel()
            self._typist.close()
        return next((name for name, event in events.items() if event in done), "timeout")

    async def _guest_ended(self) -> None:
        """A pause is no end, and neither is a restart or a restore that somebody asks for."""
        changed = asyncio.Event()
        forget = self._guest.on("state", changed.set)
        try:
            while True:
                changed.clear()
                if self._is_over():
                    await self._server.settled()
                    if self._is_over():
                        return
                await changed.wait()
        finally:
            forget()

    def _is_over(self) -> bool:
        return self._guest.state in (GuestState.OFF, GuestState.CRASHED, GuestState.STOPPED)

    async def _save(self, tell: Tell) -> None:
        """So that nothing is lost, unless that is what was asked for."""
        guest, at_end = self._guest, self._plan.at_end
        if guest.state in (GuestState.CRASHED, GuestState.STOPPED) or at_end == "discard":
            return
        if guest.state is GuestState.OFF:
            if not self._is_saved:
                await guest.snapshot(progress=tell)
        elif at_end == "off":
            await guest.power_off()
            await guest.snapshot(progress=tell)
        else:
            await guest.suspend(progress=tell)

    @property
    def _is_saved(self) -> bool:
        """Of one that is off: whether what it was then is in its profile."""
        reason = self._guest.stop_reason
        return (reason is not None and reason.kind == "suspended") or self._profile.saved_ns >= self._off_ns

    def _note_state(self) -> None:
        if self._guest.state is GuestState.OFF:
            self._off_ns = time.time_ns()

    def _again(self) -> asyncio.Event:
        """Asked to quit once more: it does not wait for the vault then."""
        self._quit_asked.clear()
        return self._quit_asked

    def _told(self, reason: str) -> int:
        guest, plan, profile = self._guest, self._plan, self._profile
        code = EXIT_TIMEOUT if reason == "timeout" else 0
        if reason == "timeout":
            script = self._typist.script
            missing = f": {guest.name} did not show {script.waits_for}" if script and script.waits_for else ""
            fail(f"Out of time after {plan.timeout:g} s{missing}")
        if guest.state is GuestState.CRASHED:
            fail(f"{guest.problem or guest.name + ' crashed'}; {_last(profile)}")
            code = EXIT_ERROR
        if reason == "ended" and plan.script is not None and plan.script.until is not None and not code:
            fail(f"{guest.name} stopped before '{plan.script.until}' appeared")
            code = EXIT_ERROR
        if plan.json:
            print_json(
                {
                    "profile": plan.path.stem,
                    "path": str(plan.path),
                    "handset": plan.model.id,
                    "reason": reason,
                    "exit": code,
                    "generation": profile.generation,
                    "seconds": round(time.monotonic() - self._began, 3),
                }
            )
        elif guest.state is not GuestState.CRASHED:
            saved = f"generation {profile.generation}"
            how = "was not saved any more" if plan.at_end == "discard" else "is saved"
            typer.echo(f"{plan.path.stem} {how}: {saved}", err=True)
        return code


def _last(profile: GuestProfile) -> str:
    seconds = max(time.time() - profile.saved_ns / 1e9, 0.0)
    return f"it was saved last {seconds:.0f} s before, as generation {profile.generation}"


@contextlib.contextmanager
def _quitting(asked: asyncio.Event) -> Iterator[None]:
    """A signal asks as Ctrl+] does."""
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, asked.set)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def _until_quit(
    work: Coroutine[Any, Any, T], quit_asked: asyncio.Event, may_stop: Callable[[], bool] = lambda: True
) -> T | None:
    """What it answers, or None where it was given up for the user's wish; what may not stop is waited for."""
    task, quitting = asyncio.ensure_future(work), asyncio.ensure_future(quit_asked.wait())
    try:
        await asyncio.wait([task, quitting], return_when=asyncio.FIRST_COMPLETED)
        if task.done() or not may_stop():
            return await task
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return None
    finally:
        quitting.cancel()


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise GuestError(f"{path}: cannot be written: {error.strerror}") from error
