"""Descriptors come out of a line under the numbers they were put in with, whatever stood there."""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pocketvisor.guest.line import (
    Born,
    Ended,
    Unborn,
    hear,
    place,
    put_descriptors,
    take_descriptors,
    tell,
)

Line = tuple[socket.socket, socket.socket]


@pytest.fixture
def line() -> Iterator[Line]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize("count", [1, 250, 251, 600])
def test_any_number_of_descriptors_goes_through(line: Line, count: int) -> None:
    ours, theirs = line
    fd = os.memfd_create("one")
    put_descriptors(ours, [(fd, number) for number in range(1000, 1000 + count)])
    taken = take_descriptors(theirs)
    assert [number for _, number in taken] == list(range(1000, 1000 + count))
    assert all(os.path.sameopenfile(fd, taken_fd) for taken_fd, _ in taken)
    for each in (fd, *(taken_fd for taken_fd, _ in taken)):
        os.close(each)


def test_what_is_no_packet_of_descriptors_is_an_error(line: Line) -> None:
    ours, theirs = line
    for wrong in (b"", b"\0", b"\0\0\0\0\7\0\0\0"):
        ours.send(wrong)
        with pytest.raises(OSError, match="did not arrive"):
            take_descriptors(theirs)
    ours.close()
    with pytest.raises(OSError, match="did not arrive"):
        take_descriptors(theirs)


# In a process of its own: all descriptors but those wanted are closed.
PLACED = """
import os
from pocketvisor.guest.line import place

order, numbers = {order}, {numbers}
fds = [os.memfd_create(str(index)) for index in range(len(order))]
names = [os.fstat(fd).st_ino for fd in fds]
place([(fds[index], number) for index, number in zip(order, numbers)])
assert [os.fstat(number).st_ino for number in numbers] == [names[index] for index in order]
stand = {{int(name) for name in os.listdir("/proc/self/fd")}}
assert {{number for number in stand if number > 2 and number not in numbers}} <= {{max(stand - set(numbers))}}
assert not any(os.get_inheritable(number) for number in numbers if number > 2)
print("placed")
"""


@pytest.mark.parametrize("seed", range(4))
def test_each_is_moved_to_its_number_though_others_stand_there(seed: int) -> None:
    chance = random.Random(seed)
    order = list(range(12))
    chance.shuffle(order)
    numbers = [2, *chance.sample(range(3, 20), 11)]
    script = PLACED.format(order=order, numbers=numbers)
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ran.stdout == "placed\n", ran.stderr


def test_two_for_one_number_are_refused() -> None:
    with pytest.raises(OSError, match="one number"):
        place([(100, 50), (101, 50)])


def test_news_come_in_order_and_end(line: Line) -> None:
    ours, theirs = line
    with pytest.raises(BlockingIOError):
        hear(ours)
    fd = os.memfd_create("a pidfd")
    tell(theirs, Born(17, fd))
    tell(theirs, Ended(9))
    tell(theirs, Unborn(12))
    born = hear(ours)
    assert isinstance(born, Born) and born.pid == 17 and os.path.sameopenfile(fd, born.pidfd)
    assert [hear(ours), hear(ours)] == [Ended(9), Unborn(12)]
    theirs.close()
    assert hear(ours) is None
    os.close(born.pidfd)
    os.close(fd)


def test_senseless_news_are_the_end(line: Line) -> None:
    ours, theirs = line
    fd = os.memfd_create("none of ours")
    before = len(os.listdir("/proc/self/fd"))
    socket.send_fds(theirs, [b"what?"], [fd])
    assert hear(ours) is None
    assert len(os.listdir("/proc/self/fd")) == before
    os.close(fd)


def test_news_are_heard_though_nobody_took_the_descriptors(line: Line) -> None:
    ours, theirs = line
    fd = os.memfd_create("not taken")
    put_descriptors(ours, [(fd, 10)])
    tell(theirs, Ended(9))
    theirs.close()
    assert [hear(ours), hear(ours)] == [Ended(9), None]
    os.close(fd)
