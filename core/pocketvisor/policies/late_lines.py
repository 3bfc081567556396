"""Lines of audit logs that are written soon: in the order in which they came, many at once, and before
anybody of this program reads the log or writes to it.

What waits is bounded: beyond LINES_MAX of a log (its disk is full, another program holds it, or somebody is
refused faster than a disk can write) lines are counted, and the log says how many there were of which kind.
What could not be written stays here, and is tried again with the next line and the next reader.
"""

import atexit
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from pocketvisor.errors import PolicyError
from pocketvisor.policies.late import LATE

if TYPE_CHECKING:
    from pocketvisor.policies.audit import AuditLog

LINES_MAX: Final = 500


class Entry(Struct, frozen=True):
    """What a line says. `time_ns`: when it was so, where that is not now."""

    what: str
    who: str
    said: str
    more: dict[str, Any] | None = None
    time_ns: int | None = None


Told = Callable[[str], None]
"""Why nothing can be written, or an empty sentence when something was. Called on the thread that writes."""


class _Waiting:
    """Of one log."""

    def __init__(self) -> None:
        self.writing = threading.Lock()
        self.entries: list[Entry] = []
        self.counted: Counter[str] = Counter()
        self.log: AuditLog | None = None
        self.told: Told = lambda _: None

    def put(self, entry: Entry) -> None:
        if len(self.entries) < LINES_MAX:
            self.entries.append(entry)
        else:
            self.counted[entry.what] += 1


_logs: Final[dict[Path, _Waiting]] = {}
_lock: Final = threading.Lock()
"""Held for moments alone; `writing` for as long as the disk takes."""


def add(log: "AuditLog", entry: Entry, told: Told) -> None:
    with _lock:
        waiting = _logs.setdefault(log.path, _Waiting())
        waiting.log, waiting.told = log, told
        waiting.put(entry)
    LATE.soon(log.path, partial(settle, log.path))


def settle(path: Path) -> None:
    """Writes what waits for this log, or says why it cannot. Blocks."""
    with _lock:
        waiting = _logs.get(path)
    if waiting is None:
        return
    with waiting.writing:
        with _lock:
            entries, counted = waiting.entries, waiting.counted
            waiting.entries, waiting.counted = [], Counter()
            log, told = waiting.log, waiting.told
        if log is None or not (entries or counted):
            return
        problem = ""
        try:
            while entries:
                del entries[: len(log.write(entries))]
            for what in tuple(counted):
                log.write([_beyond(what, counted[what])])
                del counted[what]
        except PolicyError as error:
            problem = str(error)
        with _lock:
            later, waiting.entries = waiting.entries, entries
            waiting.counted.update(counted)
            for entry in later:
                waiting.put(entry)
        told(problem)  # before anybody else finds it settled, and in the order in which it was so
        with _lock:
            if not (waiting.entries or waiting.counted) and _logs.get(path) is waiting:
                del _logs[path]


def _beyond(what: str, times: int) -> Entry:
    return Entry(what, "this computer", f"{times} more, which came too fast to be written", {"times": times})


@atexit.register
def _once_more() -> None:
    """At the program's end, before it waits for what is written."""
    for path in tuple(_logs):
        LATE.soon(path, partial(settle, path))
