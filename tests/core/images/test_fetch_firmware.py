"""Firmware comes from Debian's packages as it is, and stands in the catalogue before and after."""

import pytest
from local_apt import LocalSource, source

from pocketvisor.errors import MissingImage
from pocketvisor.images.catalogue import catalogue
from pocketvisor.images.fetch import fetch, fetchable, fetched

__all__ = ["source"]

U_BOOT = b"\x12\0\0\xea" + b"u-boot"


def firmware_like(source: LocalSource) -> None:
    boot = "usr/lib/u-boot"
    source.add(
        "u-boot-qemu",
        "2023",
        {f"{boot}/qemu_arm/u-boot.bin": U_BOOT, f"{boot}/qemu_arm64/u-boot.bin": b"another"},
        arch="all",
    )
    images = {"AAVMF32_CODE.fd": b"\xfeuefi" + bytes(4096), "AAVMF32_VARS.fd": bytes(100)}
    source.add(
        "qemu-efi-arm", "2022", {f"usr/share/AAVMF/{name}": data for name, data in images.items()}, arch="all"
    )


async def test_both_are_fetched_and_can_be_started(source: LocalSource) -> None:
    firmware_like(source)
    for name in ("u-boot", "uefi"):
        assert name in fetchable()
        with pytest.raises(MissingImage, match=f"guests fetch {name}"):
            catalogue()[name].check()
        image = await fetch(name)
        image.check()
        assert catalogue()[name] == image == fetched(name)
        assert (image.kind, image.keep) == ("firmware", True)
    assert catalogue()["u-boot"].main_file.read_bytes() == U_BOOT
    uefi = catalogue()["uefi"]
    assert uefi.main_file.read_bytes() == b"\xfeuefi"  # the rest of the flash is zero anyway
    assert (uefi.display, catalogue()["u-boot"].display) == ("ramfb", "framebuffer")


async def test_what_the_sources_lack_is_said_with_a_way_by_hand(source: LocalSource) -> None:
    source.publish()
    with pytest.raises(MissingImage, match=r"(?s)u-boot-qemu.*run --firmware"):
        await fetch("u-boot")
