"""Raw images and Linux Images: where they go, and what is no such thing."""

import gzip
from pathlib import Path

import pytest
from images import CODE, linux_image, plan_of, written

from pocketvisor.board.loaders.image import linux_text_offset
from pocketvisor.board.loaders.source import Source
from pocketvisor.errors import ImageError

RAM = 0x40000000


@pytest.mark.parametrize("offset", [0x8000, 0x208000, 0x308000])
def test_linux_image_goes_where_its_code_says(offset: int, tmp_path: Path) -> None:
    image = linux_image(offset=offset)
    assert linux_text_offset(Source("image", image)) == offset
    boot = plan_of("linux", image, tmp_path)
    assert boot.entry.pc == RAM + offset
    assert written(boot, RAM + offset) == image


def test_packed_image_is_unpacked(tmp_path: Path) -> None:
    assert plan_of("linux", gzip.compress(linux_image()), tmp_path).entry.pc == RAM + 0x8000


def test_other_image_goes_where_virt_puts_it(tmp_path: Path) -> None:
    boot = plan_of("raw", CODE, tmp_path)
    assert boot.entry.pc == RAM + 0x10000
    assert written(boot, RAM + 0x10000) == CODE
    assert boot.entry.cpsr == 0x1D3


@pytest.mark.parametrize(
    "data, cause",
    [
        (b"Four score and seven years ago", "does not begin with an ARM instruction"),
        (bytes(4096), "does not begin with an ARM instruction"),
        (b"\xff" * 4096, "does not begin with an ARM instruction"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a PNG picture"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "a JPEG picture"),
        (b"#!/bin/sh\n", "a script"),
        (b"\x10\0\0\xea", "branch to beyond its end"),
        (b"\0", "has only 1 bytes"),
        (b"", "is empty"),
        (bytes(56) + b"ARM\x64" + bytes(100), "kernel for 64-bit ARM"),
        (b"MZ" + bytes(54) + b"ARM\x64" + bytes(100), "kernel for 64-bit ARM"),
        (bytes(0x202) + b"HdrS" + bytes(100), "kernel for x86"),
        (bytes(48) + b"RISCV\0\0\0RSC\x05" + bytes(100), "kernel for RISC-V"),
        (b"MZ" + bytes(100), "a program for"),
        (b"070701" + bytes(100), "a cpio archive"),
        (b"\x1f\x8b\x08" + bytes(100), "its content is"),
        (gzip.compress(CODE)[:-20], "its content is truncated"),
        (gzip.compress(bytes(65 << 20)), "more than the 64 MiB"),
    ],
)
def test_what_is_no_kernel_is_named(data: bytes, cause: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=cause) as caught:
        plan_of("linux", data, tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "image"))
    assert "\n" not in str(caught.value)
