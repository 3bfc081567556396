"""Whatever a file holds, loading it is a plan within the guest's memory, or an ImageError that names it."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from images import ALL, CPIO, config, zimage

from pocketvisor.board.config import KINDS, ImageFiles
from pocketvisor.board.loaders import load
from pocketvisor.board.map import FLASH_BANK_SIZE, RAM_BASE
from pocketvisor.errors import ImageError

IMAGES = {name: (kind, make()) for name, (kind, make) in ALL.items()}
MEMORY = config()
QUIET = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# (where, what), a length to cut at
damages = st.lists(st.tuples(st.integers(0, 1 << 20), st.binary(min_size=1, max_size=8)), max_size=6)


def check(folder: Path, data: bytes, kind: str, initrd: bytes | None = None) -> None:
    main = folder / "image"
    main.write_bytes(data)
    second = None
    if initrd is not None:
        second = folder / "initrd"
        second.write_bytes(initrd)
    try:
        boot = load(ImageFiles(kind=kind, main=main, initrd=second), MEMORY)
    except ImageError as error:
        assert str(folder) in str(error)
        assert "\n" not in str(error)
        return
    regions = sorted((address, address + len(content)) for address, content in boot.writes)
    for (start, end), (after, _) in zip(regions, [*regions[1:], (1 << 64, 0)], strict=True):
        assert RAM_BASE <= start <= end <= RAM_BASE + MEMORY.ram_size
        assert end <= after
    assert all(len(content) <= FLASH_BANK_SIZE for content in boot.flash.values())


@QUIET
@given(data=st.binary(max_size=600), kind=st.sampled_from(KINDS))
def test_random_bytes(data: bytes, kind: str, tmp_path: Path) -> None:
    check(tmp_path, data, kind)


@QUIET
@given(
    name=st.sampled_from(sorted(IMAGES)),
    damage=damages,
    cut=st.none() | st.integers(0, 1 << 16),
    any_kind=st.booleans(),
)
def test_damaged_images(
    name: str, damage: list[tuple[int, bytes]], cut: int | None, any_kind: bool, tmp_path: Path
) -> None:
    kind, good = IMAGES[name]
    data = bytearray(good)
    for at, value in damage:
        at %= min(len(data), 4096)
        data[at : at + len(value)] = value
    check(tmp_path, bytes(data[:cut]), "linux" if any_kind else kind)


@QUIET
@given(
    head=st.sampled_from([CPIO[:6], b"\x1f\x8b\x08", b"\x27\x05\x19\x56", b""]), tail=st.binary(max_size=300)
)
def test_random_initrds(head: bytes, tail: bytes, tmp_path: Path) -> None:
    check(tmp_path, zimage(), "linux", head + tail)


@pytest.mark.parametrize("path", ["/dev/zero", "/proc/self/mem", "/", "/nonexistent", "/etc/\0x"])
def test_what_is_no_file_is_named(path: str) -> None:
    with pytest.raises(ImageError):
        load(ImageFiles(kind="linux", main=Path(path)), MEMORY)
