"""One guest's process, seen from the handset: spawned, spoken to, watched, ended.

Whatever the process does, dying in the middle of a message included, ends here in one call of `on_end` with
a sentence; nothing is raised into the handset's loop.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pocketvisor
from pocketvisor.control.channel import Channel
from pocketvisor.control.messages import (
    CHUNK_SIZE,
    PROTOCOL,
    FromGuest,
    FromHandset,
    Hello,
    Ready,
    Refused,
    ReplayLog,
    Start,
)
from pocketvisor.errors import ControlError, GuestError

HANDSHAKE_SECONDS: Final = 30.0
_STDERR_TAIL = 8192
_KEPT_ENVIRONMENT = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PYTHONHOME",
    "PYTHONMALLOC",
    "PYTHONPATH",
    "PYTHONWARNINGS",
    "PYTHONDONTWRITEBYTECODE",
    "ASAN_OPTIONS",
    "UBSAN_OPTIONS",
)


class GuestProcess:
    """Made by spawn(). `on_message` gets what comes after Ready, `on_end` one sentence at the end."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        channel: Channel[Any, Any],
        on_message: Callable[["GuestProcess", Any], None],
        on_end: Callable[["GuestProcess", str], None],
    ) -> None:
        self._process = process
        self._channel = channel
        self._on_message = on_message
        self._on_end = on_end
        self._stderr = bytearray()
        self._tasks = [asyncio.create_task(self._keep_stderr())]
        self._killed = False
        self.engine = ""

    @classmethod
    async def spawn(
        cls,
        descriptors: Sequence[int],
        on_message: Callable[["GuestProcess", Any], None],
        on_end: Callable[["GuestProcess", str], None],
    ) -> "GuestProcess":
        """A process that inherited the descriptors under their numbers and said Hello.

        Raises GuestError with a sentence where it did not come so far.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        channel: Channel[Any, Any] | None = None
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-P",
                    "-X",
                    "faulthandler",
                    "-m",
                    "pocketvisor.guest.process",
                    str(theirs.fileno()),
                    str(os.getpid()),
                    pass_fds=[theirs.fileno(), *descriptors],
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                    env=_environment(),
                    cwd="/",
                )
            channel = await Channel.open(ours, FromGuest)
        except OSError as error:
            raise GuestError(f"A guest's process could not be started: {error}") from error
        finally:
            if channel is None:
                ours.close()
        guest_process = cls(process, channel, on_message, on_end)
        try:
            await guest_process._shake_hands()
        except BaseException:
            await guest_process.kill()
            raise
        return guest_process

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stderr_tail(self) -> str:
        return self._stderr.decode("utf-8", "replace")

    async def start(self, message: Start, replay_log: bytes | None) -> None:
        """Raises GuestError with the guest's own sentence where it refuses."""
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                self._channel.send(message)
                if replay_log is not None:
                    for at in range(0, len(replay_log), CHUNK_SIZE):
                        self._channel.send(ReplayLog(replay_log[at : at + CHUNK_SIZE]))
                        await self._channel.drained()
                    self._channel.send(ReplayLog(b""))
                answer = await self._channel.receive()
        except (TimeoutError, ControlError) as error:
            raise await self._failed_to_start(error) from error
        if isinstance(answer, Refused):
            raise GuestError(answer.sentence)
        if not isinstance(answer, Ready):
            raise await self._failed_to_start(None)
        self._tasks.append(asyncio.create_task(self._listen()))

    def send(self, message: FromHandset) -> None:
        """Never waits; what is sent to a process that has gone is lost."""
        with suppress(ControlError):  # its end is on the way to on_end
            self._channel.send(message)

    async def kill(self) -> None:
        """End it at once and for certain; on_end is not called. Comes back when it is gone."""
        self._killed = True
        await self._end_process()
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()
        self._channel.close()

    async def _shake_hands(self) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                hello = await self._channel.receive()
        except (TimeoutError, ControlError) as error:
            raise await self._failed_to_start(error) from error
        if isinstance(hello, Refused):
            raise GuestError(hello.sentence)
        if not isinstance(hello, Hello):
            raise await self._failed_to_start(None)
        if hello.protocol != PROTOCOL:
            raise GuestError(
                f"The guest's process speaks version {hello.protocol} of the protocol, not {PROTOCOL}: "
                "the installation of Pocketvisor is mixed up"
            )
        self.engine = hello.engine
        self._channel.send(Hello(PROTOCOL))

    async def _failed_to_start(self, error: Exception | None) -> GuestError:
        if isinstance(error, TimeoutError):
            how = f"said nothing for {HANDSHAKE_SECONDS:.0f} s"
        elif isinstance(error, ControlError):
            how = f"sent what is no message ({error})"
        else:
            how = await self._exit_sentence()
        await self._end_process()
        return GuestError(f"The guest's process did not start: it {how}{await self._stderr_sentence()}")

    async def _listen(self) -> None:
        how = ""
        try:
            while (message := await self._channel.receive()) is not None:
                self._on_message(self, message)
        except ControlError as error:
            how = f"sent what is no message ({error})"
        if self._killed:
            return
        how = how or await self._exit_sentence()
        await self._end_process()
        if not self._killed:
            self._on_end(self, f"its process {how}{await self._stderr_sentence()}")
        self._channel.close()

    async def _exit_sentence(self) -> str:
        """Its side of the channel is closed: how it ended, if it did so by itself."""
        try:
            async with asyncio.timeout(1.0):
                code = await self._process.wait()
        except TimeoutError:
            return "closed its control channel"
        if code < 0:
            return f"was ended by signal {-code} ({_signal_name(-code)})"
        return f"ended with exit code {code}"

    async def _end_process(self) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()

    async def _keep_stderr(self) -> None:
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(4096):
            self._stderr += data
            del self._stderr[:-_STDERR_TAIL]

    async def _stderr_sentence(self) -> str:
        """The last thing it said to its standard error, for the crash report."""
        await asyncio.wait(self._tasks[:1], timeout=0.5)
        said, _, _ = self.stderr_tail.partition("Fatal Python error")  # what follows is for the report
        lines = [line for line in said.splitlines() if line.strip()]
        return f": {lines[-1].strip()[:300]}" if lines else ""


def overrides_library() -> Path:
    """The library of overrides of the engine's functions, which a guest's process loads before all else."""
    folder = Path(pocketvisor.__file__).parent
    found = sorted(folder.glob("_overrides*.so"))
    if not found:
        raise GuestError(f"The engine is not built: there is no _overrides*.so in {folder}; run 'make'")
    return found[0]


def _environment() -> dict[str, str]:
    environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    # A sanitizer's library, if there is one, stays first.
    preloaded = [*os.environ.get("LD_PRELOAD", "").split(), str(overrides_library())]
    environment["LD_PRELOAD"] = " ".join(preloaded)
    # The very package that runs here, and the rest of its path made absolute: the process starts in "/".
    path = [str(Path(pocketvisor.__file__).parent.parent)]
    path += [os.path.abspath(entry) for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(path))
    return environment


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
