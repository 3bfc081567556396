"""Disks are opened whole or refused in a sentence; an image is never changed unasked."""

import os
import socket
from pathlib import Path

import pytest
from open_descriptors import none_left_open
from overlay_files import flush, read

from pocketvisor.errors import StorageError
from pocketvisor.storage.disk import DiskSpec, check_disk, open_disks, parse_disk
from pocketvisor.storage.files import FileStore
from pocketvisor.storage.overlay import OverlayStore

SIZE = 1 << 20


def image(path: Path, size: int = SIZE, letter: bytes = b"a") -> Path:
    path.write_bytes(letter * size)
    return path


def test_an_overlay_takes_what_is_written_and_is_gone(tmp_path: Path) -> None:
    file = image(tmp_path / "card.img")
    opened = open_disks([DiskSpec(path=file)], None)
    [disk] = opened.disks
    assert (disk.size, disk.base_size, disk.direct, disk.temporary) == (SIZE, SIZE, False, True)
    store = OverlayStore(disk.overlay, FileStore(disk.base, SIZE, read_only=True), SIZE)
    store.write(0, (b"b" * 512,), 512)
    flush(store)
    assert read(store, 0, 1024) == b"b" * 512 + b"a" * 512
    opened.close()
    assert file.read_bytes() == b"a" * SIZE
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_a_kept_overlay_is_found_again(tmp_path: Path) -> None:
    file = image(tmp_path / "card.img")
    specs = [DiskSpec(path=file, keep=True), DiskSpec(path=file)]
    opened = open_disks(specs, tmp_path)
    kept, gone = opened.disks
    assert (kept.temporary, gone.temporary) == (False, True)
    base = FileStore(kept.base, SIZE, read_only=True)
    store = OverlayStore(kept.overlay, base, SIZE)
    store.write(4096, (b"b" * 512,), 512)
    flush(store)
    opened.close()
    opened = open_disks(specs, tmp_path)
    base = FileStore(opened.disks[0].base, SIZE, read_only=True)
    assert read(OverlayStore(opened.disks[0].overlay, base, SIZE), 4096, 512) == b"b" * 512
    opened.close()


def test_a_kept_overlay_of_another_image_is_refused(tmp_path: Path) -> None:
    spec = DiskSpec(path=image(tmp_path / "card.img"), keep=True)
    open_disks([spec], tmp_path).close()
    image(tmp_path / "card.img", letter=b"b")
    with pytest.raises(StorageError, match=r"disk0.overlay: was made for another card.img"):
        open_disks([spec], tmp_path)
    image(tmp_path / "card.img", SIZE + 512)
    with pytest.raises(StorageError, match="another"):
        open_disks([spec], tmp_path)


def test_a_kept_overlay_knows_an_image_that_was_copied_back(tmp_path: Path) -> None:
    spec = DiskSpec(path=image(tmp_path / "card.img"), keep=True)
    open_disks([spec], tmp_path).close()
    os.utime(spec.path, (1, 1))
    open_disks([spec], tmp_path).close()


def test_a_damaged_overlay_is_refused_by_name(tmp_path: Path) -> None:
    spec = DiskSpec(path=image(tmp_path / "card.img"), keep=True)
    (tmp_path / "disk0.overlay").write_bytes(b"not an overlay, but something")
    with pytest.raises(StorageError, match=r"disk0.overlay: is no overlay"):
        open_disks([spec], tmp_path)


def test_two_guests_never_share_a_disk_that_one_writes(tmp_path: Path) -> None:
    file = image(tmp_path / "card.img")
    direct, over = DiskSpec(path=file, mode="direct"), DiskSpec(path=file)
    opened = open_disks([over, over], None)
    with pytest.raises(StorageError, match="in use by another guest"):
        open_disks([direct], None)
    opened.close()
    opened = open_disks([direct], None)
    for spec in (direct, over, DiskSpec(path=file, mode="read-only")):
        with pytest.raises(StorageError, match="by another guest"):
            open_disks([spec], None)
    opened.close()
    kept = DiskSpec(path=file, keep=True)
    opened = open_disks([kept], tmp_path)
    with pytest.raises(StorageError, match="in use by another guest"):
        open_disks([kept], tmp_path)
    opened.close()


