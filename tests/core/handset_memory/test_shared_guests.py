"""Guests of one handset have together what is the same: none of them knows, and each can go its own way."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sharing_worker import MIB, worker_image

from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState, RunOptions
from pocketvisor.handset import Handset
from pocketvisor.handset_memory import memory
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.models import load_models
from pocketvisor.moving import move
from pocketvisor.policies.applying import deliver
from pocketvisor.policies.authority import AuthorityKey
from pocketvisor.policies.signing import DocumentKind, sign
from pocketvisor.storage.lazy import BLOCK

STRETCH = 300_000


@pytest.fixture(autouse=True)
def _own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nobody searches but these tests."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(memory, "_SEARCH_SECONDS", (3600.0, 3600.0))


@pytest.fixture
def image(tmp_path: Path) -> GuestImage:
    return worker_image(tmp_path)


@pytest.fixture
async def phones() -> AsyncIterator[list[Handset]]:
    phones = [Handset(load_models()["palm-pre"], name) for name in ("One", "Other")]
    yield phones
    for phone in phones:
        await phone.close()


async def begin(phone: Handset, image: GuestImage, ticks: int = 0, **options: Any) -> Guest:
    """Paused, after so many ticks."""
    wanted = RunOptions(paused=True, deterministic=True, rate="max", **options)
    guest = await phone.start(image, options=wanted)
    if ticks:
        await guest.run_until(ticks)
    return guest


def shared(guest: Guest) -> int:
    assert guest.ram is not None
    return guest.ram.foreign_bytes


async def test_an_image_is_there_once_from_the_start(phones: list[Handset], image: GuestImage) -> None:
    phone, other = phones
    await other.memory.set_share(False)
    guests = [await begin(phone, image) for _ in range(3)]
    alone = await begin(other, image)
    now = phone.memory.now()
    assert now.shared == 2 * MIB and now.merged == 0
    assert [one.shared for one in now.guests] == [2 * MIB] * 3
    assert now.held == sum(one.held for one in now.guests) <= 2 * MIB + 3 * BLOCK
    assert now.saved == sum(one.saved for one in now.guests) >= 4 * MIB - 3
    assert other.memory.now().shared == 0 and other.memory.now().private >= 2 * MIB
    assert {await guest.digest() for guest in guests} == {await alone.digest()}

    untouched = await guests[1].digest()
    await guests[0].run_until(STRETCH)
    await alone.run_until(STRETCH)
    assert await guests[0].digest() == await alone.digest() != untouched
    assert await guests[1].digest() == await guests[2].digest() == untouched
    assert MIB - BLOCK <= shared(guests[0]) <= MIB, "what it writes is its own"
    assert shared(guests[1]) == 2 * MIB


async def two_alike(phone: Handset, image: GuestImage) -> tuple[list[Guest], str]:
    """Guests that have done the same, and share nothing yet; and what both are."""
    await phone.memory.set_share(False)
    guests = [await begin(phone, image, STRETCH) for _ in range(2)]
    return guests, await guests[0].digest()


async def test_what_became_the_same_is_found_and_taken_apart_again(
    phones: list[Handset], image: GuestImage
) -> None:
    phone = phones[0]
    guests, digest = await two_alike(phone, image)
    assert phone.memory.now().saved == 0
    assert phone.memory.now().guests[0].alone == "Memory is not shared on this phone"

    await phone.memory.set_share(True)
    found = await phone.memory.search()
    now = phone.memory.now()
    assert found.shared >= 4 * MIB // BLOCK and now.merged >= 2 * MIB and now.shared == 0
    assert now.private < MIB // 2 and now.saved >= 2 * MIB - 2
    assert [await guest.digest() for guest in guests] == [digest, digest]
    assert (await phone.memory.search()).shared == 0, "there is no more of it"

    await guests[0].run_until(2 * STRETCH)
    assert await guests[1].digest() == digest != await guests[0].digest()
    await phone.memory.set_share(False)
    now = phone.memory.now()
    assert (now.saved, now.shared, now.merged, now.share) == (0, 0, 0, False)
    assert now.private >= 4 * MIB and phone.memory._pool.held == 0
    assert await guests[1].digest() == digest


async def test_what_is_found_is_counted_whoever_else_searches(
    phones: list[Handset], image: GuestImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handset does by itself, all the time here."""
    monkeypatch.setattr(memory, "_SEARCH_SECONDS", (0.001, 0.001))
    await two_alike(phones[0], image)
    await phones[0].memory.set_share(True)
    assert (await phones[0].memory.search()).shared >= 4 * MIB // BLOCK


