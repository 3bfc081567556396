"""Firmware from Debian's packages as guests: U-Boot, and UEFI for 32 bits. Nothing of them is changed."""

from pathlib import Path, PurePosixPath

from pocketvisor.errors import ImageError
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.images.debian import Cancelled, Files
from pocketvisor.images.package import read_package

RECIPE = 1
"""Counted up when what is made here changes."""

BY_HAND = (
    "Give files of your own: `pocketvisor run --firmware FILE`. U-Boot is usr/lib/u-boot/qemu_arm/u-boot.bin "
    "of Debian's package u-boot-qemu, UEFI usr/share/AAVMF/AAVMF32_CODE.fd of qemu-efi-arm"
)

_SOURCES = {
    "u-boot": ("u-boot-qemu", "usr/lib/u-boot/qemu_arm/u-boot.bin"),
    "uefi": ("qemu-efi-arm", "usr/share/AAVMF/AAVMF32_CODE.fd"),
}

UNFETCHED = {
    image.id: image
    for image in (
        GuestImage(
            id="u-boot",
            name="U-Boot",
            kind="firmware",
            ram_mib=256,
            least_ram_mib=64,
            accent="#2c6fbb",
            description="The boot loader of most phones: boots a disk, or a kernel that it is given",
            keep=True,
            available=False,
            missing="U-Boot is not on this machine yet: fetch it with `pocketvisor guests fetch u-boot`, or "
            "give a file of your own with --firmware",
        ),
        GuestImage(
            id="uefi",
            name="UEFI",
            kind="firmware",
            ram_mib=256,
            least_ram_mib=128,
            accent="#5b4b8a",
            description="32-bit UEFI (EDK II): its setup and shell on the panel, keys from the console",
            display="ramfb",
            keep=True,
            available=False,
            missing="UEFI is not on this machine yet: fetch it with `pocketvisor guests fetch uefi`, or give "
            "a file of your own with --firmware",
        ),
    )
}


def package_of(guest: str) -> str:
    """The package that a firmware is in."""
    return _SOURCES[guest][0]


def firmware_files(guest: str, package: Path, cancelled: Cancelled) -> Files:
    """Its file, without the zeros that fill a flash up. ImageError where the package does not have it."""
    path = _SOURCES[guest][1]
    found = read_package(package, lambda name: name == path, cancelled=cancelled)
    if path not in found:
        raise ImageError(f"{package.name}: holds no {path}")
    return {"firmware": (PurePosixPath(path).name, found[path].rstrip(b"\0"))}
