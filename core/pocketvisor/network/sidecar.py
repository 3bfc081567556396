"""The network process, seen from its front end: one for all guests, begun with the first port, ended with the
last. What it says of a port goes to whoever added it; its death is told to all of them, once."""

import asyncio
import itertools
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Final, Protocol
from weakref import WeakKeyDictionary

import msgspec

import pocketvisor
from pocketvisor.errors import NetworkError
from pocketvisor.network import messages
from pocketvisor.to_the_end import to_the_end

_HELLO_SECONDS: Final = 30.0
_LAST_SECONDS: Final = 5.0
_SAID_MAX: Final = 4096
_KEPT_ENVIRONMENT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")


class PortOwner(Protocol):
    """What the process tells; all calls come in the loop of the front end."""

    def port_counted(self, counters: messages.Counters) -> None: ...
    def port_user_ended(self, serial: int) -> None: ...
    def port_capture_ended(self, sentence: str) -> None: ...
    def port_not_passed(self, what: dict[str, int]) -> None: ...
    def port_lost(self, sentence: str) -> None:
        """The process has gone, and the port with it."""


class Sidecar:
    """Made by shared()."""

    _running: ClassVar["WeakKeyDictionary[asyncio.AbstractEventLoop, Sidecar]"] = WeakKeyDictionary()
    _starting: ClassVar["WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]"] = WeakKeyDictionary()

    def __init__(self, process: Process, control: socket.socket) -> None:
        self._process = process
        self._control = control
        self._loop = asyncio.get_running_loop()
        self._owners: dict[int, PortOwner] = {}
        self._numbers = itertools.count(1)
        self._said = bytearray()
        self._refused = ""
        self._alive = True
        self._captures = False
        self._greeted: asyncio.Future[None] = self._loop.create_future()
        self._listening = asyncio.create_task(self._listen())
        self._watching = asyncio.create_task(self._watch())
        self._loop.add_reader(control, self._readable)

    @classmethod
    async def shared(cls) -> "Sidecar":
        """The one of this loop, begun if need be. Raises NetworkError."""
        loop = asyncio.get_running_loop()
        async with cls._starting.setdefault(loop, asyncio.Lock()):
            found = cls._running.get(loop)
            if found is None or not found._alive:
                found = cls._running[loop] = await cls._begin()
            return found

    @classmethod
    async def _begin(cls) -> "Sidecar":
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-P",
                    "-m",
                    "pocketvisor.network.process",
                    str(theirs.fileno()),
                    str(os.getpid()),
                    pass_fds=[theirs.fileno()],
                    stdin=DEVNULL,
                    stdout=DEVNULL,
                    stderr=PIPE,
                    env=_environment(),
                    cwd="/",
                )
        except OSError as error:
            ours.close()
            raise NetworkError(f"The network process could not be started: {error.strerror}") from error
        sidecar = cls(process, ours)
        sidecar._send(messages.Hello(messages.PROTOCOL))
        try:
            async with asyncio.timeout(_HELLO_SECONDS):
                await sidecar._greeted
        except TimeoutError:
            await sidecar.end()
            raise NetworkError("The network process says nothing") from None
        except BaseException:
            await sidecar.end()
            raise
        return sidecar

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._alive

    def add_port(self, owner: PortOwner, mac: bytes, seed: int) -> int:
        """Answers its number, for the messages that follow. Raises NetworkError where there are too many."""
        if len(self._owners) >= messages.PORTS_MAX:
            raise NetworkError(f"There are {messages.PORTS_MAX} guests with a network already")
        number = next(self._numbers)
        self._owners[number] = owner
        self._send(messages.AddPort(number, mac, seed))
        return number

    def tell(self, message: messages.ToProcess, fd: int | None = None) -> None:
        """Never waits; to a process that has gone nothing is told. The descriptor stays open here."""
        self._captures |= isinstance(message, messages.StartCapture)
        self._send(message, fd)

    async def remove_port(self, number: int) -> None:
        """With the last port the process ends."""
        if self._owners.pop(number, None) is None:
            return
        self._send(messages.RemovePort(number))
        await self.end_unused()

    async def end_unused(self) -> None:
        """Where it has no port."""
        if not self._owners:
            await self.end()

    async def end(self) -> None:
        """Comes back when the process is gone. Nobody is told."""
        self._stop()
        await to_the_end(asyncio.ensure_future(self._go()))
        self._control.close()
        await asyncio.wait([self._listening], timeout=0.5)  # to the end of its pipe, which is closed then
        self._watching.cancel()
        self._listening.cancel()

    async def _go(self) -> None:
        """Where there is something to keep, it does what it was told before it ends by itself: its captures
        have the last frames then."""
        if self._captures:
            with suppress(OSError):
                self._control.shutdown(socket.SHUT_WR)  # close() would take from it what it has not read yet
            await asyncio.wait([self._watching], timeout=_LAST_SECONDS)
        self._kill()
        await self._process.wait()

    def _stop(self) -> None:
        if self._alive:
            self._alive = False
            self._loop.remove_reader(self._control)
        if self._running.get(self._loop) is self:
            del self._running[self._loop]

    def _kill(self) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)  # Process.kill() may take the exit code away

    def _send(self, message: messages.ToProcess, fd: int | None = None) -> None:
        if not self._alive:
            return
        data = messages.encode(message)
        try:
            if fd is None:
                self._control.send(data)
            else:
                socket.send_fds(self._control, [data], [fd])
        except OSError:  # it has gone, which _watch() tells, or does not read, which ends it
            self._kill()

    def _readable(self) -> bool:
        """Whether there was anything."""
        try:
            data = self._control.recv(messages.DATAGRAM_MAX)
            message = messages.decode_from_process(data) if data else None
        except BlockingIOError:
            return False
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            message = None
        match message:
            case messages.Hello(protocol):
                if not self._greeted.done():
                    if protocol == messages.PROTOCOL:
                        self._greeted.set_result(None)
                    else:
                        self._greeted.set_exception(
                            NetworkError("The installation of Pocketvisor is mixed up")
                        )
            case messages.Counted(ports):
                for number, counters in ports.items():
                    if number in self._owners:
                        self._owners[number].port_counted(counters)
            case messages.UserEnded(number, serial):
                if number in self._owners:
                    self._owners[number].port_user_ended(serial)
            case messages.CaptureEnded(number, sentence):
                if number in self._owners:
                    self._owners[number].port_capture_ended(sentence)
            case messages.NotPassed(number, what):
                if number in self._owners:
                    self._owners[number].port_not_passed(what)
            case messages.Refused(sentence):
                self._refused = sentence
            case _:
                self._loop.remove_reader(self._control)
                self._kill()
                return False
        return True

    async def _watch(self) -> None:
        code = await self._process.wait()
        if not self._alive:
            return
        await asyncio.wait([self._listening], timeout=0.5)
        while self._alive and self._readable():
            pass  # what it said last is why it has ended
        if self._alive:
            self._stop()
            self._control.close()
        lines = [line for line in self._said.decode("utf-8", "replace").splitlines() if line.strip()]
        why = self._refused or (lines[-1].strip()[:300] if lines else "")
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        sentence = f"The network process {how}{': ' if why else ''}{why}"
        if not self._greeted.done():
            self._greeted.set_exception(NetworkError(sentence))
        owners, self._owners = self._owners, {}
        for owner in owners.values():
            owner.port_lost(sentence)

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(4096):
            self._said += data
            del self._said[:-_SAID_MAX]


def _environment() -> dict[str, str]:
    environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    path = [str(Path(pocketvisor.__file__).parent.parent)]
    path += [os.path.abspath(entry) for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(path))
    return environment
