"""The whole attack comes to nothing, leaves all as it was, and sees what it looks for where that is there."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from msgspec import structs

from pocketvisor.attack import neighbour, secret
from pocketvisor.attack.attack import Attack
from pocketvisor.attack.attacker import Attacker
from pocketvisor.attack.kinds import KINDS
from pocketvisor.attack.sheet import Progress, plain
from pocketvisor.errors import GuestError, OutOfMemory
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.memory import create_memfd
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import GuestImage, catalogue
from pocketvisor.models import load_models


@pytest.fixture
async def phone() -> AsyncIterator[Handset]:
    handset = Handset(load_models()["nexus-one"])
    yield handset
    await handset.close()


@pytest.fixture
async def victim(phone: Handset, monitor_image: GuestImage) -> Guest:
    guest = await phone.start(monitor_image)
    await guest.console.expect("^# ", timeout=20)
    return guest


async def test_nothing_is_reached_and_nobody_is_changed(phone: Handset) -> None:
    """At least 10,000 attempts of at least 25 kinds."""
    told: list[Progress] = []
    async with asyncio.timeout(400):
        sheet = await Attack(phone).run(told.append)
    assert [outcome.kind for outcome in sheet.outcomes if not outcome.held] == []
    assert [effect for effect in sheet.effects if not effect.unchanged] == []
    assert sheet.held, sheet.sentence
    assert (sheet.kinds, len(KINDS)) == (len(KINDS), len({kind.name for kind in KINDS}))
    assert sheet.kinds >= 25
    assert sheet.attempts >= 10_000
    few = [outcome for outcome in sheet.outcomes if outcome.kind.family == "engine" and outcome.attempts < 8]
    assert few == []
    compared = {effect.name for effect in sheet.effects}
    assert {"RAM", "panel", "files", "process", "frames", "console", "descriptors"} <= compared
    assert sheet.secrets.secrets >= secret.PLANTED
    assert sheet.secrets.places["its process's memory"] > 10 << 20
    assert sheet.secrets.places["its RAM"] == 64 << 20
    assert sheet.isolation is not None and sheet.isolation.calls_allowed
    assert plain(sheet)["held"] is True
    assert phone.guests == []
    assert told[-1].done == told[-1].total == len(KINDS)
    assert {progress.latest.kind.name for progress in told if progress.latest} == {
        kind.name for kind in KINDS
    }


async def test_a_guest_that_was_there_runs_on(phone: Handset) -> None:
    victim = await phone.start(catalogue()["work"])
    await victim.console.expect(r"ready after [\d.]+ ms\n> ", timeout=20)
    pid = victim.pid
    async with asyncio.timeout(60):
        sheet = await Attack(phone, victim=victim, kinds=["dma-address", "files", "random-code"]).run()
    assert sheet.held, sheet.sentence
    assert (sheet.victim, sheet.secrets.secrets > 0) == (victim.name, True)
    assert (victim.pid, victim.state, phone.guests) == (pid, "running", [victim])
    assert phone.foreground is victim
    victim.console.write(b"uptime\n")
    await victim.console.expect("uptime\n(?s:.+?)> ", timeout=20)


@pytest.mark.parametrize("paused", [False, True])
async def test_an_attack_that_is_given_up_leaves_all_as_it_was(
    phone: Handset, victim: Guest, paused: bool
) -> None:
    if paused:
        await victim.pause()
    begun = asyncio.Event()

    def tell(progress: Progress) -> None:
        if progress.latest is not None:
            begun.set()

    state = victim.state
    attack = asyncio.create_task(Attack(phone, victim=victim, kinds=["dma-address", "registers"]).run(tell))
    async with asyncio.timeout(60):
        await begun.wait()
    attack.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attack
    assert (victim.state, phone.guests) == (state, [victim])


async def test_kinds_that_there_are_not_are_refused(phone: Handset) -> None:
    with pytest.raises(GuestError, match="There is no kind of attack 'magic'; known are addresses, "):
        Attack(phone, kinds=["magic"])


async def test_a_handset_without_room_says_so(phone: Handset, monitor_image: GuestImage) -> None:
    large = structs.replace(monitor_image, ram_mib=phone.model.ram_mib - 8)
    guest = await phone.start(large)
    with pytest.raises(OutOfMemory):
        await Attack(phone, victim=guest).run()
    assert (phone.guests, guest.state) == ([guest], "running")


async def test_its_victim_stands_still_whatever_its_user_wants(phone: Handset, victim: Guest) -> None:
    refused = ""

    def tell(progress: Progress) -> None:
        nonlocal refused
        refused = refused or victim.held

    sheet = await Attack(phone, victim=victim, kinds=["sockets"]).run(tell)
    assert sheet.held
    assert refused == "Monitor stands still while it is attacked and compared"
    assert victim.held == ""


async def test_only_a_guest_that_runs_there_is_attacked(phone: Handset, victim: Guest) -> None:
    other = Handset(load_models()["palm-pre"])
    with pytest.raises(GuestError, match="Monitor is on Nexus One, not on "):
        await Attack(other, victim=victim).run()
    await victim.power_off()
    with pytest.raises(GuestError, match="Monitor is off: an attack is on a guest that runs"):
        await Attack(phone, victim=victim).run()
    assert phone.guests == [victim] and other.guests == []
    await other.close()


# What would be found, if it were there


async def test_a_secret_that_has_come_across_is_found(phone: Handset, victim: Guest) -> None:
    attacker = await Attacker.start(phone)
    await victim.pause()
    planted = secret.planted()
    await asyncio.to_thread(secret.put, victim, planted)
    assert await asyncio.to_thread(secret.held, victim, planted) == planted
    assert (await asyncio.to_thread(secret.search, attacker.guest, planted)).found == ()
    await asyncio.to_thread(secret.put, attacker.guest, planted[:1])
    found = (await asyncio.to_thread(secret.search, attacker.guest, planted)).found
    assert "Secret 1 of 8 is in its RAM" in found
    assert "Secret 1 of 8 is in its descriptors" in found
    assert not [sentence for sentence in found if not sentence.startswith("Secret 1 ")]
    await attacker.remove()


@pytest.mark.parametrize("end", ["killed", "removed"])
async def test_a_search_that_its_attacker_does_not_outlive_has_not_found_nothing(
    phone: Handset, victim: Guest, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel reads nothing out of a process that is gone, and calls that a success."""
    attacker = await Attacker.start(phone)
    guest, wanted = attacker.guest, secret.planted()
    begun, ended = threading.Event(), threading.Event()
    real = secret.process_memory

    def until_it_ended(pid: int) -> Iterator[bytes]:
        for piece in real(pid):
            yield piece
            begun.set()
            assert ended.wait(20)

    monkeypatch.setattr(secret, "process_memory", until_it_ended)
    searching = asyncio.create_task(guest.with_memory(lambda _: secret.search(guest, wanted)))
    assert await asyncio.to_thread(begun.wait, 20)
    if end == "killed":
        await guest.kill()
    else:
        await attacker.remove()
    ended.set()
    with pytest.raises(GuestError, match="Attacker ended while it was searched for secrets"):
        await searching
    with pytest.raises(GuestError):
        await guest.with_memory(lambda _: secret.strange_to(guest, wanted))


