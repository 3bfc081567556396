"""Names of interrupts, and boards that cannot be. Real ones are in tests/core/native."""

from typing import Any

import pytest

from pocketvisor.debug.board_state import board_state, interrupt_device, interrupt_name
from pocketvisor.errors import DebugError

CLOCK = {"clock": {"bytes": 8004, "base": 4, "correction": 600, "tick_ps": 500}}


@pytest.mark.parametrize(
    ("number", "name", "device"),
    [
        (3, "SGI 3", ""),
        (27, "PPI 11", "virtual timer"),
        (30, "PPI 14", "physical timer"),
        (33, "SPI 1", "pl011"),
        (48, "SPI 16", "virtio touch"),
        (52, "SPI 20", "virtio disk 0"),
        (72, "SPI 40", "virtio slot 24"),
        (145, "SPI 113", "user device 1"),
        (200, "SPI 168", ""),
    ],
)
def test_an_interrupt_has_a_name_and_a_device(number: int, name: str, device: str) -> None:
    assert (interrupt_name(number), interrupt_device(number)) == (name, device)


@pytest.mark.parametrize(
    "parts",
    [
        {"clock": None},
        {"gic": 7},
        {"gic": {"enabled": [0]}},
        {"gtimer": {"compare": [0, -1], "control": [0, 0], "frequency": 0}},
        {"gtimer": {"compare": [0] * 3, "control": [0, 0], "frequency": 0}},
    ],
)
def test_a_board_that_cannot_be_is_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(DebugError, match="cannot be"):
        board_state({**CLOCK, **parts})


def test_a_board_without_parts_is_empty() -> None:
    state = board_state(CLOCK)
    assert state.gic is None
    assert state.timers == []
    assert state.count == 100
