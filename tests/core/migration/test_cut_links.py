"""A link that is cut at any byte, and either side killed then: never two that run, exactly one when they talk
again, and nothing that it had is lost.

The source's guest counts as running here until it stands still for its last generation; the target's from the
moment at which it goes on.
"""

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from machines import Machine, Proxy
from phones import Move, Phone, Recorded, World

from pocketvisor.errors import MigrationError
from pocketvisor.migration import link as links
from pocketvisor.migration.departure import MoveUnknown

KILLED = ("nobody", "target", "source", "both")


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where that can be had: there are thousands of small files, and no power cut is tried here."""
    memory = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    yield path
    shutil.rmtree(path)


class Cuts:
    """The same move again and again, each time cut elsewhere."""

    def __init__(self, folder: Path, *, chunks: int, text: bool) -> None:
        self.folder = folder
        self.here, self.there = Machine(folder, "here"), Machine(folder, "there")
        self.here.trust(self.there)
        self.template = Phone(World(), folder / "template.vphone", chunks=chunks, text=text)
        self.template.save()
        self.template.change(1)
        self.template.save()
        self.template.file.close()
        self.ends: Counter[str] = Counter()

    async def once(self, cut: int | None, killed: str = "nobody") -> int:
        """How many bytes went over; checks everything."""
        path = self.folder / "phone.vphone"
        phone = Recorded.copied(World(), self.template, path)
        move = Move(self.here, self.there, phone, paired=True)
        await move.listen()
        proxy = Proxy(move.address, cut)
        through = await proxy.open()
        try:
            await self._moved(move, through, proxy, killed)
            assert not move.world.two
        finally:
            await proxy.close()
            await move.close()
            shutil.rmtree(self.there.folder / "profiles", ignore_errors=True)
            path.unlink()
        return proxy.passed

    async def _moved(self, move: Move, through: str, proxy: Proxy, killed: str) -> None:
        departure = move.departure(through)
        unknown = False
        try:
            await departure.run()
            self.ends["moved"] += 1
        except MoveUnknown:
            self.ends["unknown"] += 1
            unknown = True
            assert not move.phone.running
        except MigrationError:
            self.ends["stays"] += 1
            assert move.phone.running  # it goes on, at once
        proxy.cut = None  # the link is as good as new
        if killed in ("target", "both"):
            await move.kill_receiver()
        if killed in ("source", "both"):
            move.kill_source()
            await move.begin_source(through)
        elif unknown:
            try:
                await departure.settle()
            except MigrationError:
                assert move.phone.running
        assert len(move.world.live) == 1, move.state()
        if move.world.live == {"here"}:  # and the next attempt comes to its end
            assert move.state()[0] == "owner"
            await move.departure(through).run()
        assert move.world.live == {"there"}
        assert move.state() == ("given-up", "owner")
        move.check_arrived()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "LINGER_SECONDS", 0.05)


@pytest.fixture
def small(folder: Path) -> Cuts:
    return Cuts(folder, chunks=2, text=True)


async def test_a_small_phone_comes_through_links_that_are_cut(small: Cuts) -> None:
    """At some bytes of it; the long run takes every one."""
    whole = await small.once(None)
    assert whole > 3000
    chosen = random.Random(4).sample(range(whole), 60)
    last = range(whole - 400, whole, 9)  # where it changes hands
    for number, cut in enumerate([*chosen, *last]):
        await small.once(cut, KILLED[number % 4])
    assert min(small.ends["unknown"], small.ends["stays"]) > 5, small.ends  # both were tried


@pytest.mark.long
async def test_a_small_phone_comes_through_whatever_byte_is_the_last(small: Cuts) -> None:
    whole = await small.once(None)
    for cut in range(whole + 1):
        await small.once(cut, KILLED[cut % 4])


@pytest.fixture
def large(folder: Path) -> Cuts:
    """8 MiB that do not get smaller: many messages, several rounds."""
    return Cuts(folder, chunks=2048, text=False)


async def test_a_large_phone_comes_through_links_that_are_cut(large: Cuts) -> None:
    await at_some_bytes(large, 6)


@pytest.mark.long
async def test_a_large_phone_comes_through_a_thousand_cuts(large: Cuts) -> None:
    await at_some_bytes(large, 1000)


async def at_some_bytes(cuts: Cuts, count: int) -> None:
    whole = await cuts.once(None)
    assert whole > 8 << 20
    chosen = random.Random(5).sample(range(whole), count)
    for number, cut in enumerate(chosen):
        await cuts.once(cut, KILLED[number % 4])
