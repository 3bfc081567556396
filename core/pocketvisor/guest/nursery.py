"""The nursery, seen from the handset's process: a warm process whose forks are the guests' processes.

There is one for each environment that guests are to have, so one as a rule, made for the first guest and kept
for the next. It belongs to no loop and no thread: a request is one packet, and all that is said about a
child comes on the child's own line (line.py).
"""

import asyncio
import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import pocketvisor
from pocketvisor.errors import GuestError
from pocketvisor.guest import line as wire
from pocketvisor.guest.memory import create_memfd

BIRTH_SECONDS: Final = 30.0
_LAST_WORDS = 64 << 10  # of the nursery's own: what it says beyond is lost
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

_Key = tuple[int, str, tuple[tuple[str, str], ...]]


class Nursery:
    """Made by nursery(). Its process is killed and gone after close(), and so are its children."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Does not wait until it is warm. Raises OSError."""
        self.children = 0  # asked for and not gone yet
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._requests.setblocking(False)
        self._stderr = create_memfd("nursery", _LAST_WORDS)
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [
                        *(
                            sys.executable,
                            "-P",
                            "-X",
                            "faulthandler",
                            "-m",
                            "pocketvisor.guest.nursery_process",
                        ),
                        *(str(theirs.fileno()), str(os.getpid())),
                    ],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._stderr,
                    env=dict(environment),
                    cwd="/",
                )
        except BaseException:
            self._requests.close()
            os.close(self._stderr)
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def request(self, line: socket.socket) -> None:
        """One more child, for this end of its line. Raises OSError, BlockingIOError where it is busy."""
        wire.send(self._requests, b"child", [line.fileno()])

    def end_sentence(self) -> str:
        """How it ended, if it did, and the last that it said."""
        try:
            how = exit_sentence(self._process.wait(1.0))
        except subprocess.TimeoutExpired:
            how = "gave up"
        said = os.pread(self._stderr, os.lseek(self._stderr, 0, os.SEEK_CUR), 0)
        return how + last_line(said.decode("utf-8", "replace"))

    def close(self) -> None:
        self._requests.close()
        try:
            self._process.wait(1.0)  # it ends by itself, and this is kinder to a sanitizer's report
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._stderr)


_nurseries: dict[_Key, Nursery] = {}
_stuck: list[Nursery] = []  # which may have children that are well
_lock = threading.Lock()


def warm() -> None:
    """Begin a nursery ahead of the first guest, if there is none. Does not wait. Raises GuestError."""
    with _lock:
        _current()


def _enter() -> Nursery:
    """The one for guests of this process's environment as it is now, with one more child on its way."""
    with _lock:
        nursery = _current()
        nursery.children += 1
        return nursery


def _leave(nursery: Nursery) -> None:
    with _lock:
        nursery.children -= 1


def _give_up(nursery: Nursery) -> None:
    """It does not answer: the next child is another's."""
    with _lock:
        for key in [key for key, known in _nurseries.items() if known is nursery]:
            _stuck.append(_nurseries.pop(key))


def _current() -> Nursery:
    environment = guest_environment()
    key = (os.getpid(), sys.executable, tuple(sorted(environment.items())))
    found = _nurseries.get(key)
    if found is not None and found.alive:
        return found
    for other, known in list(_nurseries.items()):
        if other[0] == key[0] and not (known.children and known.alive):
            _nurseries.pop(other).close()
    try:
        made = _nurseries[key] = Nursery(environment)
    except OSError as error:
        raise GuestError(f"A guest's process could not be started: {error}") from error
    return made


@atexit.register
def close_all() -> None:
    """End all nurseries of this process, and their children. The next guest gets a new one."""
    with _lock:
        for key in [key for key in _nurseries if key[0] == os.getpid()]:
            _nurseries.pop(key).close()
        while _stuck:
            _stuck.pop().close()


