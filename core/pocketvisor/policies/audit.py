"""What happened to a governed profile, in lines that cannot be changed without it being seen.

One file a profile, one JSON object a line: n (1, 2, 3...), time, what, who, said, more, and prev, the hash of
the line before. The newest line's number and hash are in the store, so that a file that was cut is seen as
well. A file that grows full is put aside and another begun; the chain goes on through all of them, and after
some the oldest goes.

Left out: one who rewrites both the file and the store. Both are the user's own.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from blake3 import blake3
from msgspec import Struct
from platformdirs import user_data_path

from pocketvisor.errors import PolicyError
from pocketvisor.policies import late_lines
from pocketvisor.policies.late_lines import Entry
from pocketvisor.policies.store import AuditHead, GovernanceStore
from pocketvisor.storage.small_database import WAIT

FILE_MAX: Final = 1 << 20
FILES_KEPT: Final = 8
TEXT_MAX: Final = 400
NAME_MAX: Final = 40
TAIL: Final = 64 << 10
"""The longest line is shorter: six texts of bounded length, as JSON."""
_LOOK_SECONDS: Final = 0.005
FIRST: Final = bytes(32).hex()
"""What the first line has in the place of the hash of the one before."""


class AuditLine(Struct, frozen=True):
    n: int
    time: str
    what: str
    who: str
    said: str
    more: dict[str, str]
    prev: str
    hash: str
    """Of this line; it is not in the file."""


def audit_folder() -> Path:
    return user_data_path("pocketvisor") / "audit"


class AuditLog:
    """Of one profile. Any number of programs and threads append."""

    def __init__(
        self,
        profile: bytes,
        store: GovernanceStore,
        folder: Path | None = None,
        file_max: int = FILE_MAX,
    ) -> None:
        self.profile = profile
        self._store = store
        self._folder = folder or store.path.parent / "audit"
        self._file_max = file_max
        self.path = self._folder / f"{profile.hex()}.jsonl"

    def append(self, what: str, who: str, said: str, more: dict[str, Any] | None = None) -> AuditLine:
        """On the disk when it returns, after what waits to be written. Raises PolicyError."""
        late_lines.settle(self.path)
        return self.write([Entry(what, who, said, more)])[-1]

    def soon(self, entry: Entry, told: late_lines.Told) -> None:
        """The same within moments, for who asks on an event loop. `told`: whether it could be written."""
        late_lines.add(self, entry, told)

    def write(self, entries: Sequence[Entry]) -> list[AuditLine]:
        """As many of them as one file takes, at least one, with one wait for the disk; the lines that they
        became. Raises PolicyError, and none is there then."""
        with self._told(), self._held() as file:
            last = self._last_line(file)
            head = self._store.audit_head(self.profile)
            number, prev, first = 1, FIRST, 1
            if last is not None:
                number, prev, first = last.n + 1, last.hash, head.first if head is not None else 1
            if head is not None and (last is None or last.n < head.number):
                # Lines are gone. The chain goes on from the one that is known, so that the gap is seen.
                number, prev, first = head.number + 1, head.hash.hex(), head.first
            now = self._store.now_ns()
            size = file.seek(0, os.SEEK_END)
            content = b""
            made: list[AuditLine] = []
            doomed: list[Path] = []
            for entry in entries:
                line = _encoded(entry, number, now if entry.time_ns is None else entry.time_ns, prev)
                if made and size + len(content) + len(line) > self._file_max:
                    break
                content += line + b"\n"
                made.append(_line(line))
                number, prev = number + 1, made[-1].hash
            with contextlib.ExitStack() as opened:
                if size and size + len(content) - 1 > self._file_max:
                    first, doomed = self._rotate(first)
                    file, size = opened.enter_context(self._appended()), 0
                try:
                    _write(file, content)
                    head = AuditHead(first, made[-1].n, bytes.fromhex(made[-1].hash))
                    self._store.set_audit_head(self.profile, head)
                except BaseException:
                    with contextlib.suppress(OSError):
                        file.truncate(size)
                    raise
            for path in doomed:
                path.unlink(missing_ok=True)
            return made

    def lines(self, after: int = 0, limit: int = 1000) -> list[AuditLine]:
        """With numbers above `after`, the newest `limit` of them. Raises PolicyError."""
        late_lines.settle(self.path)
        with self._told(), self._still():
            found = [line for line in self._parsed() if line is not None and line.n > after]
        return found[-limit:]

    def verify(self) -> list[str]:
        """What is wrong with it, in sentences; nothing where it is whole. Raises PolicyError."""
        late_lines.settle(self.path)
        problems: list[str] = []
        with self._told(), self._still():
            head = self._store.audit_head(self.profile)
            before: AuditLine | None = None
            seen_head = head is None
            for line in self._parsed():
                if line is None:
                    problems.append(f"Below line {before.n if before else 0} is one that cannot be read")
                    continue
                if before is None:
                    if head is not None and line.n > head.first:
                        problems.append(f"It begins with line {line.n}, not {head.first}: lines are missing")
                    elif line.n == 1 and line.prev != FIRST:
                        problems.append("Line 1 is not the first that was written")
                elif line.n != before.n + 1:
                    problems.append(f"After line {before.n} comes {line.n}: lines are missing")
                elif line.prev != before.hash:
                    problems.append(f"Line {before.n} was changed after it was written")
                if head is not None and line.n == head.number:
                    seen_head = True
                    if line.hash != head.hash.hex():
                        problems.append(f"Line {line.n} was changed after it was written")
                before = line
            if not seen_head and head is not None:
                problems.append(f"It was cut: line {head.number} is missing")
        return problems

    # Files

    def _files(self) -> list[Path]:
        """Oldest first."""
        old = sorted(
            self._folder.glob(f"{self.profile.hex()}.*.jsonl"), key=lambda path: int(path.name.split(".")[1])
        )
        return [*old, self.path]

    def _parsed(self) -> Iterator[AuditLine | None]:
        """None for each line that makes no sense."""
        for path in self._files():
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue
            for line in content.split(b"\n"):
                if line:
                    yield _maybe_line(line)

    def _rotate(self, first: int) -> tuple[int, list[Path]]:
        """The number of the oldest line that has to be there now, and the files that are not needed."""
        begins = _maybe_line(self.path.read_bytes().split(b"\n", 1)[0])
        os.replace(self.path, self._folder / f"{self.profile.hex()}.{begins.n if begins else 0}.jsonl")
        old = self._files()[:-1]
        if len(old) <= FILES_KEPT:
            return first, []
        return int(old[-FILES_KEPT].name.split(".")[1]), old[:-FILES_KEPT]

    @contextlib.contextmanager
    def _held(self) -> Iterator[IO[bytes]]:
        """The newest file, locked against others; the lock is on a file of its own, which stays in place."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(
            self._folder / f"{self.profile.hex()}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            self._lock(lock)
            with self._appended() as file:
                yield file
        finally:
            os.close(lock)

    @contextlib.contextmanager
    def _still(self) -> Iterator[None]:
        """Nobody writes meanwhile: neither half a line is read, nor half of what is put aside."""
        try:
            lock = os.open(self._folder / f"{self.profile.hex()}.lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # nobody has written here
            yield
            return
        try:
            self._lock(lock, fcntl.LOCK_SH)
            yield
        finally:
            os.close(lock)

    def _lock(self, lock: int, kind: int = fcntl.LOCK_EX) -> None:
        until = time.monotonic() + WAIT
        while True:
            try:
                fcntl.flock(lock, kind | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > until:
                    raise PolicyError(f"The audit log {self.path} is held by another program") from None
            time.sleep(_LOOK_SECONDS)

    def _appended(self) -> IO[bytes]:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.fdopen(os.open(self.path, flags, 0o600), "a+b", buffering=0)

    def _last_line(self, file: IO[bytes]) -> AuditLine | None:
        """What a program was killed in the midst of, nobody was told of: it goes."""
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(max(0, size - TAIL))
            content = file.read()
            if not content.endswith(b"\n"):
                partial = len(content) - content.rfind(b"\n") - 1
                file.truncate(size - partial)
                content = content[: len(content) - partial]
        if not size or not content:
            old = self._files()[:-1]
            content = old[-1].read_bytes() if old else b""
        for line in reversed(content.split(b"\n")):
            if line and (found := _maybe_line(line)) is not None:
                return found
        return None

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise PolicyError(f"The audit log {self.path} cannot be used: {error.strerror}") from None


def _encoded(entry: Entry, number: int, time_ns: int, prev: str) -> bytes:
    content = {
        "n": number,
        "time": datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="milliseconds"),
        "what": _short(entry.what),
        "who": _short(entry.who),
        "said": _short(entry.said),
        "more": {
            str(key)[:NAME_MAX]: str(value)[: TEXT_MAX // 2]
            for key, value in list((entry.more or {}).items())[:8]
        },
        "prev": prev,
    }
    return json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode()


def _write(file: IO[bytes], content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]
    os.fsync(file.fileno())


def _short(text: object) -> str:
    return str(text)[:TEXT_MAX]


def _line(line: bytes) -> AuditLine:
    """Raises ValueError, KeyError, TypeError."""
    content = json.loads(line)
    return AuditLine(
        n=int(content["n"]),
        time=str(content["time"]),
        what=str(content["what"]),
        who=str(content["who"]),
        said=str(content["said"]),
        more={str(key): str(value) for key, value in content["more"].items()},
        prev=str(content["prev"]),
        hash=blake3(line).hexdigest(),
    )


def _maybe_line(line: bytes) -> AuditLine | None:
    try:
        return _line(line)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
