"""A board has one display: the framebuffer, a GPU in slot 2, or firmware's own, as it is asked for."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from test_devicetree import CONFIG, nodes_of

from pocketvisor.board import devicetree
from pocketvisor.board.config import DevicesConfig

pytestmark = pytest.mark.guest_process

GPU_SLOT = 0x0A000400


@pytest.mark.parametrize("display", ["framebuffer", "gpu", "ramfb"])
def test_the_tree_has_a_framebuffer_only_where_it_is_the_display(inside: bool, display: Any) -> None:
    config = msgspec.structs.replace(CONFIG, devices=DevicesConfig(display=display))
    found = "/chosen/framebuffer@c000000" in nodes_of(devicetree.build(config))
    assert found is (display == "framebuffer")


def test_a_gpu_is_there_where_it_is_asked_for(tmp_path: Path, inside: bool) -> None:
    if not inside:
        return
    from built_board import PokeBoard

    from pocketvisor.devices.virtio_gpu import SetPanel

    plain = PokeBoard(tmp_path)
    assert plain.read(GPU_SLOT + 0x08) == 0
    poke = PokeBoard(tmp_path, devices=DevicesConfig(display="gpu"))
    assert poke.read(GPU_SLOT + 0x08) == 16
    assert [poke.read(GPU_SLOT + 0x100 + 4 * n) for n in range(4)] == [0, 0, 1, 0]
    poke.board.control("gpu", msgspec.msgpack.encode(SetPanel(480, 320)))
    poke.settle()
    assert poke.read(GPU_SLOT + 0x100) == 1, "the display has changed"
    poke.board.control("gpu", msgspec.msgpack.encode(SetPanel(480, 320)))
    with pytest.raises(ValueError, match="panel"):
        poke.board.control("gpu", b"\xc1")
    assert poke.board.save()["virtio"]["2"]["device"]["width"] == 480
