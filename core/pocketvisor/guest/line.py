"""The line to one guest's process: a pair of seqpacket sockets, made for it before it is born.

The handset puts the descriptors that the process is to have into its end, each with the number that it is to
have them under, and hands the other end to the nursery. The nursery forks, and the newborn takes the
descriptors out. From then on the nursery alone holds that end: it says on it which process it is and how it
ended, in that order. Where either end is closed the process is killed, or is gone.
"""

import os
import socket
import struct
from array import array
from collections.abc import Sequence
from typing import Final, NamedTuple

DESCRIPTORS_MAX: Final = 4000
_IN_A_PACKET = 250  # Linux takes 253
_LEFT = struct.Struct("<I")
_NUMBER = struct.Struct("<I")
_NEWS = struct.Struct("<BI")
_BORN, _UNBORN, _ENDED = 1, 2, 3


class Born(NamedTuple):
    """`pidfd` is the receiver's to close."""

    pid: int
    pidfd: int


class Unborn(NamedTuple):
    """It could not be forked."""

    errno: int


class Ended(NamedTuple):
    """`status` as waitpid() gives it."""

    status: int


News = Born | Unborn | Ended


def put_descriptors(line: socket.socket, wanted: Sequence[tuple[int, int]]) -> None:
    """(descriptor, number to have it under) of each. Never waits; raises OSError."""
    at = 0
    while at < len(wanted):
        piece = wanted[at : at + _IN_A_PACKET]
        at += len(piece)
        numbers = b"".join(_NUMBER.pack(number) for _, number in piece)
        send(line, _LEFT.pack(len(wanted) - at) + numbers, [fd for fd, _ in piece])


def take_descriptors(line: socket.socket) -> list[tuple[int, int]]:
    """What put_descriptors() put in. Raises OSError where that is not what is there."""
    taken: list[tuple[int, int]] = []
    while True:
        data, fds = receive(line, _LEFT.size + _NUMBER.size * _IN_A_PACKET, _IN_A_PACKET)
        if not fds or len(data) != _LEFT.size + _NUMBER.size * len(fds):
            raise OSError("a guest's descriptors did not arrive")
        taken += zip(fds, (number for (number,) in _NUMBER.iter_unpack(data[_LEFT.size :])), strict=True)
        if not _LEFT.unpack_from(data)[0]:
            return taken


def place(wanted: Sequence[tuple[int, int]]) -> None:
    """Move each descriptor to its number, whatever stands there, and close all others but 0, 1 and 2."""
    holders = dict(wanted)
    numbers = {number for _, number in wanted}
    if len(holders) != len(wanted) or len(numbers) != len(wanted):
        raise OSError("two descriptors were to have one number")
    while holders:
        fd, number = holders.popitem()
        if fd == number:
            continue
        if number in holders:  # another one stands there that is still to be moved
            holders[os.dup(number)] = holders.pop(number)
        os.dup2(fd, number, inheritable=False)
        os.close(fd)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in numbers:
            try:
                os.close(int(name))
            except OSError:
                continue  # the one that listed the others


def tell(line: socket.socket, news: News) -> None:
    """Never waits; raises OSError where nobody listens any more."""
    match news:
        case Born(pid, pidfd):
            send(line, _NEWS.pack(_BORN, pid), [pidfd])
        case Unborn(errno):
            send(line, _NEWS.pack(_UNBORN, errno))
        case Ended(status):
            send(line, _NEWS.pack(_ENDED, status))


def hear(line: socket.socket) -> News | None:
    """The next news; None where there will be no more. Raises BlockingIOError where there is none yet."""
    try:
        try:
            data, fds = receive(line, 64, 1, socket.MSG_DONTWAIT)
        except ConnectionResetError:  # nobody took the descriptors; what was said before is still to be read
            data, fds = receive(line, 64, 1, socket.MSG_DONTWAIT)
    except BlockingIOError:
        raise
    except OSError:
        return None
    if len(data) == _NEWS.size:
        kind, value = _NEWS.unpack(data)
        if kind == _BORN and fds:
            return Born(value, fds[0])
        if kind == _UNBORN:
            return Unborn(value)
        if kind == _ENDED:
            return Ended(value)
    for fd in fds:
        os.close(fd)
    return None


def send(end: socket.socket, data: bytes, fds: Sequence[int] = ()) -> None:
    """One packet. Never waits; raises OSError."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", fds))] if fds else []
    end.sendmsg([data], rights, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)


def receive(end: socket.socket, size: int, fds_max: int, how: int = 0) -> tuple[bytes, list[int]]:
    """One packet, without data at the end. Not by socket.recv_fds(), which ignores its flags."""
    fds = array("i")
    data, ancillary, _, _ = end.recvmsg(
        size, socket.CMSG_SPACE(fds_max * fds.itemsize), socket.MSG_CMSG_CLOEXEC | how
    )
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    return data, list(fds)
