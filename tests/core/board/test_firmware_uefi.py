"""Debian's 32-bit UEFI, unmodified: its shell, its setup on the panel, its variables, and what it boots."""

import asyncio
import io
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from firmware_disks import fat_disk
from PIL import Image

from pocketvisor.api import Guest, GuestImage, Handset, RunOptions, catalogue, image_from_files, load_models
from pocketvisor.storage.disk import DiskSpec

FIRMWARE = Path("/usr/share/AAVMF/AAVMF32_CODE.fd")
SECONDS = 240.0
GREY = (0x98, 0x98, 0x98)

Colours = dict[tuple[int, int, int], float]

pytestmark = pytest.mark.skipif(not FIRMWARE.exists(), reason="qemu-efi-arm is not installed")


@pytest.fixture
async def phone() -> AsyncIterator[Handset]:
    phone = Handset(load_models()["galaxy-s2"])
    yield phone
    await phone.close()


@pytest.fixture
def debian() -> GuestImage:
    image = catalogue()["debian"]
    if not image.available:
        pytest.skip(image.missing)
    return image


def options(**more: object) -> RunOptions:
    return RunOptions(rate="max", **more)  # type: ignore[arg-type]


async def hurried(phone: Handset, image: GuestImage, **more: object) -> Guest:
    """With the key pressed already that ends its wait for those who want its setup."""
    guest = await phone.start(image, options=options(**more))
    guest.console.write(b"\r")
    return guest


async def first_shell(guest: Guest) -> None:
    """It looks for a key each second, and for an escape it looks twice: what it is could be longer."""
    await guest.console.expect("Press ESC", SECONDS)
    guest.console.write(b"\r")
    await shell(guest)


async def shell(guest: Guest) -> None:
    await guest.console.expect("Shell> ", SECONDS)


async def asked(guest: Guest, line: str) -> None:
    """A line, and all that it has to do: a prompt alone may be that for a key of before."""
    guest.console.write(f"{line}\recho did {line.split()[1]}\r".encode())
    await guest.console.expect(f"^did {line.split()[1]}", SECONDS)


async def test_variables_survive_a_power_cycle_and_a_killed_process(phone: Handset, tmp_path: Path) -> None:
    flash = tmp_path / "variables.fd"
    image = image_from_files(firmware=FIRMWARE, ram_mib=256)
    guest = await hurried(phone, image, flash=flash)
    await first_shell(guest)
    await asked(guest, "set kept over-reset")
    guest.console.write(b"reset\r")  # through PSCI: a new process
    await guest.console.expect("UEFI firmware", SECONDS)
    guest.console.write(b"\r")
    await first_shell(guest)
    guest.console.write(b"set kept\r")
    await guest.console.expect("over-reset", SECONDS)
    await asked(guest, "set also over-power-off")
    await guest.kill()
    await phone.remove(guest)
    assert flash.stat().st_blocks * 512 < 4 << 20
    guest = await hurried(phone, image, flash=flash)
    await first_shell(guest)
    guest.console.write(b"set\r")
    await guest.console.expect(r"(?s)(over-reset.*over-power-off|over-power-off.*over-reset)", SECONDS)


async def test_its_setup_is_on_the_panel_and_follows_the_keys(phone: Handset) -> None:
    image = image_from_files(firmware=FIRMWARE, ram_mib=256)
    guest = await hurried(phone, image, display="ramfb")
    await first_shell(guest)
    assert guest.panel.picture.scanout
    guest.console.write(b"exit\r")
    await guest.console.expect("Boot Maintenance Manager", SECONDS)
    first = await shown(guest, lambda colours: colours.get(GREY, 0) > 0.4)
    guest.console.write(b"\x1b[B")  # down, to the Device Manager
    await shown(guest, lambda colours: colours != first and colours.get(GREY, 0) > 0.4)


async def shown(guest: Guest, like: Callable[[Colours], bool]) -> Colours:
    """The panel's colours and how much of it each has, when they are like that."""
    async with asyncio.timeout(SECONDS):
        while True:
            picture = Image.open(io.BytesIO(await guest.screenshot())).convert("RGB")
            assert picture.width >= 640
            size = picture.width * picture.height
            data = picture.tobytes()
            counts = Counter(zip(data[::3], data[1::3], data[2::3], strict=True))
            colours = {colour: count / size for colour, count in counts.items()}
            if like(colours):
                return colours
            await next_frame(guest)


async def next_frame(guest: Guest) -> None:
    changed = asyncio.Event()
    unsubscribe = guest.on("frame", changed.set)
    try:
        async with asyncio.timeout(1):
            await changed.wait()
    except TimeoutError:
        pass
    finally:
        unsubscribe()


@pytest.mark.debian
@pytest.mark.parametrize("legacy", [False, True], ids=["modern", "legacy"])
async def test_it_boots_a_kernel_from_a_virtio_disk(
    phone: Handset, debian: GuestImage, tmp_path: Path, legacy: bool
) -> None:
    """As far as that has to do with the disk."""
    disk = tmp_path / "disk.img"
    disk.write_bytes(fat_disk({"EFI/BOOT/BOOTARM.EFI": debian.main_file.read_bytes()}))
    before = os.stat(disk).st_mtime_ns
    image = image_from_files(firmware=FIRMWARE, ram_mib=256)
    guest = await hurried(phone, image, disks=(DiskSpec(path=disk),), legacy_virtio=legacy)
    await guest.console.expect("EFI stub: Booting Linux Kernel", SECONDS)
    assert os.stat(disk).st_mtime_ns == before


@pytest.mark.debian
async def test_it_boots_a_kernel_that_it_is_handed(phone: Handset, debian: GuestImage) -> None:
    image = image_from_files(
        firmware=FIRMWARE,
        kernel=debian.kernel,
        initrd=debian.initrd,
        append="console=ttyAMA0 handed-in",
        ram_mib=256,
    )
    guest = await hurried(phone, image)
    await guest.console.expect("EFI stub: Loaded initrd", SECONDS)
    await guest.console.expect("Linux version [0-9.]+-[0-9]+-armmp", SECONDS)
    await guest.console.expect("efi: EFI v2", SECONDS)
    await guest.console.expect("Kernel command line: .*handed-in", SECONDS)
    await guest.console.expect("^debian:/root# ", SECONDS)
