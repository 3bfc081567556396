"""Debians share what they have alike, and give memory back when their phone runs short of it."""

import asyncio

import msgspec
import pytest
from kept_debian import BOOT_SECONDS, PROMPT, Booted

from pocketvisor.api import (
    Guest,
    GuestImage,
    GuestState,
    Handset,
    OutOfMemory,
    RunOptions,
    catalogue,
    load_models,
)

pytestmark = pytest.mark.debian

MIB = 1 << 20


async def _booted(phone: Handset, image: GuestImage, **options: object) -> Guest:
    guest = await phone.start(image, options=RunOptions(rate="max", **options))  # type: ignore[arg-type]
    await guest.console.expect(PROMPT, BOOT_SECONDS)
    return guest


async def _says(guest: Guest, command: str, pattern: str, seconds: float = 60) -> str:
    guest.console.write(f"{command}\r".encode())
    found = await guest.console.expect(pattern, seconds)
    await guest.console.expect(PROMPT, 60)
    return found[0]


async def _alive(guest: Guest) -> None:
    await _says(guest, "echo al$((1))ive", "^al1ive")


async def _held(phone: Handset, guest: Guest) -> float:
    return next(one.held for one in phone.memory.now().guests if one.id == guest.id) / MIB


async def test_two_of_one_image_take_far_less_than_twice_the_memory(
    phone: Handset, image: GuestImage
) -> None:
    """PSS of their processes; see the benchmark `sharing` for four, and for what is measured."""
    await phone.memory.set_share(False)
    guests = [await _booted(phone, image, ram_mib=256) for _ in range(2)]
    sums = [await _says(guest, "sha256sum /bin/busybox", "^[0-9a-f]{64}") for guest in guests]
    alone = sum([await guest.memory_cost() for guest in guests])
    await phone.memory.set_share(True)
    await phone.memory.search()
    await phone.memory.trim()
    together = sum([await guest.memory_cost() for guest in guests])
    assert together < 0.6 * alone
    now = phone.memory.now()
    assert now.saved > 15 * MIB and now.held < 90 * MIB
    assert [await _says(guest, "sha256sum /bin/busybox", "^[0-9a-f]{64}") for guest in guests] == sums
    await phone.memory.set_share(False)
    assert phone.memory.now().saved == 0
    for guest in guests:
        await _alive(guest)


async def test_two_and_two_small_ones_live_on_256_mib_and_give_when_one_grows(
    booted: Booted,
) -> None:
    phone = Handset(load_models()["palm-pre"])
    try:
        idle, grows = [await booted.start(phone, ram_mib=192) for _ in range(2)]
        small = [
            await phone.start(catalogue()[name], options=RunOptions(rate="max"))
            for name in ("personal", "work")
        ]
        assert phone.memory.now().held < 160 * MIB
        with pytest.raises(OutOfMemory, match="MiB of RAM left, the guest wants 192"):
            await booted.start(phone, ram_mib=192)

        # What it had and does not need any more is what it gives.
        fill = "dd if=/dev/urandom of=/tmp/x bs=1M count={}; echo DO$((1))NE"
        await _says(idle, f"{fill.format(85)}; rm /tmp/x", "^DO1NE", 120)
        before = await _held(phone, idle)
        assert before > 80
        phone.set_foreground(grows)
        await _says(grows, "mount -o remount,size=150m /tmp; echo RE$((1))ADY", "^RE1ADY")
        await _says(grows, fill.format(125), "^DO1NE", 120)
        async with asyncio.timeout(60):
            while phone.memory.now().free < 8 * MIB:
                await asyncio.sleep(0.2)
        assert await _held(phone, idle) < before - 10
        assert grows.balloon.pressed_mib == 0, "who is idle gives first"
        for guest in (idle, grows):
            await _alive(guest)
        await _says(grows, "dd if=/tmp/x of=/dev/null bs=1M", r"^125\+0 records in")
        assert [guest.state for guest in (idle, grows, *small)] == [GuestState.RUNNING] * 4

        # And it comes back as there is room.
        await phone.remove(grows)
        async with asyncio.timeout(60):
            while idle.balloon.pressed_mib or idle.balloon.actual_mib:
                await asyncio.sleep(0.2)
        await _alive(idle)
    finally:
        await phone.close()


async def test_who_starts_makes_the_others_shrink_first(booted: Booted) -> None:
    model = msgspec.structs.replace(load_models()["palm-pre"], ram_mib=208)
    phone = Handset(model)
    try:
        large = await booted.start(phone, ram_mib=192)
        await _says(
            large, "dd if=/dev/urandom of=/tmp/x bs=1M count=75; echo DO$((1))NE; rm /tmp/x", "^DO1NE", 120
        )
        before = await _held(phone, large)
        small = await phone.start(catalogue()["personal"], options=RunOptions(rate="max", ram_mib=100))
        assert small.state is GuestState.RUNNING
        assert await _held(phone, large) < before - 10
        await _alive(large)
    finally:
        await phone.close()