async def test_one_whose_memory_was_found_alike_goes_on_in_a_new_process(
    phones: list[Handset], image: GuestImage
) -> None:
    """Its new process is told of layers that came while the one before ran."""
    phone = phones[0]
    guests, digest = await two_alike(phone, image)
    await phone.memory.set_share(True)
    assert (await phone.memory.search()).shared > 0
    await guests[0].put_back(await guests[0].save())
    assert await guests[0].digest() == digest
    await asyncio.gather(*(guest.run_until(2 * STRETCH) for guest in guests))
    assert await guests[0].digest() == await guests[1].digest() != digest


async def test_a_guest_does_what_it_would_alone(phones: list[Handset], image: GuestImage) -> None:
    """Searched, trimmed, taken apart, cloned and put together at any moment: the same at the same tick."""
    phone, other = phones
    await other.memory.set_share(False)
    guests = [await begin(phone, image) for _ in range(2)]
    alone = await begin(other, image)
    chance = random.Random(3)
    taken = 0
    for _ in range(25):
        match chance.randrange(5):
            case 0 | 1:
                taken += (await phone.memory.search()).shared
            case 2:
                await phone.memory.set_share(not phone.memory.share)
            case 3:
                await phone.memory.trim()
            case 4 if len(guests) < 4:
                clone = await phone.clone(chance.choice(guests))
                guests.append(clone)
        guest = chance.choice(guests)
        target = guest.ticks + chance.randrange(1, STRETCH)
        await guest.run_until(target)
    last = max(guest.ticks for guest in guests) + 1000
    for guest in (*guests, alone):
        await guest.run_until(last)
    assert {await guest.digest() for guest in guests} == {await alone.digest()}
    assert {guest.ticks for guest in guests} == {alone.ticks}
    assert taken > 0


async def test_it_is_found_while_guests_run(phones: list[Handset], image: GuestImage) -> None:
    """They write all over what is compared meanwhile: nothing of one comes to the other."""
    phone = phones[0]
    await phone.memory.set_share(False)
    guests = [await begin(phone, image, 1000) for _ in range(3)]
    await phone.memory.set_share(True)
    for guest in guests:
        await guest.resume()
    for _ in range(5):
        await phone.memory.search()
    for guest in guests:
        await guest.pause()
    assert phone.memory.now().saved >= MIB, "the half that nobody writes"
    last = max(guest.ticks for guest in guests) + 1000
    for guest in guests:
        await guest.run_until(last)
    assert len({await guest.digest() for guest in guests}) == 1


async def test_kept_restored_cloned_and_reset_it_is_the_same(
    phones: list[Handset], image: GuestImage, tmp_path: Path
) -> None:
    phone = phones[0]
    guest, second = [await begin(phone, image, STRETCH) for _ in range(2)]
    await phone.memory.search()
    digest = await guest.digest()
    assert shared(guest) >= 2 * MIB
    clone = await phone.clone(guest)
    assert await clone.digest() == digest
    generation = await guest.keep(tmp_path / "worker.vphone")
    await guest.run_until(2 * STRETCH)
    changed = await guest.digest()
    later = await guest.snapshot()
    await guest.restore(generation.number, paused=True)
    assert await guest.digest() == digest
    await guest.restore(later.number, paused=True)
    assert await guest.digest() == changed
    await phone.memory.search()
    assert await guest.digest() == changed
    await second.run_until(2 * STRETCH)
    await phone.memory.search()
    assert await second.digest() == changed and shared(guest) >= MIB
    await phone.remove(guest)
    assert (await second.digest(), await clone.digest()) == (changed, digest)


