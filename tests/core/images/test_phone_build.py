"""Building Debian's phone: what can be told without doing it, offline; the real one is test_phone_real.py."""

import asyncio
import gzip
import io
import re
import shutil
from pathlib import Path

import pytest
from local_apt import LocalSource, debian_like, kernel_module, source
from PIL import Image

from pocketvisor.errors import ImageError, MissingImage
from pocketvisor.images import cpio, ext4, phone, phone_root
from pocketvisor.images.catalogue import catalogue, user_guests_path
from pocketvisor.images.phone_art import SIZES, pictures
from pocketvisor.images.root_files import RootFiles
from pocketvisor.models import load_models
from pocketvisor.storage.keep import storage_path

__all__ = ["source"]

pytestmark = pytest.mark.skipif(bool(ext4.missing_tools()), reason="needs e2fsprogs")


def left_over() -> list[str]:
    guests = user_guests_path()
    return sorted(path.name for path in guests.iterdir()) if guests.is_dir() else []


def small(source: LocalSource, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source with few packages, and a phone that is made of them."""
    debian_like(source)
    source.add("base", "1.0", {"usr/bin/base": b"x", "etc/issue": b"Debian"}, depends="lib")
    source.add("lib", "1.0", {"usr/lib/lib.so": b"x"})
    busybox = source.add("busybox-static", "1:1.36", {"usr/bin/busybox": b"a shell"})
    assert busybox.is_file()
    monkeypatch.setattr(phone_root, "PACKAGES", ("base", "busybox-static"))


def test_the_catalogue_knows_the_phone_before_it_is_built(source: LocalSource) -> None:
    image = catalogue()["debian-phone"]
    assert not image.available and "pocketvisor guests build debian-phone" in image.missing
    with pytest.raises(MissingImage, match="guests build"):
        image.check()
    assert image.display == "gpu" and image.phone and image.keep


async def test_a_kernel_that_does_not_start_fails_with_what_was_said_and_leaves_nothing(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source's kernel is no kernel: all up to running it is real, and nothing stays."""
    small(source, monkeypatch)
    told: list[str] = []
    with pytest.raises(ImageError):
        await phone.build(progress=lambda sentence, done: told.append(sentence))
    assert left_over() == []
    assert any("Downloading" in sentence for sentence in told)
    assert "Making the disk" in told and told[-1].startswith("Starting Debian")


async def test_cancelling_leaves_nothing_but_the_packages(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    small(source, monkeypatch)
    reached = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(sentence: str, done: float) -> None:
        if sentence == "Making the disk":
            loop.call_soon_threadsafe(reached.set)

    task = asyncio.create_task(phone.build(progress=tell))
    async with asyncio.timeout(120):
        await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left_over() == []
    kept = [path.name for path in (tmp_path / "cache/pocketvisor/apt/packages").iterdir()]
    assert any(name.startswith("base_") for name in kept)


async def test_an_older_phone_that_was_used_is_not_thrown_away_unasked(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(source, monkeypatch)
    place = user_guests_path() / "debian-phone"
    place.mkdir(parents=True)
    (place / "vmlinuz").write_bytes(b"kernel")
    (place / "guest.toml").write_text('name = "Phone"\nkind = "linux"\nkernel = "vmlinuz"\nrecipe = 1\n')
    used = storage_path() / "debian-phone"
    used.mkdir(parents=True)
    with pytest.raises(ImageError, match=r"has been written to.*--force"):
        await phone.build()
    assert catalogue()["debian-phone"].recipe == 1 and used.is_dir()

    async def built_as_far_as_its_kernel_goes(*, force: bool) -> None:
        told: list[str] = []
        with pytest.raises(ImageError):
            await phone.build(force=force, progress=lambda sentence, done: told.append(sentence))
        assert told[-1].startswith("Starting Debian")

    await built_as_far_as_its_kernel_goes(force=True)
    used.rmdir()
    await built_as_far_as_its_kernel_goes(force=False)


async def test_what_a_killed_build_left_goes_with_the_next(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(source, monkeypatch)
    old = user_guests_path() / ".debian-phone.old"
    old.mkdir(parents=True)
    (old / "system.img").write_bytes(b"half")
    with pytest.raises(ImageError):
        await phone.build()
    assert left_over() == []


async def test_a_full_disk_is_said_before_anything_is_fetched(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(source, monkeypatch)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1 << 20))
    with pytest.raises(ImageError, match="has 1 MiB of room"):
        await phone.build()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"size_mib": 100}, "768 to 16384 MiB"),
        ({"packages": ["vim; reboot"]}, "no name of a Debian package"),
        ({"packages": ["-oDebug"]}, "no name of a Debian package"),
        ({"packages": ["no-such-package"]}, "no-such-package"),
    ],
)
async def test_what_cannot_be_built_is_said(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, object], sentence: str
) -> None:
    small(source, monkeypatch)
    with pytest.raises(ImageError, match=sentence):
        await phone.build(**arguments)  # type: ignore[arg-type]
    assert left_over() == []