class Child:
    """One guest's process: its number, its last words, its end. Of one loop, made by born()."""

    def __init__(self, nursery: Nursery, line: socket.socket, stderr: int) -> None:
        self._nursery = nursery
        self._line = line
        self._stderr = stderr
        self._pidfd = -1
        self._said = bytearray()
        self._loop = asyncio.get_running_loop()
        self._born: asyncio.Future[None] = self._loop.create_future()
        self._gone = asyncio.Event()
        self._silent = asyncio.Event()
        self._orphan = ""
        self.pid = 0
        self.returncode: int | None = None
        """As subprocess has it: of a signal it is negative. None too where nobody can say."""
        self._loop.add_reader(line.fileno(), self._hear)
        self._loop.add_reader(stderr, self._listen)

    @classmethod
    async def born(cls, descriptors: Sequence[int]) -> "Child":
        """A child that has the descriptors under their numbers here; the first is its control socket. They
        may be closed here when this comes back. Raises GuestError."""
        numbers = list(dict.fromkeys(descriptors))
        if min(numbers) <= 2:
            raise GuestError(
                "A guest cannot be started by a program without standard input, output and error"
            )
        if len(numbers) > wire.DESCRIPTORS_MAX:
            raise GuestError(f"A guest's process takes at most {wire.DESCRIPTORS_MAX} descriptors")
        parent = _enter()
        line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        line.setblocking(False)
        stderr, writing = os.pipe()
        os.set_blocking(stderr, False)
        child = cls(parent, line, stderr)
        try:
            try:
                async with asyncio.timeout(BIRTH_SECONDS):
                    with theirs:
                        wire.put_descriptors(line, [(fd, fd) for fd in numbers] + [(writing, 2)])
                        await _request(parent, theirs)
                    await child._born
            except TimeoutError:
                _give_up(parent)
                raise GuestError(f"A guest's process could not be started in {BIRTH_SECONDS:.0f} s") from None
            except OSError as error:
                raise GuestError(f"A guest's process could not be started: {error.strerror}") from error
            finally:
                os.close(writing)
        except BaseException:
            child.close()
            raise
        return child

    @property
    def stderr_tail(self) -> str:
        return self._said.decode("utf-8", "replace")

    async def wait(self) -> None:
        """Until it is gone and what it said is here."""
        await self._gone.wait()

    async def said_all(self, seconds: float) -> None:
        """Until its standard error is closed, or that time has passed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._silent.wait()

    def kill(self) -> None:
        if not self._gone.is_set() and self._pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def end_sentence(self) -> str:
        """How it ended, once it is gone."""
        if self.returncode is None:
            return self._orphan or "ended, and nobody knows how"
        return exit_sentence(self.returncode)

    def close(self) -> None:
        """Where it lives yet the nursery kills it."""
        self._stop_hearing()
        self._stop_listening()
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1
        self._be_gone()

    def _hear(self) -> None:
        try:
            news = wire.hear(self._line)
        except BlockingIOError:
            return
        match news:
            case wire.Born(pid, pidfd):
                self.pid, self._pidfd = pid, pidfd
                self._loop.add_reader(pidfd, self._dead)
                if not self._born.done():
                    self._born.set_result(None)
            case wire.Unborn(errno):
                self._fail(f"A guest's process could not be started: {os.strerror(errno)}")
            case wire.Ended(status):
                self.returncode = os.waitstatus_to_exitcode(status)
                self._be_gone()
            case None:
                self._stop_hearing()
                self._lose_nursery()

    def _lose_nursery(self) -> None:
        if self.returncode is not None:
            return
        how = self._nursery.end_sentence()
        self._fail(f"The guest's process did not start: it {how}")
        self._orphan = f"went with the process that it was forked from, which {how}"
        if self._pidfd < 0:
            self._be_gone()  # else its own pidfd tells

    def _fail(self, sentence: str) -> None:
        if not self._born.done():
            self._born.set_exception(GuestError(sentence))

    def _dead(self) -> None:
        """It is dead, and the nursery has yet to say how; if it does."""
        self._loop.remove_reader(self._pidfd)
        if self._orphan:
            self._be_gone()
        else:
            self._loop.call_later(1.0, self._be_gone)

    def _be_gone(self) -> None:
        if not self._gone.is_set():
            self._gone.set()
            _leave(self._nursery)

    def _listen(self) -> None:
        try:
            data = os.read(self._stderr, 4096)
        except BlockingIOError:
            return
        self._said += data
        del self._said[:-_STDERR_TAIL]
        if not data:
            self._stop_listening()

    def _stop_hearing(self) -> None:
        if self._line.fileno() >= 0:
            self._loop.remove_reader(self._line.fileno())
            self._line.close()

    def _stop_listening(self) -> None:
        if self._stderr >= 0:
            self._loop.remove_reader(self._stderr)
            os.close(self._stderr)
            self._stderr = -1
        self._silent.set()


async def _request(nursery: Nursery, line: socket.socket) -> None:
    while True:
        try:
            return nursery.request(line)
        except BlockingIOError:  # many at once, and it is still starting itself
            await asyncio.sleep(0.01)
        except ConnectionError:
            raise GuestError(f"The guest's process did not start: it {nursery.end_sentence()}") from None


def overrides_library() -> Path:
    """The library of overrides of the engine's functions, which a guest's process loads before all else."""
    folder = Path(pocketvisor.__file__).parent
    found = sorted(folder.glob("_overrides*.so"))
    if not found:
        raise GuestError(f"The engine is not built: there is no _overrides*.so in {folder}; run 'make'")
    return found[0]


def guest_environment() -> dict[str, str]:
    """What a guest's process gets of this one's environment, and its libraries."""
    environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    # A sanitizer's library, if there is one, stays first.
    preloaded = [*os.environ.get("LD_PRELOAD", "").split(), str(overrides_library())]
    environment["LD_PRELOAD"] = " ".join(preloaded)
    # The very package that runs here, and the rest of its path made absolute: the process starts in "/".
    path = [str(Path(pocketvisor.__file__).parent.parent)]
    path += [os.path.abspath(entry) for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(path))
    return environment


def exit_sentence(code: int) -> str:
    """Behind 'it': how a process ended."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    return f"was ended by signal {-code} ({name})"


def last_line(said: str) -> str:
    """The last thing that a process said to its standard error, behind a sentence."""
    said, _, _ = said.partition("Fatal Python error")  # what follows is for the report
    lines = [line for line in said.splitlines() if line.strip()]
    return f": {lines[-1].strip()[:300]}" if lines else ""
