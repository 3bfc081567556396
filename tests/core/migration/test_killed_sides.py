"""Either side of a move is killed (SIGKILL, real processes, the real ledger) when some byte has passed: at no
time do two run, and when both are there again exactly one does."""

import asyncio
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from machines import Machine, Proxy
from phones import Phone, World

from pocketvisor.migration.lease import State
from pocketvisor.migration.leases import Leases
from pocketvisor.migration.shelf import Shelf
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.ledger import Ledger

SCRIPT = Path(__file__).with_name("killed_side.py")
FOREVER = 1 << 62


class Side:
    """A process, and when its phone ran."""

    def __init__(self, *arguments: str | Path) -> None:
        self._arguments = [str(argument) for argument in arguments]
        self.process: asyncio.subprocess.Process | None = None
        self.ran: list[list[int]] = []
        self._reading: asyncio.Task[None] | None = None
        self._killed = FOREVER

    async def begin(self) -> str:
        """What it says first."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, SCRIPT, *self._arguments, stdout=asyncio.subprocess.PIPE
        )
        assert self.process.stdout is not None
        first = ""
        if self._arguments[0] == "target":
            first = (await self.process.stdout.readline()).decode().strip()
        self._reading = asyncio.create_task(self._read(self.process.stdout))
        return first

    async def _read(self, output: asyncio.StreamReader) -> None:
        while line := await output.readline():
            word, _, when = line.decode().partition(" ")
            if word == "runs":
                self.ran.append([int(when), FOREVER])
            elif self.ran:
                self.ran[-1][1] = min(self.ran[-1][1], int(when))

    def kill(self) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            self._killed = time.monotonic_ns()

    async def end(self) -> None:
        assert self.process is not None and self._reading is not None
        await self.process.wait()
        await self._reading
        for times in self.ran:
            times[1] = min(times[1], self._killed)


class KillingProxy(Proxy):
    """Kills a side when so many bytes have passed, at once."""

    def __init__(self, address: str, at: int, side: Side) -> None:
        super().__init__(address)
        self._at = at
        self._side = side

    def passing(self) -> None:
        if self.passed >= self._at:
            self._side.kill()
            self._at = FOREVER


async def killed_once(folder: Path, at: int, which: str) -> int:
    """How many bytes have passed in all."""
    shutil.copyfile(folder / "template.vphone", folder / "phone.vphone")
    target = Side("target", folder)
    address = await target.begin()
    sides = {"target": target}
    proxy = KillingProxy(address, at, target)
    source = sides["source"] = Side("source", folder, await proxy.open())
    proxy._side = sides[which]
    try:
        await source.begin()
        await source.end()
        target.kill()
        await target.end()
        # Both begin again, over a link that holds.
        later_target = Side("target", folder)
        later_source = Side("source", folder, await later_target.begin())
        await later_source.begin()
        await later_source.end()
        later_target.kill()
        await later_target.end()
    finally:
        await proxy.close()
        for side in sides.values():
            side.kill()
    check(folder, [*source.ran, *later_source.ran], [*target.ran, *later_target.ran])
    return proxy.passed


def check(folder: Path, here: list[list[int]], there: list[list[int]]) -> None:
    for begin, end in here:
        assert all(end <= other or begin >= other_end for other, other_end in there)
    with ProfileFile.open(folder / "phone.vphone") as file:
        profile, last = file.id, file.head
    states = [
        record.state if (record := Leases(Ledger(folder / side / "ledger.sqlite")).get(profile)) else None
        for side in ("here", "there")
    ]
    assert states == [State.GIVEN_UP, State.OWNER]
    path = Shelf(folder / "there" / "profiles").find(profile)
    assert path is not None
    with ProfileFile.open(path) as file:
        assert file.head == last
        assert file.verify() == []
    for side in ("here", "there"):
        (folder / side / "ledger.sqlite").unlink()
    shutil.rmtree(folder / "there" / "profiles")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    here, there = Machine(tmp_path, "here"), Machine(tmp_path, "there")
    here.trust(there)
    phone = Phone(World(), tmp_path / "template.vphone", chunks=64)
    phone.save()
    phone.change(3)
    phone.save()
    phone.file.close()
    return tmp_path


async def killed_often(folder: Path, count: int) -> None:
    whole = await killed_once(folder, FOREVER, "source")
    chosen = random.Random(6)
    for number in range(count):
        at = chosen.randrange(whole) if number % 3 == 0 else whole - chosen.randrange(1500)
        await killed_once(folder, at, ("source", "target")[number % 2])


async def test_a_killed_side_leaves_one_phone(folder: Path) -> None:
    await killed_often(folder, 4)


@pytest.mark.long
async def test_sides_killed_a_hundred_times_leave_one_phone(folder: Path) -> None:
    await killed_often(folder, 100)
