"""What is touched while the host has not heard of the guest's driver yet: its doorbell is on its way."""

import struct

import pytest
from queue_bench import Bench

from pocketvisor.devices.touch import TouchScreen
from pocketvisor.devices.virtio_input import VirtioInput


class Glass:
    """A touch screen on a bench whose driver has offered its buffers."""

    def __init__(self) -> None:
        self.screen = TouchScreen(320, 480)
        self.device = VirtioInput(self.screen)
        self.bench = Bench(self.device)

    def begin(self, *, heard: bool) -> None:
        self.bench.start(heard=heard)
        for _ in range(self.bench.size):
            self.bench.give(0, [], [8])

    def touch(self, phase: str) -> None:
        """As the board does it."""
        self.device.look()
        assert self.screen.touch(10, 20, phase, 0)
        self.device.flush()

    @property
    def told(self) -> list[tuple[int, ...]]:
        return [struct.unpack("<HHI", data) for _, data in self.bench.take(0)]


@pytest.fixture
def glass() -> Glass:
    return Glass()


def expected() -> list[tuple[int, ...]]:
    glass = Glass()
    glass.begin(heard=True)
    glass.touch("down")
    return glass.told


def test_a_driver_that_has_just_begun_is_told(glass: Glass) -> None:
    glass.begin(heard=False)
    glass.touch("down")
    assert glass.told == expected() != []


def test_one_that_has_begun_anew_is_told_and_not_the_one_before(glass: Glass) -> None:
    glass.begin(heard=True)
    glass.bench.reset(heard=False)
    glass.begin(heard=False)
    glass.touch("down")
    assert glass.told == expected()


def test_one_that_has_just_gone_is_not(glass: Glass) -> None:
    glass.begin(heard=True)
    glass.bench.reset(heard=False)
    glass.touch("down")
    assert glass.told == []
    glass.begin(heard=True)
    assert glass.told == [], "what was touched before it began is nothing to it"
