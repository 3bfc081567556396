"""The command line for tests, without its imports: a warm process whose forks are the commands.

    warm_command_line.py SOCKET

A command is a process of its own as ever, with arguments, environment, folder and output of its own; what it
would import is there already. Each is asked for on a connection of its own, which it does not outlive.
"""

import asyncio
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

_BEGUN_SECONDS = 120


class Ran:
    """What a command answered."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out.replace("\r", "")  # of guests' consoles
        self.err = err


class WarmCommandLine:
    """Begins with the first command."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="commands-")
        self._path = Path(self._folder.name) / "socket"
        self._process: subprocess.Popen[bytes] | None = None

    async def run(self, arguments: Sequence[str], environment: Mapping[str, str], seconds: float) -> Ran:
        """Raises TimeoutError; the command is killed then."""
        async with asyncio.timeout(_BEGUN_SECONDS):
            while (connection := self._connection()) is None:
                await asyncio.sleep(0.01)
        with connection, _asked(connection, arguments, environment) as ran:
            connection.setblocking(False)
            async with asyncio.timeout(seconds):
                return ran(await asyncio.get_running_loop().sock_recv(connection, 16))

    def run_blocking(self, arguments: Sequence[str], environment: Mapping[str, str], seconds: float) -> Ran:
        """The same."""
        end = time.monotonic() + _BEGUN_SECONDS
        while (connection := self._connection()) is None:
            assert time.monotonic() < end
            time.sleep(0.01)  # nothing tells that its socket is there
        with connection, _asked(connection, arguments, environment) as ran:
            connection.settimeout(seconds)
            return ran(connection.recv(16))

    def _connection(self) -> socket.socket | None:
        """None where it is not warm yet."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(self._path)], stdin=subprocess.PIPE
            )
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(self._path))
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            assert self._process.poll() is None, "it ended"
            return None
        return connection

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()  # the end of its standard input is its own
        self._folder.cleanup()


@contextmanager
def _asked(
    connection: socket.socket, arguments: Sequence[str], environment: Mapping[str, str]
) -> Iterator[Callable[[bytes], Ran]]:
    """Asks for a command; what is yielded makes an answer of what is said of its end."""
    asked = json.dumps([list(arguments), dict(environment), os.getcwd()]).encode()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:

        def ran(code: bytes) -> Ran:
            out.seek(0)
            err.seek(0)
            return Ran(int(code), out.read().decode(), err.read().decode())

        socket.send_fds(connection, [len(asked).to_bytes(4, "little")], [out.fileno(), err.fileno()])
        connection.sendall(asked)
        yield ran


def _serve(path: str) -> None:
    """Until standard input ends."""
    from pocketvisor.cli.verbs import MODULES, verbs_of

    for module in MODULES:
        verbs_of(module)
    for name in ("headless", "profile_run", "progress", "policy_reach"):
        importlib.import_module(f"pocketvisor.cli.{name}")
    gc.collect()
    gc.freeze()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(64)
    while True:
        ready, _, _ = select.select([listening, sys.stdin], [], [])
        if sys.stdin in ready:
            break
        connection, _ = listening.accept()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass  # those who waited for commands
        if os.fork() == 0:
            listening.close()
            _attend(connection)
        connection.close()
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _attend(connection: socket.socket) -> NoReturn:
    """In a fork: waits for its command's end, or for that of who asked for it."""
    size, fds, _, _ = socket.recv_fds(connection, 4, 2)
    asked = b""
    while len(asked) < int.from_bytes(size, "little"):
        piece = connection.recv(1 << 16)
        if not piece:
            break
        asked += piece
    if len(size) < 4 or len(asked) < int.from_bytes(size, "little"):
        os._exit(0)  # who asked was gone before all was said
    pid = os.fork()
    if pid == 0:
        connection.close()
        _command(fds, *json.loads(asked))
    pidfd = os.pidfd_open(pid)
    ready, _, _ = select.select([pidfd, connection], [], [])
    if pidfd not in ready:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _command(fds: list[int], arguments: list[str], environment: dict[str, str], folder: str) -> NoReturn:
    for fd, number in ((os.open(os.devnull, os.O_RDONLY), 0), (fds[0], 1), (fds[1], 2)):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["pocketvisor", *arguments]
    from pocketvisor.cli import main

    main()
    sys.exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1])
