"""The nursery, seen from the handset's process: a warm process whose forks are the guests' processes.

There is one for each environment that guests are to have, so one as a rule, made for the first guest and kept
for the next. It belongs to no loop and no thread: a request is one packet, and all that is said about a
child comes on the child's own line (line.py).
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pocketvisor
from pocketvisor.errors import GuestError
from pocketvisor.guest import line as wire
from pocketvisor.guest.memory import create_memfd
from pocketvisor.storage.descriptors import let_go

_DYING_SECONDS = 10.0
"""From its sockets' end to its own: on a busy computer that may take its time."""
_LAST_WORDS = 64 << 10  # of the nursery's own: what it says beyond is lost
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
    "PYTHONPYCACHEPREFIX",
    "ASAN_OPTIONS",
    "UBSAN_OPTIONS",
)

_Key = tuple[int, str, tuple[tuple[str, str], ...]]


class Nursery:
    """Made by nursery(). Its process is killed and gone after close(), and so are its children."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Does not wait until it is warm. Raises OSError."""
        self.owner = os.getpid()
        self._end = ""
        self.children = 0  # asked for and not gone yet
        self.used = False
        self.given_up = False
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
        if not self._end:
            try:
                self._end = exit_sentence(self._process.wait(_DYING_SECONDS))
            except subprocess.TimeoutExpired:
                return "gave up"
            said = os.pread(self._stderr, os.lseek(self._stderr, 0, os.SEEK_CUR), 0)
            self._end += last_line(said.decode("utf-8", "replace"))
        return self._end

    def close(self) -> None:
        self._requests.close()
        if not self.used:
            self._process.kill()  # it may be warming up yet, for nobody
        try:
            self._process.wait(1.0)  # it ends by itself, and this is kinder to a sanitizer's report
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.end_sentence()  # its children's loops may yet ask
        self._stderr = let_go([self._stderr])


_nurseries: dict[_Key, Nursery] = {}
_stuck: list[Nursery] = []  # which may have children that are well
_lock = threading.Lock()


def warm() -> None:
    """Begin a nursery ahead of the first guest, if there is none. Does not wait. Raises GuestError."""
    with _lock:
        _current()


def enter() -> Nursery:
    """The one for guests of this process's environment as it is now, with one more child on its way."""
    with _lock:
        nursery = _current()
        nursery.children += 1
        nursery.used = True
        return nursery


def leave(nursery: Nursery) -> None:
    with _lock:
        nursery.children -= 1


def give_up(nursery: Nursery) -> None:
    """It does not answer: the next child is another's."""
    with _lock:
        nursery.given_up = True
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
        while _stuck and _stuck[-1].owner == os.getpid():
            _stuck.pop().close()


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