async def test_missing_tools_are_named_with_their_package(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ext4, "tool", lambda name: None)
    with pytest.raises(MissingImage, match="apt-get install e2fsprogs"):
        await phone.build()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingImage, match="apt and dpkg"):
        await phone.build()


def test_the_first_disk_has_what_mounts_the_disk_and_no_more() -> None:
    modules = {
        "virtio_blk": kernel_module(),
        "ext4": kernel_module("jbd2"),
        "jbd2": kernel_module(),
        "virtio_gpu": kernel_module(),
    }
    disk = phone_root.first_disk(b"a shell", "6.1", modules)
    found = {entry.name: entry for entry in cpio.read(io.BytesIO(gzip.decompress(gzip.compress(disk))))}
    assert found["init"].mode & 0o111 and found["bin/busybox"].content == b"a shell"
    names = {name.rpartition("/")[2] for name in found if name.endswith(".ko")}
    assert names == {"virtio_blk.ko", "ext4.ko", "jbd2.ko"}


def test_xs_own_keyboard_has_the_rules_of_the_handsets(tmp_path: Path) -> None:
    """What the session gives X is there, and both names that X asks for lead to the kernel's rules."""
    root = RootFiles(tmp_path / "root")
    phone_root.add_phone_files(root, "6.1", {}, [])
    [place] = re.findall(r"-xkbdir /(\S+)", (root.folder / "usr/lib/phone/session").read_text())
    rules = {path.name: str(path.readlink()) for path in (root.folder / place / "rules").iterdir()}
    assert rules == dict.fromkeys(("base", "evdev"), "/usr/share/X11/xkb/rules/evdev")
    for name in ("compat", "geometry", "keycodes", "symbols", "types"):
        assert str((root.folder / place / name).readlink()) == f"/usr/share/X11/xkb/{name}"


def test_sources_in_the_guest_are_this_machines_without_passwords() -> None:
    targets = (
        "http://AUTHmirror.example/debian bookworm main\n"
        "http://AUTHmirror.example/debian bookworm main\n"
        "https://mirror.example:8080/security bookworm-security main\nfile:/local ./ main\n"
    ).replace("AUTH", "user:secret@")
    assert phone_root.source_lines(targets) == [
        "deb http://mirror.example/debian bookworm main",
        "deb https://mirror.example:8080/security bookworm-security main",
    ]


def test_there_are_pictures_for_every_handsets_panel_held_either_way() -> None:
    found = pictures()
    for model in load_models().values():
        for size in ((model.panel.width, model.panel.height), (model.panel.height, model.panel.width)):
            with Image.open(io.BytesIO(found[f"wallpaper-{size[0]}x{size[1]}.ppm"])) as picture:
                assert picture.size == size
    for size in SIZES:
        with Image.open(io.BytesIO(found[f"terminal-{size}.png"])) as picture:
            assert picture.size == (size, size) and picture.mode == "RGBA"
