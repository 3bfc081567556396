"""Debian's real packages give guests that can be started; needs the network at first, then the cache."""

import asyncio
import gzip
import io

import pytest
from real_debian import fetch_debian

from pocketvisor.images import cpio
from pocketvisor.images.catalogue import GuestImage, catalogue
from pocketvisor.images.debian import MODULES

pytestmark = pytest.mark.debian


@pytest.fixture(scope="module", autouse=True)
def fetched() -> None:
    asyncio.run(fetch_debian())


def disk(image: GuestImage) -> dict[str, cpio.Entry]:
    assert image.initrd is not None
    content = gzip.decompress(image.initrd.read_bytes())
    return {entry.name: entry for entry in cpio.read(io.BytesIO(content))}


def test_debians_first_disk_holds_a_shell_and_drivers_for_the_boards_devices() -> None:
    found = disk(catalogue()["debian"])
    assert found["bin/busybox"].content.startswith(b"\x7fELF\x01\x01")
    modules = {
        name.rpartition("/")[2]: entry.content for name, entry in found.items() if name.endswith(".ko")
    }
    assert {f"{name}.ko" for name in MODULES} <= set(modules)
    assert all(content.startswith(b"\x7fELF") for content in modules.values())
    depend = next(entry.content for name, entry in found.items() if name.endswith("/modules.dep"))
    assert b"ext4.ko: jbd2.ko" in depend or b"ext4.ko: mbcache.ko" in depend or b"ext4.ko: crc16.ko" in depend
    aliases = next(entry.content for name, entry in found.items() if name.endswith("/modules.alias"))
    assert b"alias virtio:d00000010v* virtio_gpu\n" in aliases and b"alias fs-ext4 ext4\n" in aliases


def test_the_installer_has_drivers_for_the_keyboard_on_the_panel() -> None:
    names = {name.rpartition("/")[2] for name in disk(catalogue()["debian-installer"])}
    assert {"virtio_mmio.ko", "virtio_input.ko"} <= names


def test_the_kernels_are_zimages() -> None:
    for image_id in ("debian", "debian-installer"):
        with catalogue()[image_id].main_file.open("rb") as stream:
            assert stream.read(0x28)[0x24:0x28] == (0x016F2818).to_bytes(4, "little")