def test_direct_and_read_only(tmp_path: Path) -> None:
    file = image(tmp_path / "card.img")
    opened = open_disks([DiskSpec(path=file, mode="direct", serial="X1")], None)
    [disk] = opened.disks
    assert (disk.overlay, disk.direct, disk.serial) == (-1, True, "X1")
    os.pwrite(disk.base, b"b", 0)
    opened.close()
    assert file.read_bytes()[:1] == b"b"
    opened = open_disks([DiskSpec(path=file, mode="read-only")], None)
    with pytest.raises(OSError):
        os.pwrite(opened.disks[0].base, b"c", 0)
    opened.close()


def test_an_odd_size_ends_in_zeros(tmp_path: Path) -> None:
    file = image(tmp_path / "odd.img", 1000)
    for mode in ("overlay", "read-only"):
        opened = open_disks([DiskSpec(path=file, mode=mode)], None)  # type: ignore[arg-type]
        assert opened.disks[0].size == 1024
        base = FileStore(opened.disks[0].base, 1000, read_only=True)
        assert read(base) == b"a" * 1000 + bytes(24)
        opened.close()
    with pytest.raises(StorageError, match="no multiple of 512"):
        open_disks([DiskSpec(path=file, mode="direct")], None)


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "empty").touch()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for name, sentence in {
            ".": "is a folder",
            "fifo": "is no regular file",
            "socket": "cannot be opened",
            "empty": "holds 0 bytes",
            "missing": "cannot be opened: No such file",
        }.items():
            for mode in ("overlay", "direct"):
                with pytest.raises(StorageError, match=sentence):
                    open_disks([DiskSpec(path=tmp_path / name, mode=mode)], None)  # type: ignore[arg-type]
    with pytest.raises(StorageError, match="is no regular file"):
        open_disks([DiskSpec(path=Path("/dev/zero"))], None)


def test_one_that_fails_closes_all(tmp_path: Path) -> None:
    with none_left_open(), pytest.raises(StorageError):
        open_disks([DiskSpec(path=image(tmp_path / "a")), DiskSpec(path=tmp_path / "missing")], tmp_path)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("card.img", DiskSpec(path=Path("card.img"))),
        ("a,b.img", DiskSpec(path=Path("a,b.img"))),
        ("a=b,mode=direct", DiskSpec(path=Path("a=b"), mode="direct")),
        (
            "d.qcow2,format=qcow2,keep=yes,serial=S-1",
            DiskSpec(path=Path("d.qcow2"), format="qcow2", keep=True, serial="S-1"),
        ),
    ],
)
def test_a_disk_on_the_command_line(text: str, spec: DiskSpec) -> None:
    assert parse_disk(text) == spec


@pytest.mark.parametrize(
    "text", ["a,format=vmdk", "a,mode=rw", "a,keep=maybe", "a,serial=123456789012345678901", "a,serial=ä"]
)
def test_a_wrong_disk_on_the_command_line(text: str) -> None:
    with pytest.raises(StorageError):
        parse_disk(text)


def test_a_disk_is_looked_at_before_it_is_opened(tmp_path: Path) -> None:
    """Nothing is locked or copied by that."""
    file = image(tmp_path / "card.img")
    held = open_disks([DiskSpec(path=file, mode="direct")], None)
    check_disk(DiskSpec(path=file, mode="direct"))
    held.close()
    for spec, sentence in (
        (DiskSpec(path=tmp_path / "gone.img"), "cannot be opened"),
        (DiskSpec(path=image(tmp_path / "odd.img", 700), mode="direct"), "no multiple of 512"),
        (DiskSpec(path=file, format="qcow2"), "is no qcow2 image"),
        (DiskSpec(path=file, format="qcow2", mode="direct"), "cannot be written to directly"),
    ):
        with pytest.raises(StorageError, match=sentence):
            check_disk(spec)
