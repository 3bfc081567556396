"""The status page is read as its layout says, and a reader is never led astray by it."""

import os
import struct
from pathlib import Path

import pytest

from pocketvisor.control.status import COUNTERS, PAGE_SIZE, StatusPage
from pocketvisor.guest.memory import create_memfd
from pocketvisor.guest.statistics import GuestCounters


@pytest.fixture
def page() -> StatusPage:
    page = StatusPage(create_memfd("test", PAGE_SIZE))
    return page


def _publish(page: StatusPage, number: int, corners: tuple[int, int, int, int]) -> None:
    struct.pack_into("<QHHHH", page._map, 0x240 + number % 64 * 16, number, *corners)
    struct.pack_into("<Q", page._map, 0x200, number)


def test_counters_are_in_the_engines_order() -> None:
    stub = Path(__file__).parents[3] / "core/pocketvisor/_native.pyi"
    body = stub.read_text().split("class Counters(TypedDict):")[1].split("\nclass ")[0]
    assert [line.split(":")[0].strip() for line in body.splitlines() if ": int" in line] == list(COUNTERS)
    assert set(COUNTERS) < set(GuestCounters.__struct_fields__)


def test_damage_is_what_changed_since(page: StatusPage) -> None:
    for number in range(1, 6):
        _publish(page, number, (number, 0, number + 1, 10))
    assert page.damage_since(3) == (5, [(4, 0, 5, 10), (5, 0, 6, 10)])
    assert page.damage_since(5) == (5, [])


@pytest.mark.parametrize("since", [0, 99, 1 << 40])
def test_damage_too_far_back_or_from_before_a_reset_is_everything(page: StatusPage, since: int) -> None:
    for number in range(1, 70):
        _publish(page, number, (0, 0, 1, 1))
    assert page.damage_since(since) == (69, None)


def test_a_ring_that_makes_no_sense_is_everything(page: StatusPage) -> None:
    struct.pack_into("<Q", page._map, 0x200, 7)
    assert page.damage_since(5) == (7, None)


def test_clearing_leaves_the_rate(page: StatusPage) -> None:
    page.rate = 123
    struct.pack_into("<Q", page._map, 8, 99)
    page.clear()
    assert (page.rate, page.head().ticks) == (123, 0)


def test_a_page_that_is_too_small_is_refused() -> None:
    fd = create_memfd("test", PAGE_SIZE - 1)
    with pytest.raises(ValueError, match="4096"):
        StatusPage(fd)
    os.close(fd)
