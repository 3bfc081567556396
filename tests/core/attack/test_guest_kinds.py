"""What a hostile guest tries from inside is seen to succeed where what stops it is taken away: in the guest's
process, or between the two guests."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from unguarded import Unguarded

from pocketvisor.attack import attack as attack_module
from pocketvisor.attack.attack import Attack
from pocketvisor.attack.attacker import Attacker
from pocketvisor.attack.kinds import RUNS, Way
from pocketvisor.attack.neighbour import Neighbour
from pocketvisor.attack.sheet import ScoreSheet
from pocketvisor.board import devicetree
from pocketvisor.board.config import BoardConfig
from pocketvisor.guest.guest import Guest
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.models import load_models


@pytest.fixture
async def phone() -> AsyncIterator[Handset]:
    handset = Handset(load_models()["nexus-one"])
    yield handset
    await handset.close()


async def tried(phone: Handset, *kinds: str, victim: Guest | None = None) -> ScoreSheet:
    async with asyncio.timeout(150):
        sheet = await Attack(phone, victim=victim, kinds=kinds).run()
    assert [outcome.kind.name for outcome in sheet.outcomes if not outcome.attempts] == []
    return sheet


def reached(sheet: ScoreSheet) -> dict[str, int]:
    return {outcome.kind.name: outcome.reached for outcome in sheet.outcomes}


def held(sheet: ScoreSheet) -> list[str]:
    """The kinds that came to nothing."""
    return [kind for kind, times in reached(sheet).items() if not times]


def kinds_of(way: Way) -> tuple[str, ...]:
    return tuple(run.kind.name for run in RUNS if run.way is way)


HOSTILE_RAM = 64 << 20

LENIENT = {
    # A chain goes round and round, and is taken for one all the same.
    "descriptor-loop": """
def walk(self, head, _walk=virtqueue.Virtqueue._walk):
    try:
        return _walk(self, head)
    except virtqueue.VirtqueueError:
        return virtqueue.Chain(head, (), ())
virtqueue.Virtqueue._walk = walk
""",
    # Whatever lies behind the table is a descriptor.
    "descriptor-index": """
def walk(self, head, _walk=virtqueue.Virtqueue._walk):
    self._size, size = 1 << 17, self._size
    try:
        return _walk(self, head)
    finally:
        self._size = size
virtqueue.Virtqueue._walk = walk
""",
    # A table is looked at wherever it is named.
    "indirect": """
def walk(self, head, _walk=virtqueue.Virtqueue._walk):
    try:
        return _walk(self, head)
    except virtqueue.VirtqueueError as error:
        if "indirect" not in str(error):
            raise
        return virtqueue.Chain(head, (), ())
virtqueue.Virtqueue._walk = walk
""",
    # More than all of a queue is taken from it.
    "ring-index": """
def waiting(self):
    return 1 if not self.position else 0
virtqueue.Virtqueue.waiting = waiting
""",
    # A device offers a queue of any size.
    "queue-size": """
from pocketvisor.devices.virtio_rng import VirtioRng
VirtioRng.queue_sizes = (1024,)
""",
}


async def test_all_of_it_is_held(phone: Handset) -> None:
    suite = kinds_of(Way.SUITE)
    sheet = await tried(phone, *suite)
    assert set(reached(sheet)) == set(suite)
    assert set(reached(sheet).values()) == {0}
    assert sheet.held
    assert sheet.attempts > 5000


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder, and so one nursery, for all of them."""
    return tmp_path_factory.mktemp("lenient")


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch, lenient: Path) -> Unguarded:
    return Unguarded(monkeypatch, lenient)


@pytest.mark.parametrize("kind", LENIENT)
async def test_a_device_that_trusts_its_driver_is_reached(
    phone: Handset, monitor_image: GuestImage, kind: str, unguarded: Unguarded
) -> None:
    unguarded.by("from pocketvisor.devices import virtqueue\n" + LENIENT[kind])
    victim = await phone.start(monitor_image)  # maybe a fork of before, without it; the next one is not
    assert reached(await tried(phone, kind, victim=victim))[kind] > 0


async def test_memory_behind_its_ram_is_reached_where_there_is_some(
    phone: Handset, monitor_image: GuestImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told of half of what it has: the rest is as a neighbour's would be that lay behind its own."""
    whole = devicetree.build

    def half(config: BoardConfig, *rest: Any, **named: Any) -> bytes:
        told = structs.replace(config, ram_size=config.ram_size // 2)
        return whole(told if config.ram_size == HOSTILE_RAM else config, *rest, **named)

    monkeypatch.setattr(devicetree, "build", half)
    victim = await phone.start(monitor_image)
    kinds = ("addresses", "dma-address", "dma-length", "ring-place")
    assert held(await tried(phone, *kinds, victim=victim)) == []


async def test_a_guest_that_is_not_its_neighbours_is_changed(
    phone: Handset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacker and neighbour are one guest: the boundary between two processes is what is taken away."""
    attacker = await Attacker.start(phone)

    async def same(handset: Handset, **_: Any) -> Attacker:
        return attacker

    async def runs_on(self: Neighbour) -> None:
        pass

    monkeypatch.setattr(attack_module.Attacker, "start", same)
    monkeypatch.setattr(Neighbour, "stand_still", runs_on)
    monkeypatch.setattr(attack_module, "_MODE_SECONDS", 0.3)
    assert held(await tried(phone, *kinds_of(Way.MODE), victim=attacker.guest)) == []


async def test_a_guest_without_a_share_takes_more_than_its_part(
    monitor_image: GuestImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a phone that is slower than this computer, whatever else that does."""
    slow = Handset(structs.replace(load_models()["nexus-one"], mips=1))
    victim = await slow.start(monitor_image)
    monkeypatch.setattr(Guest, "wants_share", property(lambda guest: guest is victim))
    # What it takes is seen the first time: nothing else could be the reason.
    monkeypatch.setattr(attack_module, "_TRIES", 1)
    monkeypatch.setattr(attack_module, "_LOAD_SECONDS", 2.0)
    try:
        sheet = await tried(slow, *kinds_of(Way.LOAD), victim=victim)
        assert held(sheet) == []
        assert all("MIPS" in outcome.sentence for outcome in sheet.outcomes)
    finally:
        await slow.close()