async def test_a_secret_in_a_process_is_found() -> None:
    planted = secret.planted()
    found: set[bytes] = set()
    for piece in secret.process_memory(os.getpid()):
        found |= {word for word in planted if word in piece}
    assert found == set(planted)


async def test_memory_in_common_is_seen(phone: Handset, victim: Guest) -> None:
    other = await phone.start(victim.image)
    assert neighbour.shared_descriptors(victim.pid, other.pid) == []
    assert neighbour.shared_descriptors(victim.pid, victim.pid) != []
    ours = create_memfd("in-common", 4096)
    try:
        (shared,) = (
            name for name in neighbour.shared_descriptors(os.getpid(), os.getpid()) if "in-common" in name
        )
        assert shared.startswith("/memfd:pocketvisor-in-common")
    finally:
        os.close(ours)


async def test_what_is_changed_is_seen(phone: Handset, victim: Guest) -> None:
    beside = neighbour.Neighbour(victim, own=False)
    await beside.stand_still()
    before = await beside.held()
    assert await beside.held() == before
    assert victim.ram is not None
    os.pwrite(victim.ram.own, b"\1", victim.ram.size - 1)
    changed = [
        effect.name for effect in neighbour.compared(before, await beside.held()) if not effect.unchanged
    ]
    assert changed == ["RAM"]


@pytest.mark.parametrize(
    ("own", "looks", "found"),
    [
        (True, [(58.0, 0.1)], 0),
        (True, [(2.0, 1.5), (40.0, 1.5), (30.0, 1.5)], 1),
        (True, [(2.0, 1.5), (50.0, 0.1)], 1),
        (True, [(2.0, 1.5)] * 4 + [(20.0, 1.5)], 4),
        (False, [(0.0, 0.1)], 0),
        (False, [(0.0, 1.5), (0.0, 0.1)], 1),
    ],
)
async def test_what_it_usually_does_is_looked_at_again_on_a_busy_computer(
    victim: Guest, monkeypatch: pytest.MonkeyPatch, own: bool, looks: list[tuple[float, float]], found: int
) -> None:
    services = [neighbour.Service(frames, None, elsewhere) for frames, elsewhere in looks]
    left = iter(services)

    async def served(self: neighbour.Neighbour) -> neighbour.Service:
        return next(left)

    monkeypatch.setattr(neighbour.Neighbour, "served", served)
    usual = await neighbour.Neighbour(victim, own=own).usually_served()
    assert usual is services[found] and not list(left)


def test_worse_service_is_seen() -> None:
    before = neighbour.Service(60.0, 0.01)
    assert neighbour.worse(before, neighbour.Service(58.0, 0.1)) == ""
    assert "frames: 30 a second and not 60" in neighbour.worse(before, neighbour.Service(30.0, 0.1))
    assert "console: 3000 ms and not 10 ms" in neighbour.worse(before, neighbour.Service(60.0, 3.0))
    (frames, _) = neighbour.served_effects(before, neighbour.Service(30.0, 0.1, elsewhere=1.5))
    assert frames.unchanged and "1.5 of this computer's processors" in frames.note
