"""qcow2 images that stand alone become raw copies; all others are refused before anything else reads them."""

import fcntl
import os
import random
import shutil
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from folder_locks import is_free

from pocketvisor.errors import StorageError
from pocketvisor.storage import qcow2
from pocketvisor.storage.disk import DiskSpec, open_disks

SIZE = 4 << 20
needs_qemu = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="qemu-img is not installed")


def make(path: Path, *options: str, content: bytes = b"phone" * 1000) -> Path:
    raw = path.with_suffix(".raw")
    raw.write_bytes(content.ljust(SIZE, b"\0"))
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", *options, raw, path], check=True, timeout=60)
    return path


def header(
    version: int = 3, backing: int = 0, size: int = SIZE, encryption: int = 0, features: int = 0
) -> bytes:
    head = struct.pack(">4sIQIIQI", b"QFI\xfb", version, backing, 0, 16, size, encryption)
    return head.ljust(72, b"\0") + struct.pack(">QQQII", features, 0, 0, 4, 104)


@needs_qemu
def test_a_disk_of_a_qcow2_image(tmp_path: Path) -> None:
    path, said = make(tmp_path / "disk.img", "-c"), []
    opened = open_disks([DiskSpec(path=path, format="qcow2")], None, said.append)
    assert opened.disks[0].size == SIZE
    assert os.pread(opened.disks[0].base, 5000, 0) == b"phone" * 1000
    opened.close()
    assert said[0] == "Unpacking disk.img"
    said.clear()
    open_disks([DiskSpec(path=path, format="qcow2")], None, said.append).close()
    assert said == []  # the copy is there


@needs_qemu
def test_a_changed_image_is_copied_anew(tmp_path: Path) -> None:
    path = make(tmp_path / "disk.img")
    os.close(qcow2.open_raw_copy(path, lambda _: None, lambda: False))
    make(path, content=b"other")
    fd = qcow2.open_raw_copy(path, lambda _: None, lambda: False)
    assert os.pread(fd, 6, 0) == b"other\0"
    os.close(fd)


@needs_qemu
def test_an_overlay_survives_that_the_copy_is_made_anew(tmp_path: Path) -> None:
    spec = DiskSpec(path=make(tmp_path / "disk.img"), format="qcow2", keep=True)
    open_disks([spec], tmp_path).close()
    for copy in qcow2.copies_path().iterdir():
        copy.unlink()
    open_disks([spec], tmp_path).close()


@needs_qemu
def test_an_image_over_another_is_refused(tmp_path: Path) -> None:
    base = make(tmp_path / "base.img")
    path = tmp_path / "over.img"
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", path], check=True, timeout=60
    )
    with pytest.raises(StorageError, match="lies over another image"):
        qcow2.open_raw_copy(path, lambda _: None, lambda: False)


@needs_qemu
def test_an_image_with_its_data_elsewhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    option = f"data_file={tmp_path / 'data.raw'}"
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-o", option, path, "1M"], check=True, timeout=60
    )
    with pytest.raises(StorageError, match="in another file"):
        qcow2.open_raw_copy(path, lambda _: None, lambda: False)


@pytest.mark.parametrize(
    ("head", "sentence"),
    [
        (b"", "is no qcow2 image"),
        (b"\0" * 512, "is no qcow2 image"),
        (header(version=4), "version 4"),
        (header(backing=512), "lies over another"),
        (header(encryption=1), "encrypted"),
        (header(features=4), "in another file"),
        (header(features=2), "damaged"),
        (header(features=1 << 40), "newer reader"),
        (header(size=0), "holds a disk of 0 bytes"),
        (header(size=1 << 62), "up to 64 GiB"),
        (header()[:100], "damaged"),
    ],
)
def test_what_the_header_says_is_looked_at_first(tmp_path: Path, head: bytes, sentence: str) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(head)
    with pytest.raises(StorageError, match=sentence):
        qcow2.open_raw_copy(path, lambda _: None, lambda: False)


@needs_qemu
def test_a_damaged_image_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(header() + random.Random(1).randbytes(4096))
    with pytest.raises(StorageError, match=r"disk.img: "):
        qcow2.open_raw_copy(path, lambda _: None, lambda: False)
    assert list(qcow2.copies_path().iterdir()) == []


@needs_qemu
def test_unpacking_can_be_given_up(tmp_path: Path) -> None:
    path = make(tmp_path / "disk.img")
    with pytest.raises(StorageError, match="given up"):
        qcow2.open_raw_copy(path, lambda _: None, lambda: True)
    assert list(qcow2.copies_path().iterdir()) == []


@needs_qemu
@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_how_far_it_is_is_told_in_whatever_pieces_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(qcow2, "_PIECE", piece)
    told: list[str] = []
    os.close(qcow2.open_raw_copy(make(tmp_path / "disk.img"), told.append, lambda: False))
    figures = [int(sentence.split()[-2]) for sentence in told[1:]]
    assert figures == sorted(figures) and figures[-1] == 100


def test_without_qemu_img_it_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(header())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StorageError, match="qemu-utils"):
        qcow2.open_raw_copy(path, lambda _: None, lambda: False)


def test_the_raw_copy_is_no_disk_to_write_to(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written to directly"):
        open_disks([DiskSpec(path=tmp_path / "d", format="qcow2", mode="direct")], None)


def test_copies_have_bounded_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = qcow2.copies_path()
    folder.mkdir(parents=True)
    now = time.time()
    for number in range(4):
        (folder / f"{number}.raw").write_bytes(b"x" * (1 << 20))
        os.utime(folder / f"{number}.raw", (now - number, now))
    monkeypatch.setattr(
        qcow2, "COPIES_MAX", (4 << 20) + (512 << 10)
    )  # files take a little more than they hold
    qcow2._make_room(folder, 2 << 20)
    assert sorted(path.name for path in folder.iterdir()) == ["0.raw", "1.raw"]


@needs_qemu
def test_what_a_killed_program_left_half_made_goes(tmp_path: Path) -> None:
    """And what another one makes just now stays."""
    folder = qcow2.copies_path()
    folder.mkdir(parents=True)
    (folder / "making-killed.part").write_bytes(b"x" * 4096)
    with (folder / "making-now.part").open("wb") as made:
        fcntl.flock(made, fcntl.LOCK_EX)
        os.close(qcow2.open_raw_copy(make(tmp_path / "disk.img"), lambda _: None, lambda: False))
        assert sorted(path.suffix for path in folder.iterdir()) == [".part", ".raw"]
        assert (folder / "making-now.part").exists()


@needs_qemu
def test_nobody_takes_a_copy_that_has_just_begun_for_what_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, turns, make_one = make(tmp_path / "disk.img"), [], tempfile.mkstemp

    def watched(**arguments: Any) -> Any:
        turns.append(is_free(qcow2.copies_path()))
        return make_one(**arguments)

    monkeypatch.setattr(tempfile, "mkstemp", watched)
    fd = qcow2.open_raw_copy(path, lambda _: turns.append(is_free(qcow2.copies_path())), lambda: False)
    os.close(fd)
    assert turns[0] is False and all(turns[1:]) and len(turns) > 1
