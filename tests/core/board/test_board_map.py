"""The board's table: nothing overlaps, and what the handset models may name is there."""

from itertools import pairwise

import msgspec
import pytest

from pocketvisor.board import map as board
from pocketvisor.board.config import BoardConfig, Entry, PanelConfig, tick_ps
from pocketvisor.devices.keys import HARDWARE_KEYS, POWER_LINE, key_lines
from pocketvisor.models import KEY_NAMES, load_models


def test_no_parts_overlap() -> None:
    parts = sorted(board.PARTS.values())
    for lower, upper in pairwise(parts):
        assert lower.base + lower.size <= upper.base


def test_every_key_of_a_model_has_a_code_and_a_line() -> None:
    assert set(KEY_NAMES) == set(HARDWARE_KEYS)
    for model in load_models().values():
        lines = key_lines(model.keys)
        assert lines["power"] == POWER_LINE
        assert len(set(lines.values())) == len(model.keys)


@pytest.mark.parametrize("keys", [("power", "power"), ("jump",), tuple(HARDWARE_KEYS)])
def test_impossible_keys_are_refused(keys: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"key"):
        key_lines(keys)


def test_every_panel_of_a_model_fits_the_framebuffer() -> None:
    for model in load_models().values():
        assert PanelConfig(model.panel.width, model.panel.height).size <= board.FRAMEBUFFER.size


def test_configuration_goes_over_the_wire() -> None:
    config = BoardConfig(
        ram_size=64 << 20,
        panel=PanelConfig(480, 800),
        tick_ps=tick_ps(2000),
        entry=Entry(pc=0x8000, thumb=True),
    )
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(config), type=BoardConfig) == config
    assert config.tick_ps == 500
    assert config.entry.registers()["cpsr"] == 0x1F3


@pytest.mark.parametrize(
    "field, value", [("ram_size", 0), ("ram_size", 4 << 30), ("ram_size", (1 << 20) + 1)]
)
def test_impossible_configuration_is_refused(field: str, value: int) -> None:
    good = msgspec.to_builtins(BoardConfig(ram_size=64 << 20, panel=PanelConfig(480, 800), tick_ps=500))
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(good | {field: value}, BoardConfig)
