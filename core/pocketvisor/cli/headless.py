"""A run without a window: consoles on standard output, an end that can be waited for, an exit code."""

import asyncio
import contextlib
import sys
import time
from pathlib import Path
from typing import Any

from pocketvisor.cli.output import EXIT_ERROR, EXIT_TIMEOUT, fail, print_json
from pocketvisor.cli.plan import RunPlan
from pocketvisor.cli.terminal import ConsoleOut, TerminalKeys
from pocketvisor.cli.typist import Typist
from pocketvisor.control.server import WorkbenchServer, run_socket_path
from pocketvisor.errors import ControlError, GuestError, NetworkError, PocketvisorError, RecordingError
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState, StopReason
from pocketvisor.guest.script import Script
from pocketvisor.handset import Handset
from pocketvisor.recording import Recording, read_recording, write_recording
from pocketvisor.services.workbench import WorkbenchService

_FAILURES = ("crashed", "diverged", "killed")
_HELD = ("paused", "breakpoint", "watchpoint", "step", "position")
"""How a debugger stops a guest."""


def run_headless(plan: RunPlan) -> int:
    """The exit code. Errors that the user can know are raised as PocketvisorError."""
    recording = read_recording(plan.replay) if plan.replay is not None else None
    return asyncio.run(_run(plan, recording))


class _Runner:
    """One guest from its start to its end."""

    def __init__(self, plan: RunPlan, guest: Guest, out: ConsoleOut) -> None:
        self.guest = guest
        self.end: StopReason | None = None
        self._plan = plan
        script = None
        if plan.script is not None and guest.options.script is None and plan.replay is None:
            script = Script(plan.script)
        self._typist = Typist(guest, script, lambda data: out.write(guest.name, data))

    @property
    def script(self) -> Script | None:
        return self._typist.script

    async def wait(self) -> None:
        """Until the script is through or the guest stops by itself."""
        stopped = asyncio.ensure_future(self._stopped())
        matched = asyncio.ensure_future(self._typist.matched.wait())
        try:
            await asyncio.wait([stopped, matched], return_when=asyncio.FIRST_COMPLETED)
            if matched.done():
                await self.guest.pause()
                ticks = self.guest.stop_reason.ticks if self.guest.stop_reason else self.guest.ticks
                self.end = StopReason("until", ticks, (self.script and self.script.matched) or "")
            else:
                self.end = stopped.result()
        finally:
            for task in (stopped, matched):
                task.cancel()
            self._typist.close()

    async def _stopped(self) -> StopReason:
        """Its end: where a debugger holds it, it is not there yet."""
        guest = self.guest
        changed = asyncio.Event()
        forget = guest.on("state", changed.set)
        try:
            while True:
                reason = await guest.wait_stopped()
                held = guest.has_debugger and guest.state is GuestState.PAUSED
                if not held or reason.kind not in _HELD:
                    return reason
                changed.clear()
                await changed.wait()
        finally:
            forget()

    def failure(self) -> str:
        """What is wrong with the end, or nothing."""
        assert self.end is not None
        name, kind = self.guest.name, self.end.kind
        if kind in _FAILURES:
            return self.end.detail or f"{name} was ended"
        if self._plan.until is not None and kind != "until" and self._plan.replay is None:
            how = {
                "limit": f"came to {self.end.ticks} ticks",
                "power-off": "powered itself off",
                "exit": f"ended with exit code {self.end.code}",
                "reset": "reset itself",
                "dead": "went to sleep for ever",
            }.get(kind, f"stopped ({kind})")
            return f"{name} {how} before '{self._plan.until}' appeared"
        return ""

    def own_code(self) -> int:
        """The exit code of the guest's program, as far as a process can have it."""
        code = self.end.code if self.end is not None and self.end.code is not None else 0
        return code if code < 256 else code & 0xFF or EXIT_ERROR


