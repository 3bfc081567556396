"""One network process for all guests: begun and ended as needed, shut in, and missed by all if it dies."""

import asyncio
import os
import select
import signal
import socket
from pathlib import Path

from pocketvisor.network.messages import AttachSwitch, AttachUser, Counters, StartCapture
from pocketvisor.network.sidecar import Sidecar

SECONDS = 30


class Owner:
    def __init__(self) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def port_counted(self, counters: Counters) -> None: ...
    def port_user_ended(self, serial: int) -> None: ...
    def port_capture_ended(self, sentence: str) -> None: ...

    def port_lost(self, sentence: str) -> None:
        self.lost.set_result(sentence)


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_there_is_one_for_all_ports_and_it_ends_with_the_last() -> None:
    one, two = await asyncio.gather(Sidecar.shared(), Sidecar.shared())
    assert one is two and lives(one.pid)
    first = one.add_port(Owner(), bytes(6), 1)
    second = one.add_port(Owner(), bytes(6), 1)
    await one.remove_port(first)
    assert lives(one.pid)
    await one.remove_port(second)
    assert not one.alive and not lives(one.pid)


async def test_it_can_open_nothing_and_gain_nothing() -> None:
    sidecar = await Sidecar.shared()
    try:
        status = Path(f"/proc/{sidecar.pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status
    finally:
        await sidecar.end()


async def test_its_death_is_told_to_every_port_and_another_is_begun() -> None:
    sidecar = await Sidecar.shared()
    owners = [Owner(), Owner()]
    for owner in owners:
        sidecar.add_port(owner, bytes(6), 1)
    os.kill(sidecar.pid, signal.SIGKILL)
    async with asyncio.timeout(SECONDS):
        for owner in owners:
            assert await owner.lost == "The network process was ended by signal 9"
    other = await Sidecar.shared()
    assert other is not sidecar and other.alive
    await other.end()


async def test_what_it_cannot_make_sense_of_ends_it_with_a_sentence() -> None:
    sidecar = await Sidecar.shared()
    owner = Owner()
    sidecar.add_port(owner, bytes(6), 1)
    sidecar.tell(AttachSwitch(12345, "lab"))
    async with asyncio.timeout(SECONDS):
        assert "there is no port 12345" in await owner.lost


async def test_its_last_sentence_is_heard_behind_all_that_it_said_before() -> None:
    """Its end is seen at once with them, where the program was busy meanwhile."""
    sidecar = await Sidecar.shared()
    owner = Owner()
    for number in range(30):
        port = sidecar.add_port(owner if number == 0 else Owner(), bytes(6), 1)
        ours, theirs = socket.socketpair()
        ours.close()
        with theirs:
            sidecar.tell(AttachUser(port, 1), theirs.fileno())
    sidecar.tell(AttachSwitch(12345, "lab"))
    ended = os.pidfd_open(sidecar.pid)
    assert select.select([ended], [], [], SECONDS)[0]
    os.close(ended)
    async with asyncio.timeout(SECONDS):
        assert "there is no port 12345" in await owner.lost


async def test_it_does_what_it_was_told_before_it_ends(tmp_path: Path) -> None:
    sidecar = await Sidecar.shared()
    port = sidecar.add_port(Owner(), bytes(6), 1)
    os.kill(sidecar.pid, signal.SIGSTOP)  # it stands in line
    with (tmp_path / "frames.pcap").open("wb") as file:
        sidecar.tell(StartCapture(port, 4096), file.fileno())
    ending = asyncio.create_task(sidecar.remove_port(port))
    await asyncio.sleep(0)
    os.kill(sidecar.pid, signal.SIGCONT)
    await ending
    assert not lives(sidecar.pid)
    assert (tmp_path / "frames.pcap").stat().st_size == 24
