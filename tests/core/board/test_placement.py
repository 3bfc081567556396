"""Images are placed and entered as QEMU's `virt` does: a program reports it, on QEMU and on our board."""

import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from programs import REPORT

from pocketvisor.board.config import ImageFiles

pytestmark = pytest.mark.guest_process

QEMU = shutil.which("qemu-system-arm")
needs_qemu = pytest.mark.skipif(QEMU is None, reason="qemu-system-arm is not installed")


def qemu(*arguments: str) -> list[str]:
    machine = ["-M", "virt,gic-version=2", "-cpu", "cortex-a15", "-nographic", "-monitor", "none"]
    assert QEMU is not None
    done = subprocess.run(
        [QEMU, *machine, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.split()


def ours(kind: str, main: Path, ram_mib: int, **files: object) -> list[str]:
    from built_board import BuiltBoard, config

    from pocketvisor.board.loaders import load

    board_config = config(ram_mib)
    plan = load(ImageFiles(kind=kind, main=main, **files), board_config)  # type: ignore[arg-type]
    return BuiltBoard(plan, board_config).run_to_end().split()


def but_for_stub(report: list[str]) -> list[str]:
    """QEMU has a few instructions at the start of RAM that load the registers; nobody else looks there."""
    return report[:5] + report[6:]


def elf(code: bytes, address: int) -> bytes:
    head = b"\x7fELF\x01\x01\x01" + bytes(9)
    head += struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, address, 52, 0, 0x05000000, 52, 32, 1, 0, 0, 0)
    return head + struct.pack("<8I", 1, 84, address, address, len(code), len(code), 5, 4) + code


def uimage(code: bytes, load: int) -> bytes:
    def header(checksum: int) -> bytes:
        fields = (0x27051956, checksum, 0, len(code), load, load, zlib.crc32(code), 5, 2, 2, 0, b"test")
        return struct.pack(">7I4B32s", *fields)

    return header(zlib.crc32(header(0))) + code


@needs_qemu
@pytest.mark.parametrize("ram_mib", [16, 256, 512])
@pytest.mark.parametrize("initrd", [False, True])
def test_raw_image_is_entered_as_by_qemu(tmp_path: Path, ram_mib: int, initrd: bool) -> None:
    image, disk = tmp_path / "report.bin", tmp_path / "initrd"
    image.write_bytes(REPORT)
    disk.write_bytes(b"070701" + bytes(1_000_000))
    given = ["-initrd", str(disk)] if initrd else []
    theirs = qemu("-m", str(ram_mib), "-kernel", str(image), *given)
    assert but_for_stub(ours("raw", image, ram_mib, initrd=disk if initrd else None)) == but_for_stub(theirs)


@needs_qemu
def test_elf_file_is_entered_as_by_qemu_but_for_r2(tmp_path: Path) -> None:
    image = tmp_path / "report.elf"
    image.write_bytes(elf(REPORT, 0x40200000))
    theirs = qemu("-m", "64", "-kernel", str(image))
    mine = ours("elf", image, 64)
    assert theirs[3] == "00000000" and mine[3] == "40000000", "r2 names the tree here, QEMU leaves it 0"
    assert mine[:3] + mine[4:6] == theirs[:3] + theirs[4:6]


@needs_qemu
def test_elf_file_at_the_start_of_ram_gets_no_tree(tmp_path: Path) -> None:
    image = tmp_path / "report.elf"
    image.write_bytes(elf(REPORT, 0x40000000))
    assert ours("elf", image, 64) == qemu("-m", "64", "-kernel", str(image))


@needs_qemu
def test_uimage_is_entered_as_by_qemu(tmp_path: Path) -> None:
    image = tmp_path / "uImage"
    image.write_bytes(uimage(REPORT, 0x40300000))
    assert but_for_stub(ours("uimage", image, 64)) == but_for_stub(qemu("-m", "64", "-kernel", str(image)))


@needs_qemu
def test_firmware_is_entered_as_by_qemu_but_for_r2(tmp_path: Path) -> None:
    image = tmp_path / "firmware.bin"
    image.write_bytes(REPORT)
    theirs = qemu("-m", "64", "-bios", str(image))
    mine = ours("firmware", image, 64)
    assert mine[:3] + mine[4:6] == theirs[:3] + theirs[4:6]


FIRMWARE = Path("/usr/share/AAVMF/AAVMF32_CODE.fd")


@pytest.mark.skipif(not FIRMWARE.exists(), reason="qemu-efi-arm is not installed")
def test_unmodified_uefi_firmware_reaches_its_shell() -> None:
    from built_board import BuiltBoard, config

    from pocketvisor import _native
    from pocketvisor.board.loaders import load

    board_config = config(256, tick_ps=2_000)
    board = BuiltBoard(load(ImageFiles(kind="firmware", main=FIRMWARE), board_config), board_config)
    text = b""
    for _ in range(400):
        assert board.machine.run(board.machine.ticks() + 5_000_000) == _native.RUN_LIMIT, board.machine.error
        text += board.machine.take_console(0)
        if b"UEFI Interactive Shell" in text:
            break
    assert b"UEFI Interactive Shell" in text