async def _run(plan: RunPlan, recording: Recording | None) -> int:
    handset = Handset(plan.model)
    plan.held.put(handset.phone)
    began = time.monotonic()
    out = ConsoleOut(sys.stderr.buffer if plan.json else sys.stdout.buffer, _names(plan))
    runners: list[_Runner] = []
    server = WorkbenchServer(WorkbenchService(lambda: [handset], dict), run_socket_path())
    code = 0
    try:
        try:
            await server.open()
        except ControlError as error:
            fail(f"'pocketvisor debug' will not find this run: {error}")
        quit_asked = asyncio.Event()
        out.on_lost = quit_asked.set
        with TerminalKeys(lambda keys: _type_keys(handset, keys), quit_asked.set):
            work = asyncio.ensure_future(_run_all(plan, recording, handset, out, runners))
            quitting = asyncio.ensure_future(quit_asked.wait())
            done, _ = await asyncio.wait(
                [work, quitting], timeout=plan.timeout, return_when=asyncio.FIRST_COMPLETED
            )
            for task in (work, quitting):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            if not done:
                code = EXIT_TIMEOUT
        out.finish()
        results = await _finish(plan, recording, runners, "timeout" if code else "quit")
        if out.failure is not None:
            raise out.failure
        if code == EXIT_TIMEOUT:
            fail(_timeout_sentence(plan, runners))
        for runner in runners:
            if sentence := "" if code == EXIT_TIMEOUT else runner.failure():
                fail(sentence)
                code = EXIT_ERROR
        code = code or next((own for runner in runners if (own := runner.own_code())), 0)
        if plan.json:
            seconds = round(time.monotonic() - began, 3)
            print_json({"handset": plan.model.id, "exit": code, "seconds": seconds, "guests": results})
        elif plan.digest:
            for result in results:
                print(f"{result['name']}: {result['ticks']} ticks, digest {result['digest']}")
    finally:
        await server.close()
        await handset.close()
    return code


async def _run_all(
    plan: RunPlan, recording: Recording | None, handset: Handset, out: ConsoleOut, runners: list[_Runner]
) -> None:
    options = plan.options(recording)
    for image in plan.images:
        guest = await handset.start(
            image, options=options, on_guest=lambda guest: runners.append(_Runner(plan, guest, out))
        )
        if guest.network is not None and guest.network.state.sentence:
            raise NetworkError(guest.network.state.sentence)
        if plan.gdb is not None:
            gdb = await guest.debugger.open_gdb(plan.gdb, plan.gdb_token)
            print(f"pocketvisor: to attach: {gdb.command}", file=sys.stderr)
    await asyncio.gather(*(runner.wait() for runner in runners))


async def _finish(
    plan: RunPlan, recording: Recording | None, runners: list[_Runner], unended: str
) -> list[dict[str, Any]]:
    """Lets all guests stand still, writes what was asked for, and tells how each ended."""
    results = []
    for runner in runners:
        guest = runner.guest
        if guest.state is GuestState.RUNNING:
            with contextlib.suppress(GuestError):  # it does not respond: what can be had is had
                await guest.pause()
        if runner.end is None:
            runner.end = StopReason(unended, guest.ticks)
        digest = None
        if guest.ram is not None and (plan.digest or recording is not None):
            digest = await guest.digest()
        if plan.screenshot is not None and guest.state is not GuestState.STOPPED:
            _write(_own_file(plan, plan.screenshot, guest), await guest.screenshot())
        if plan.record is not None and guest.ram is not None:
            write_recording(_own_file(plan, plan.record, guest), await guest.recording())
        if recording is not None and runner.end.kind not in (unended, *_FAILURES):
            _compare(guest, recording, runner.end.ticks, digest)
        result: dict[str, Any] = {
            "name": guest.name,
            "image": guest.image.id,
            "reason": runner.end.kind,
            "detail": runner.end.detail,
            "ticks": runner.end.ticks,
        }
        if runner.end.code is not None:
            result["code"] = runner.end.code
        if digest is not None:
            result["digest"] = digest
        results.append(result)
    return results


def _compare(guest: Guest, recording: Recording, ticks: int, digest: str | None) -> None:
    then = recording.end
    if (ticks, digest) != (then.ticks, then.digest):
        raise RecordingError(
            f"The replay of {guest.name} came out otherwise: {ticks} ticks, digest {digest}; "
            f"recorded were {then.ticks} ticks, digest {then.digest}"
        )


def _type_keys(handset: Handset, keys: bytes) -> None:
    if handset.foreground is not None:
        handset.foreground.console.write(keys)  # no profile is run here: nobody governs it


def _timeout_sentence(plan: RunPlan, runners: list[_Runner]) -> str:
    waiting = [(runner.guest.name, runner.script) for runner in runners]
    if not runners and plan.script is not None:  # not even the first one has begun
        waiting = [(plan.images[0].name, Script(plan.script))]
    for name, script in waiting:
        if script is not None and not script.done and script.waits_for:
            return f"Out of time after {plan.timeout:g} s: {name} did not show {script.waits_for}"
    missing = f": '{plan.until}' did not appear" if plan.until is not None else ""
    return f"Out of time after {plan.timeout:g} s{missing}"


def _names(plan: RunPlan) -> list[str]:
    """As the handset will call them, near enough for a column's width."""
    return [image.name for image in plan.images]


def _own_file(plan: RunPlan, path: Path, guest: Guest) -> Path:
    """With several guests each has a file of its own."""
    if len(plan.images) == 1:
        return path
    return path.with_stem(f"{path.stem}-{guest.name.lower().replace(' ', '-')}")


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise PocketvisorError(f"{path}: cannot be written: {error.strerror}") from error
