"""What goes over a call from one guest to another's service, and how much of it.

Both ways: messages, each 4 bytes of its length, little-endian, and then that many, at most MESSAGE_MAX. A
service sees whole messages alone. The first that it sees on each call is from the handset, which says who
calls; a guest has no way to send one in its place:

    0   8   "PVCALL" 0 1
    8   4   flags: 1 the caller's profile is known, 2 it is a program of the handset's user and no guest
    12  4   the port that was called
    16  16  account: the profile's id; else "guest" and the guest's id, zeros behind; zeros for a program
    32  64  the caller's name, UTF-8, zeros behind
"""

import struct
from collections.abc import Callable, Iterator
from typing import Final

from pocketvisor.errors import GuestError

MESSAGE_MAX: Final = 16 << 10
KNOWN_PROFILE: Final = 1
PROGRAM: Final = 2

_MAGIC: Final = b"PVCALL\0\1"
_INTRODUCTION: Final = struct.Struct("<8sII16s64s")
_LENGTH: Final = struct.Struct("<I")
_DEBT_SECONDS: Final = 2.0  # who asks for ever more waits no longer for it than this


class Messages:
    """Puts together what comes in pieces."""

    def __init__(self) -> None:
        self._begun = bytearray()

    @property
    def partial(self) -> bool:
        return bool(self._begun)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The whole messages that this completes, with their lengths before them. Raises GuestError where one
        is too long."""
        self._begun += data
        while len(self._begun) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._begun)
            if length > MESSAGE_MAX:
                raise GuestError(f"a message of {length} bytes, where {MESSAGE_MAX} are the most")
            end = _LENGTH.size + length
            if len(self._begun) < end:
                return
            message = bytes(self._begun[:end])
            del self._begun[:end]
            yield message


class Allowance:
    """So much a second, and no more than a second's worth at once."""

    def __init__(self, a_second: float, now: Callable[[], float]) -> None:
        self._rate = a_second
        self._now = now
        self._left = a_second
        self._at = now()

    def take(self, count: float) -> float:
        """Takes it, and says how many seconds to wait for it to be there."""
        self._left = max(self._there() - count, -_DEBT_SECONDS * self._rate)
        return max(0.0, -self._left / self._rate)

    def take_within(self, count: float, seconds: float) -> float | None:
        """The same, where that is not longer than this; else nothing is taken."""
        self._left = self._there()
        if self._left - count < -seconds * self._rate:
            return None
        return self.take(count)

    def _there(self) -> float:
        now = self._now()
        there = min(self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        return there


def framed(message: bytes) -> bytes:
    return _LENGTH.pack(len(message)) + message


def introduction(port: int, name: str, account: bytes, flags: int = 0) -> bytes:
    """The first message of a call."""
    shown = name.encode("utf-8", "replace")[:64].decode("utf-8", "ignore").encode()
    return _INTRODUCTION.pack(_MAGIC, flags, port, account, shown)


def guest_account(guest_id: str) -> bytes:
    """Of a guest that is kept in no profile: it goes when the guest goes."""
    return b"guest" + guest_id.encode()[:11]
