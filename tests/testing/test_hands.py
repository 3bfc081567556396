"""A guest under test is touched in its own time, however late the host lets it come to what it has to do."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pocketvisor.testing import SyncGuest, SyncHandset

pytestmark = pytest.mark.pocketvisor("personal", rtc_epoch=1_795_240_800)
PAUSE = 1.5


@contextmanager
def standing_still(guest: SyncGuest, seconds: float) -> Iterator[None]:
    """Its process gets no processor for so long, from now on."""
    pid = guest.guest.api.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    timer = threading.Timer(seconds, os.kill, (pid, signal.SIGCONT))
    timer.start()
    try:
        yield
    finally:
        timer.join()


@pytest.fixture
def phone(guest: SyncGuest) -> SyncGuest:
    guest.expect("> ")
    guest.send_line("home")
    guest.expect("home\n> ")
    guest.wait_still()
    return guest


def test_a_tap_is_one_though_the_guest_comes_late_to_it(phone: SyncGuest) -> None:
    phone.send_line("trace on")
    phone.expect("trace on\n> ")
    with standing_still(phone, PAUSE):
        begun = time.monotonic()
        phone.tap(100, 5, 0.3)
        assert time.monotonic() - begun >= PAUSE + 0.3
    phone.expect("touch 100 5 down")
    phone.expect("touch 100 5 up")


def test_a_long_press_is_one_though_the_guest_wakes_late(phone: SyncGuest) -> None:
    """What it wakes for while the key is held comes before the key is let go."""
    phone.guest.api.hardware_key("power", True)
    phone.wait_guest_time(0.2)
    with standing_still(phone, PAUSE):
        phone.wait_guest_time(0.8)
    phone.guest.api.hardware_key("power", False)
    phone.wait_guest_time(0.1)
    phone.send_line("where")
    assert "Power off" in phone.expect(r"(?s)screen home\n(.*?)> ")[1]


def test_a_panel_that_would_change_does_not_stand_still(phone: SyncGuest) -> None:
    before = phone.screenshot()
    phone.send_line("app contacts")
    phone.expect("app contacts\n> ")  # its transition is under way
    with standing_still(phone, PAUSE):
        phone.wait_still()
    after = phone.screenshot()
    assert after != before
    phone.wait_still(1.0)
    assert phone.screenshot() == after


def test_what_entered_an_idle_guest_is_counted_at_once(phone: SyncGuest) -> None:
    """Its figures stand for as long as it waits, so they are those of the moment when it began to."""
    status = phone.guest.api.status
    events = status.counters()["events"]
    for number in range(1, 101):
        phone.write("x" if number % 2 else "\b")
        until = time.monotonic() + 30
        while status.counters()["events"] < events + number:
            assert time.monotonic() < until, f"{status.counters()['events'] - events} of {number} are counted"


@pytest.mark.pocketvisor("bench_mmio", append="rounds=1000 repeat=100000", rtc_epoch=None)
def test_a_guest_without_a_touch_screen_holds_up_no_gesture(handset: SyncHandset) -> None:
    guest = handset.start()
    guest.expect("BEGIN")
    begun = time.monotonic()
    guest.swipe((10, 10), (400, 400))
    assert time.monotonic() - begun < 60
