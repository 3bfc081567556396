"""Hostile goes on for ever in every mode, and is stopped at once."""

import asyncio
import time

import pytest

from pocketvisor.scheduler.host_time import HostClock
from pocketvisor.testing import AsyncGuest, SyncGuest, SyncHandset

from .phone import Phone

MODES = (
    ("mmio", "wild", "exec", "exec-kernel"),
    ("system", "fill", "kick", "timer"),
    ("hypercall", "noise", "rewrite", "remap"),
)
SILENT = ("spin", "flood")
STOPPED_WITHIN = 0.25
MIPS = 250
"""Of each: four of them leave something of this computer to the one that is to stop."""


def started(handset: SyncHandset, modes: tuple[str, ...]) -> list[SyncGuest]:
    guests = [handset.start("hostile", name=mode, append=f"hostile={mode}", rate=MIPS) for mode in modes]
    for mode, guest in zip(modes, guests, strict=True):
        guest.expect(f"{mode}: .*, from now on")
    return guests


def stop(handset: SyncHandset, guest: SyncGuest) -> None:
    """Beside a guest that is as busy and harms nobody: what this computer takes for other things, it takes
    from both."""
    assert guest.state == "running"
    assert "wrong answers" not in guest.text
    beside = handset.start("bench_mmio", append="rounds=1000 repeat=1000000", rate=MIPS)
    beside.expect("BEGIN")
    took, usual = guest._loop.run(seconds_to_stop(guest.guest, beside.guest))
    assert took - usual < STOPPED_WITHIN
    handset.remove(beside)


async def seconds_to_stop(*guests: AsyncGuest) -> list[float]:
    begun = time.monotonic()

    async def off(guest: AsyncGuest) -> float:
        await guest.power_off()
        return time.monotonic() - begun

    return await asyncio.gather(*(off(guest) for guest in guests))


@pytest.mark.parametrize("modes", MODES, ids=" ".join)
@pytest.mark.pocketvisor(record=False)
def test_each_mode_goes_on_until_it_is_stopped(handset: SyncHandset, modes: tuple[str, ...]) -> None:
    guests = started(handset, modes)
    for _ in range(2):
        for mode, guest in zip(modes, guests, strict=True):
            guest.expect(rf"{mode}: (\d+) ")
    for guest in guests:
        stop(handset, guest)


@pytest.mark.pocketvisor(record=False)
def test_those_that_say_nothing_go_on_too(handset: SyncHandset) -> None:
    guests = started(handset, SILENT)
    guests[0].wait_guest_time(1.0)
    for guest in guests:
        stop(handset, guest)


def test_a_touch_starts_a_mode(handset: SyncHandset) -> None:
    guest = handset.start("hostile")
    guest.expect("> ")
    width, height = guest.screenshot().size
    guest.tap(width // 4, height * 15 // 100)
    guest.expect("from now on")


def test_the_console_starts_a_mode(handset: SyncHandset) -> None:
    guest = handset.start("hostile")
    guest.expect("> ")
    guest.send_line("help")
    guest.expect("remap")
    guest.send_line("remap")
    guest.expect("remap: .* pages moved")


def test_it_costs_its_neighbour_no_more_than_its_share(handset: SyncHandset) -> None:
    """Hostile spins beside Work: Work goes on drawing, as far as this computer lets it."""
    work = Phone.start(handset, "work")
    hostile = handset.start("hostile", append="hostile=spin")
    hostile.expect("from now on")
    work.run("anim on")
    work.run("frames reset")
    stood = stands_in_line(work.guest)
    work.guest.wait_guest_time(2.0)
    stood = stands_in_line(work.guest) - stood
    assert work.frames()["frames"] > 24 * (2.0 - stood)


def stands_in_line(guest: SyncGuest) -> float:
    """Seconds, so far, in which its vCPU waited for a processor that others had."""
    clock = HostClock()
    try:
        its = clock.read(guest.guest.api.pid or 0, guest.counters().cpu_ns)
    finally:
        clock.close()
    return its.waited_ns / 1e9 if its is not None else 0.0
