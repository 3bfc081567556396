"""Counts what a probe tries. A call that the kernel so much as looked into has reached something, whatever
came of it: only a refusal at the door counts as held."""

import ctypes
import errno
import os
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

LIBC: Final = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
REFUSALS: Final = frozenset({errno.EPERM, errno.EACCES})
NOWHERE: Final = 0xDEAD0000
"""An address at which nothing is."""


class Ask(Struct):
    """One probe. `targets`: processes that are none of this one's business; `allowed`: the filter's list."""

    probe: str
    targets: list[int] = []
    allowed: list[int] = []
    home: str = "/"
    number: int = 0


class Told(Struct):
    probe: str
    attempts: int = 0
    reached: int = 0
    stopped_by: dict[str, int] = {}
    sentence: str = ""


class Tally:
    """Counts the attempts of one probe."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.attempts = self.reached = 0
        self.stopped: Counter[str] = Counter()
        self.sentence = ""

    def call(self, what: str, number: int, *arguments: Any, held: Iterable[int] = REFUSALS) -> int:
        """Its result, or minus its error's number."""
        ctypes.set_errno(0)
        plain = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
        result = int(LIBC.syscall(ctypes.c_long(number), *plain))
        code = ctypes.get_errno() if result < 0 else 0
        self.attempts += 1
        if code in held and code:
            self.stopped[errno.errorcode.get(code, str(code))] += 1
        else:
            self.got(f"{what} {'worked' if not code else 'was answered ' + errno.errorcode.get(code, '?')}")
        return result if result >= 0 else -code

    def got(self, sentence: str) -> None:
        self.reached += 1
        self.sentence = self.sentence or sentence

    def held(self, by: str) -> None:
        self.attempts += 1
        self.stopped[by] += 1

    def told(self) -> Told:
        return Told(self.ask.probe, self.attempts, self.reached, dict(self.stopped), self.sentence)


def close_if_open(fd: int) -> None:
    if fd >= 0:
        os.close(fd)


def open_descriptors() -> list[int]:
    found = []
    for fd in range(3, 1024):
        try:
            os.fstat(fd)
        except OSError:
            continue
        found.append(fd)
    return found