async def test_on_another_handset_it_has_all_for_itself(phones: list[Handset], image: GuestImage) -> None:
    phone, other = phones
    guest, second = [await begin(phone, image, STRETCH) for _ in range(2)]
    await phone.memory.search()
    digest = await guest.digest()
    await move(guest, other)
    async with asyncio.timeout(60):
        while shared(guest) or guest.capturing.locked():
            await asyncio.sleep(0.05)
    assert await guest.digest() == await second.digest() == digest
    (there,) = other.memory.now().guests
    assert there.saved == 0 and there.private >= 2 * MIB
    assert [one.id for one in phone.memory.now().guests] == [second.id]
    third = await begin(other, image, STRETCH)
    await other.memory.search()
    assert other.memory.now().saved >= 2 * MIB - 2
    await phone.close()
    assert await guest.digest() == await third.digest() == digest


async def test_nothing_is_left_of_guests_that_are_gone(phones: list[Handset], image: GuestImage) -> None:
    phone = phones[0]
    guests = [await begin(phone, image, STRETCH) for _ in range(2)]
    await phone.memory.search()
    assert phone.memory._pool.held >= 2 * MIB
    await guests[0].kill()
    assert guests[0].state is GuestState.OFF and len(phone.memory.now().guests) == 1
    digest = await guests[1].digest()
    await guests[0].restart()
    assert await guests[1].digest() == digest
    for guest in guests:
        await phone.remove(guest)
    await phone.memory.search()
    assert phone.memory._pool.held == 0


async def test_one_that_does_not_answer_holds_nobody_up(phones: list[Handset], image: GuestImage) -> None:
    phone = phones[0]
    silent, *others = [await begin(phone, image, STRETCH) for _ in range(3)]
    await phone.memory.set_share(False)
    await phone.memory.set_share(True)
    os.kill(silent.pid, signal.SIGSTOP)
    searching = asyncio.create_task(phone.memory.search())
    async with asyncio.timeout(30):
        while not silent.capturing.locked():
            await asyncio.sleep(0.01)
        await silent.kill()  # it is asked just now
    assert (await searching).shared >= 4 * MIB // BLOCK
    assert all(shared(other) >= 2 * MIB for other in others)


async def test_a_policy_keeps_a_guest_apart(phones: list[Handset], image: GuestImage, tmp_path: Path) -> None:
    phone = phones[0]
    work, personal, other = [await begin(phone, image, STRETCH) for _ in range(3)]
    await work.keep(tmp_path / "work.vphone")
    profile = work.profile
    assert profile is not None
    await phone.memory.search()
    digest = await work.digest()
    assert shared(work) >= 2 * MIB
    key = AuthorityKey.new()
    text = (
        f'[policy]\nprofile = "{profile.file.id.hex()}"\nnumber = 1\norganisation = "Acme"\n'
        "issued = 2026-01-01T00:00:00Z\n\n[memory]\nshare = false\n"
    )
    document = sign(text, DocumentKind.POLICY, key)
    await asyncio.to_thread(deliver, document, profile.file.id, file=profile.file)
    async with asyncio.timeout(60):
        while shared(work) or work.capturing.locked():
            await asyncio.sleep(0.05)
    await phone.memory.search()
    now = {one.id: one for one in phone.memory.now().guests}
    assert now[work.id].saved == 0 and "Acme" in now[work.id].alone
    assert now[personal.id].saved > 0 and now[personal.id].alone == ""
    assert await work.digest() == await other.digest() == digest
    await work.reset()
    assert shared(work) == 0, "nor its image's content"


async def test_who_may_no_more_when_it_was_looked_at_shares_nothing(
    phones: list[Handset], image: GuestImage
) -> None:
    """A search takes a while, and a policy comes when it comes."""
    phone = phones[0]
    guests = [await begin(phone, image, STRETCH) for _ in range(3)]
    await phone.memory.set_share(False)
    await phone.memory.set_share(True)
    finder, late = phone.memory._finder, guests[0]
    await finder.search(guests)  # the first look
    assert not any(shared(guest) for guest in guests)
    found = await finder.search(guests, may=lambda guest: guest is not late)
    assert found.shared and all(shared(guest) for guest in guests[1:])
    assert not shared(late)
