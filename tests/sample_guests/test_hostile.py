"""Hostile goes on for ever in every mode, and is stopped at once."""

import time

import pytest

from pocketvisor.testing import SyncGuest, SyncHandset

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


def stop(guest: SyncGuest) -> None:
    assert guest.state == "running"
    assert "wrong answers" not in guest.text
    begun = time.monotonic()
    guest.power_off()
    assert time.monotonic() - begun < STOPPED_WITHIN


@pytest.mark.parametrize("modes", MODES, ids=" ".join)
@pytest.mark.pocketvisor(record=False)
def test_each_mode_goes_on_until_it_is_stopped(handset: SyncHandset, modes: tuple[str, ...]) -> None:
    guests = started(handset, modes)
    for _ in range(2):
        for mode, guest in zip(modes, guests, strict=True):
            guest.expect(rf"{mode}: (\d+) ")
    for guest in guests:
        stop(guest)


@pytest.mark.pocketvisor(record=False)
def test_those_that_say_nothing_go_on_too(handset: SyncHandset) -> None:
    guests = started(handset, SILENT)
    guests[0].wait_guest_time(1.0)
    for guest in guests:
        stop(guest)


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
    """Hostile spins beside Work: Work goes on drawing."""
    work = Phone.start(handset, "work")
    hostile = handset.start("hostile", append="hostile=spin")
    hostile.expect("from now on")
    work.run("anim on")
    work.run("frames reset")
    work.guest.wait_guest_time(2.0)
    assert work.frames()["frames"] > 48
