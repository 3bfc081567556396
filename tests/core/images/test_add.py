"""Guests of one's own: taken in whole with digests, or refused with a sentence and nothing left behind."""

import fcntl
import io
import os
import stat
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from folder_locks import is_free

from pocketvisor.errors import ImageError
from pocketvisor.images.add import Single, add, remove
from pocketvisor.images.catalogue import catalogue, user_guests_path

ELF = b"\x7fELF\x01\x01\x01" + bytes(57)
TOML = """
name = "Mine"
kind = "linux"
kernel = "parts/zImage"
append = "console=ttyAMA0"
ram_mib = 128
display = "gpu"
[[disks]]
file = "parts/disk.img"
format = "raw"
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "mine"
    (found / "parts").mkdir(parents=True)
    (found / "guest.toml").write_text(TOML)
    (found / "parts" / "zImage").write_bytes(b"a kernel")
    with (found / "parts" / "disk.img").open("wb") as stream:
        stream.write(b"head")
        stream.seek(8 << 20)
        stream.write(b"tail" * 128)
    (found / "unnamed").write_text("not the guest's")
    return found


def left_over() -> list[str]:
    guests = user_guests_path()
    return [path.name for path in guests.iterdir()] if guests.is_dir() else []


def zipped(folder: Path, archive: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                out.write(path, prefix + str(path.relative_to(folder)))
    return archive


def tarred(folder: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w:gz") as out:
        out.add(folder, folder.name)
    return archive


@pytest.mark.parametrize("how", ["folder", "toml", "zip", "zip with a folder", "tar"])
def test_a_guest_comes_in_with_its_files_and_their_digests(folder: Path, tmp_path: Path, how: str) -> None:
    given: dict[str, Callable[[], Path]] = {
        "folder": lambda: folder,
        "toml": lambda: folder / "guest.toml",
        "zip": lambda: zipped(folder, tmp_path / "mine.zip"),
        "zip with a folder": lambda: zipped(folder, tmp_path / "other.zip", "mine/"),
        "tar": lambda: tarred(folder, tmp_path / "other.tar.gz"),
    }
    image = add(given[how]())
    image.check()
    assert image.id == "mine" and catalogue()["mine"] == image and left_over() == ["mine"]
    assert image.kernel is not None and image.kernel.read_bytes() == b"a kernel"
    assert image.display == "gpu" and image.append == "console=ttyAMA0"
    disk = image.disks[0].path
    assert disk.read_bytes() == (folder / "parts" / "disk.img").read_bytes()
    assert disk.stat().st_blocks * 512 < 4 << 20, "the disk's holes were written out"
    said = tomllib.loads((disk.parent / "guest.toml").read_text())
    assert set(said["digests"]) == {"kernel"} and said["disks"][0]["digest"].startswith("sha256:")
    assert sorted(path.name for path in disk.parent.iterdir()) == ["disk.img", "guest.toml", "zImage"]


def test_what_was_added_can_be_changed_at_its_source_without_a_guest_noticing(folder: Path) -> None:
    image = add(folder)
    (folder / "parts" / "zImage").write_bytes(b"another")
    image.check()


def test_a_name_is_taken_once_unless_forced_and_never_from_a_sample(folder: Path) -> None:
    add(folder)
    with pytest.raises(ImageError, match="a guest 'mine' already"):
        add(folder)
    (folder / "parts" / "zImage").write_bytes(b"newer")
    assert add(folder, force=True).main_file.read_bytes() == b"newer"
    assert add(folder, name="Second One").id == "second-one"
    for name in ("personal", "debian"):
        with pytest.raises(ImageError, match="Pocketvisor's own"):
            add(folder, name=name, force=True)
    assert sorted(left_over()) == ["mine", "second-one"]


def test_what_a_killed_program_left_goes_and_a_guest_that_it_was_replacing_is_back(folder: Path) -> None:
    """It was killed between the two renames; another one, which is still at work, is left alone."""
    add(folder)
    guests = user_guests_path()
    (guests / ".adding.killed" / "old").mkdir(parents=True)
    (guests / "mine").rename(guests / ".adding.killed" / "old" / "mine")
    (guests / ".removing.killed" / "guest").mkdir(parents=True)
    (guests / ".adding.working").mkdir()
    at_work = os.open(guests / ".adding.working", os.O_RDONLY)
    fcntl.flock(at_work, fcntl.LOCK_EX)
    assert "mine" not in catalogue()
    add(folder, name="other")
    os.close(at_work)
    assert sorted(left_over()) == [".adding.working", "mine", "other"]
    catalogue()["mine"].check()
    (guests / ".adding.working").rmdir()


def test_nobody_takes_what_is_just_begun_for_what_a_killed_program_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, make = [], tempfile.mkdtemp

    def watched(**arguments: Any) -> str:
        turns.append(is_free(user_guests_path()))
        return make(**arguments)

    monkeypatch.setattr(tempfile, "mkdtemp", watched)
    add(folder, tell=lambda sentence, done: turns.append(is_free(user_guests_path())))
    assert turns[0] is False and all(turns[1:]) and len(turns) > 1


def test_a_guest_of_ones_own_can_be_removed_and_no_other(folder: Path) -> None:
    add(folder)
    remove("mine")
    assert "mine" not in catalogue() and left_over() == []
    for name in ("mine", "personal", "..", "../guests", "", "/etc"):
        with pytest.raises(ImageError, match="no guest of yours"):
            remove(name)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (ELF, "elf"),
        (bytes(0x24) + (0x016F2818).to_bytes(4, "little"), "linux"),
        (bytes.fromhex("27051956"), "uimage"),
        (b"ANDROID!", "android"),
    ],
)
def test_a_file_is_what_its_first_bytes_surely_say(tmp_path: Path, head: bytes, kind: str) -> None:
    path = tmp_path / "Some Image.bin"
    path.write_bytes(head + bytes(100))
    image = add(path, single=Single(ram_mib=32))
    assert (image.id, image.kind, image.ram_mib) == ("some-image", kind, 32)


def test_any_other_file_needs_its_kind_said(tmp_path: Path) -> None:
    path = tmp_path / "firmware.bin"
    path.write_bytes(b"anything")
    with pytest.raises(ImageError, match="say it with --kind"):
        add(path)
    assert add(path, single=Single(kind="firmware")).firmware is not None
    with pytest.raises(ImageError, match="'ship' is no kind"):
        add(path, name="b", single=Single(kind="ship"))


def test_a_disk_needs_its_format_and_what_starts_it(tmp_path: Path) -> None:
    disk, firmware = tmp_path / "system.img", tmp_path / "u-boot.bin"
    disk.write_bytes(bytes(4096))
    firmware.write_bytes(b"firmware")
    with pytest.raises(ImageError, match="--format"):
        add(disk, single=Single(kind="disk", firmware=firmware))
    with pytest.raises(ImageError, match="give one of them"):
        add(disk, single=Single(kind="disk", format="raw"))
    image = add(disk, single=Single(kind="disk", format="raw", firmware=firmware))
    assert image.kind == "firmware" and image.keep and image.disks[0].format == "raw"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('name = "x"\nkind = "elf"\nelf = "../secret"', "not within the guest's folder"),
        ('name = "x"\nkind = "elf"\nelf = "/etc/passwd"', "not within the guest's folder"),
        ('name = "x"\nkind = "elf"\nelf = "link"', "is a link"),
        ('name = "x"\nkind = "elf"\nelf = "way/secret"', "is a link"),
        ('name = "x"\nkind = "elf"\nelf = "parts"', "no regular file"),
        ('name = "x"\nkind = "elf"\nelf = "pipe"', "no regular file"),
        ('name = "x"\nkind = "elf"\nelf = "absent"', "is not there"),
        ('name = "x"\nkind = "elf"\nelf = 7', "names no file"),
        ('name = "x"\nkind = "elf"', "elf: is missing"),
        ('name = "x"\nkind = "boat"\nelf = "unnamed"', "kind"),
        ('name = "x"\nkind = "elf"\nelf = "unnamed"\nshell = "rm"', "shell"),
        (
            'name = "x"\nkind = "elf"\nelf = "unnamed"\n[digests]\nelf = "sha256:' + "0" * 64 + '"',
            "digest differs",
        ),
        ('name = "x"\nkind = "elf"\nelf = "unnamed"\ndigests = 3', "is no table"),
        ('name = "x"\nkind = "elf"\nelf = "unnamed"\ndisks = ["a"]', "is no table"),
        ("not toml at all", "is no TOML file"),
        ("a = " + "[" * 20000, "is no TOML file"),
        ("x = 1\n" * 20000, "larger than 64 KiB"),
    ],
)
def test_a_hostile_guest_toml_is_refused_and_leaves_nothing(
    folder: Path, tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "secret").write_text("not to be read")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "way").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    (folder / "guest.toml").write_text(text)
    with pytest.raises(ImageError, match=sentence):
        add(folder)
    assert left_over() == []


def zip_of(*entries: tuple[str, bytes, int]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            out.writestr(info, content)
    return stream.getvalue()


def tar_of(*entries: tuple[str, bytes, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as out:
        for name, kind, content in entries:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, len(content) if kind == tarfile.REGTYPE else 0
            info.linkname = "/etc/passwd"
            out.addfile(info, io.BytesIO(content))
    return stream.getvalue()


REGULAR = stat.S_IFREG | 0o644
MINE = ("guest.toml", b'name = "x"\nkind = "elf"\nelf = "e"\n', REGULAR)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.zip", zip_of(("../escaped", b"x", REGULAR), MINE), "no path within"),
        ("a.zip", zip_of(("/escaped", b"x", REGULAR), MINE), "no path within"),
        ("a.zip", zip_of(("a/../../escaped", b"x", REGULAR)), "no path within"),
        ("a.zip", zip_of(("c:\\escaped", b"x", REGULAR)), "no path within"),
        ("a.zip", zip_of(("/".join("a" * 40), b"x", REGULAR)), "no path within"),
        ("a.zip", zip_of(("e", b"/etc/passwd", stat.S_IFLNK | 0o777), MINE), "links are not taken"),
        ("a.zip", zip_of(("e", b"x", REGULAR), ("e/f", b"x", REGULAR)), "twice"),
        ("a.zip", zip_of(*((f"f{n}", b"", REGULAR) for n in range(1001))), "more than 1000 files"),
        ("a.zip", zip_of(("e", b"x", REGULAR)), "holds no guest.toml"),
        ("a.zip", b"PK\x03\x04 cut short", "is no sound archive"),
        ("a.zip", zip_of(MINE, ("e", bytes(1 << 16), REGULAR))[:-90], "is no sound archive"),
        ("a.tar", tar_of(("e", tarfile.SYMTYPE, b"")), "links are not taken"),
        ("a.tar", tar_of(("e", tarfile.LNKTYPE, b"")), "links are not taken"),
        ("a.tar", tar_of(("e", tarfile.CHRTYPE, b"")), "links are not taken"),
        ("a.tar", tar_of(("e", tarfile.FIFOTYPE, b"")), "links are not taken"),
        ("a.tar", tar_of(("../e", tarfile.REGTYPE, b"x")), "no path within"),
        ("a.tar", tar_of(("e", tarfile.REGTYPE, b"x" * 5000))[:2000], "is no sound archive"),
        ("a.tar.gz", b"not gzip", "is no sound archive"),
        ("a.tar.xz", b"\xfd7zXZ\x00 not xz", "is no sound archive"),
    ],
)
def test_a_hostile_archive_is_refused_and_leaves_nothing(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError, match=sentence):
        add(tmp_path / name)
    assert left_over() == []
    assert not (tmp_path / "escaped").exists() and not (user_guests_path() / "escaped").exists()


def test_an_archive_that_unpacks_to_more_than_there_is_room_for_stops_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pocketvisor.images.archive.LARGEST", 1 << 20)
    (tmp_path / "bomb.zip").write_bytes(zip_of(MINE, ("e", bytes(64 << 20), REGULAR)))
    with pytest.raises(ImageError, match="unpacks to more than the 1 MiB"):
        add(tmp_path / "bomb.zip")
    assert left_over() == []


def test_a_cancelled_one_leaves_nothing(folder: Path) -> None:
    with pytest.raises(ImageError, match="cancelled"):
        add(folder, cancelled=lambda: True)
    assert left_over() == []


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="there is no such file"):
        add(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match=r"holds no guest\.toml"):
        add(tmp_path / "empty")
