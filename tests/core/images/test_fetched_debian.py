"""Debian's real packages give guests that can be started; needs the network at first, then the cache."""

import asyncio
import gzip
import io
import os

import pytest

from pocketvisor.errors import ImageError
from pocketvisor.images import cpio
from pocketvisor.images.catalogue import GuestImage, catalogue
from pocketvisor.images.fetch import fetch

pytestmark = pytest.mark.debian


@pytest.fixture(scope="module", autouse=True)
def fetched() -> None:
    try:
        asyncio.run(fetch("debian"))
    except ImageError as problem:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(problem))


def disk(image: GuestImage) -> dict[str, cpio.Entry]:
    assert image.initrd is not None
    content = gzip.decompress(image.initrd.read_bytes())
    return {entry.name: entry for entry in cpio.read(io.BytesIO(content))}


def test_debians_first_disk_holds_a_shell_and_a_keyboard() -> None:
    found = disk(catalogue()["debian"])
    assert found["bin/busybox"].content.startswith(b"\x7fELF\x01\x01")
    order = found["lib/modules/order"].content.split()
    assert {b"virtio_mmio.ko", b"virtio_input.ko", b"evdev.ko"} <= set(order)
    for name in order:
        assert found[f"lib/modules/{name.decode()}"].content.startswith(b"\x7fELF")


def test_the_installer_has_drivers_for_the_keyboard_on_the_panel() -> None:
    names = {name.rpartition("/")[2] for name in disk(catalogue()["debian-installer"])}
    assert {"virtio_mmio.ko", "virtio_input.ko"} <= names


def test_the_kernels_are_zimages() -> None:
    for image_id in ("debian", "debian-installer"):
        with catalogue()[image_id].main_file.open("rb") as stream:
            assert stream.read(0x28)[0x24:0x28] == (0x016F2818).to_bytes(4, "little")
