"""What guests take from the battery: each pays for its own, and a low battery is the background's burden."""

import struct
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest

from pocketvisor import phone_power
from pocketvisor.api import GuestState, PhoneError, load_models
from pocketvisor.control.status import PAGE_SIZE, StatusPage
from pocketvisor.guest.memory import create_memfd
from pocketvisor.phone import Phone
from pocketvisor.policies.document import parse_policy
from pocketvisor.power import Power

MODEL = load_models()["palm-pre"]
RATE = MODEL.mips * 1_000_000


class _Guest:
    """A guest's page, worked by hand."""

    def __init__(self, name: str) -> None:
        self.id = self.name = name
        self.state = GuestState.RUNNING
        self.network: Any = None
        self.governed: Any = None
        self.status = StatusPage(create_memfd("test", PAGE_SIZE))
        self._ticks = self._clock = 0

    def worked(self, ticks: float, seconds: float) -> None:
        self._ticks += int(ticks)
        self._clock += int(seconds * 1e9)
        struct.pack_into("<QQ", self.status._map, 8, self._ticks, self._clock)


@pytest.fixture
def phone() -> Phone:
    return Phone(MODEL)


class _Two:
    def __init__(self, phone: Phone) -> None:
        self.front, self.back = _Guest("front"), _Guest("back")
        self.guests = [self.front, self.back]
        self.power = Power(MODEL, phone, lambda: self.guests, lambda: self.front)
        self.power.look()

    def pass_time(self, seconds: float, front: float = 0.0, back: float = 0.0) -> None:
        """At loads from 0 to 1."""
        for _ in range(round(seconds * 2)):
            self.front.worked(front * RATE / 2, 0.5)
            self.back.worked(back * RATE / 2, 0.5)
            self.power.look()


def test_each_pays_for_what_it_does_and_the_one_in_front_for_the_panel(phone: Phone) -> None:
    two = _Two(phone)
    two.pass_time(20, front=0.2, back=0.6)
    now = two.power.now()
    front, back = now.guests
    assert front.cpu_ma == pytest.approx(0.2 * phone_power.CPU_MA, rel=0.01)
    assert back.cpu_ma == pytest.approx(0.6 * phone_power.CPU_MA, rel=0.01)
    assert (front.panel_ma, back.panel_ma) == (pytest.approx(phone_power.PANEL_MA, rel=0.01), 0)
    assert now.ma == pytest.approx(front.ma + back.ma + phone_power.IDLE_MA, rel=0.01)
    assert back.mah == pytest.approx(0.6 * phone_power.CPU_MA * 20 / 3600, rel=0.01)
    assert front.share + back.share == pytest.approx(1)


def test_a_guest_that_idles_in_the_background_costs_nothing(phone: Phone) -> None:
    two = _Two(phone)
    two.pass_time(10)
    assert two.power.now().guests[1].ma == two.power.now().guests[1].mah == 0


def test_paused_guests_take_nothing_and_the_panel_is_dark(phone: Phone) -> None:
    two = _Two(phone)
    two.pass_time(10, front=1.0)
    two.front.state = GuestState.PAUSED
    for _ in range(10):
        two.power.look()
    now = two.power.now()
    assert (now.ma, now.hours_left) == (0, None)


def test_bytes_over_the_air_are_paid_by_who_sends_them(phone: Phone) -> None:
    two = _Two(phone)
    counters = SimpleNamespace(sent_bytes=0, received_bytes=0)
    two.back.network = SimpleNamespace(state=SimpleNamespace(counters=counters))
    two.power.look()
    for _ in range(20):
        counters.sent_bytes += 10_000
        counters.received_bytes += 5_000
        two.pass_time(0.5)
    front, back = two.power.now().guests
    assert front.radio_ma == 0
    expected = phone_power.radio_ma(30_000, 1.0, phone.signal.radio)
    assert back.radio_ma == pytest.approx(expected, rel=0.05) and expected > 1
    phone.set_signal(radio="none")
    two.pass_time(30)
    assert two.power.now().guests[1].radio_ma < 0.05


def test_the_level_falls_by_what_was_drawn(phone: Phone) -> None:
    two = _Two(phone)
    phone.set_draining(True)
    two.pass_time(1800, back=0.5)
    drawn = phone_power.IDLE_MA + phone_power.PANEL_MA + 0.5 * phone_power.CPU_MA
    assert phone.battery.level == pytest.approx(80 - 100 * drawn / 2 / MODEL.battery_mah, rel=0.001)
    left = two.power.now().hours_left
    assert left == pytest.approx(phone.battery.level / 100 * MODEL.battery_mah / drawn, rel=0.01)


def test_what_a_guest_claims_is_bounded(phone: Phone) -> None:
    two = _Two(phone)
    two.back.worked(1 << 62, 1e9)
    two.power.look()
    assert two.power.now().guests[1].ma <= phone_power.CPU_MA
    assert two.power.now().guests[1].mah <= phone_power.CPU_MA


def test_a_low_battery_is_the_backgrounds_burden(phone: Phone) -> None:
    two = _Two(phone)
    two.power.set_low(percent=20, background_mips=50)
    assert two.power.background_mips(two.back) == 0
    phone.set_battery(20)
    assert two.power.background_mips(two.back) == 50
    now = two.power.now()
    assert now.is_low and [guest.throttled_mips for guest in now.guests] == [0, 50]
    phone.set_battery(plugged=True)
    assert two.power.background_mips(two.back) == 0


def _governed(low_percent: int, background_mips: int) -> SimpleNamespace:
    text = f"""
        [policy]
        profile = "{"ab" * 16}"
        number = 1
        issued = 2026-11-01T00:00:00Z
        [power]
        low_percent = {low_percent}
        background_mips = {background_mips}
    """
    return SimpleNamespace(policy=parse_policy(dedent(text)), released=False)


def test_a_policy_may_ask_for_less_than_the_handset(phone: Phone) -> None:
    two = _Two(phone)
    two.back.governed = _governed(40, 30)
    two.power.set_low(percent=20, background_mips=50)
    phone.set_battery(35)
    assert two.power.background_mips(two.back) == 30
    phone.set_battery(15)
    assert two.power.background_mips(two.back) == 30
    two.back.governed = _governed(40, 90)
    assert two.power.background_mips(two.back) == 50
    two.back.governed = _governed(40, 20)
    assert two.power.background_mips(two.back) == 20
    two.back.governed.released = True
    assert two.power.background_mips(two.back) == 50
    two.back.governed = _governed(0, 0)
    assert two.power.background_mips(two.back) == 50


@pytest.mark.parametrize("given", [{"percent": 101}, {"percent": -1}, {"background_mips": 0}])
def test_an_impossible_low_battery_changes_nothing(phone: Phone, given: dict[str, int]) -> None:
    two = _Two(phone)
    before = two.power.low
    with pytest.raises(PhoneError, match="A low battery"):
        two.power.set_low(**given)
    assert two.power.low == before
