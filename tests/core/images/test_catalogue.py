"""The catalogue: what is there can be used, what is missing says how to get it, what is wrong is named."""

import hashlib
import shutil
from pathlib import Path

import pytest

from pocketvisor.errors import ImageError, MissingImage
from pocketvisor.images import catalogue as catalogue_module
from pocketvisor.images.catalogue import GuestImage, catalogue, image_from_files, load_guest
from pocketvisor.images.offers import Offer
from pocketvisor.storage.disk import DiskSpec

GOOD = """
name = "Mine"
kind = "linux"
kernel = "vmlinuz"
initrd = "initrd"
append = "quiet"
ram_mib = 128
least_ram_mib = 64
accent = "#112233"
description = "A guest"
"""


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "guests"
    folder.mkdir()
    monkeypatch.setattr(catalogue_module, "user_guests_path", lambda: folder)
    return folder


def guest(own: Path, name: str = "mine", text: str = GOOD) -> Path:
    folder = own / name
    folder.mkdir()
    (folder / "guest.toml").write_text(text)
    (folder / "vmlinuz").write_bytes(b"kernel")
    (folder / "initrd").write_bytes(b"initrd")
    return folder


def test_a_users_guest_is_in_the_catalogue(own: Path) -> None:
    folder = guest(own)
    image = catalogue()["mine"]
    assert image.available and image.name == "Mine" and image.append == "quiet"
    assert image.main_file == image.kernel == folder / "vmlinuz"
    assert image.files == {"kernel": folder / "vmlinuz", "initrd": folder / "initrd"}
    image.check()


def test_the_samples_come_along_unchanged() -> None:
    found = catalogue()
    assert list(found)[:2] == ["personal", "work"]
    for image_id in ("personal", "work", "hostile", "template"):
        found[image_id].check()
        assert found[image_id].digests, f"{image_id} records no digest"


def test_debian_says_how_to_get_it_until_it_is_there(own: Path) -> None:
    for image_id in ("debian", "debian-installer"):
        image = catalogue()[image_id]
        assert not image.available
        with pytest.raises(MissingImage, match="pocketvisor guests fetch debian"):
            image.check()
        with pytest.raises(MissingImage, match="--kernel and --initrd"):
            _ = image.main_file
    guest(own, "debian")
    assert catalogue()["debian"].available


def test_a_half_removed_debian_counts_as_not_fetched(own: Path) -> None:
    (guest(own, "debian") / "initrd").unlink()
    assert "guests fetch debian" in catalogue()["debian"].missing


def test_a_guest_in_the_making_is_none_yet(own: Path) -> None:
    guest(own, ".mine.x7k2", "name =")
    assert not any(name.startswith(".") for name in catalogue())


def test_a_guest_that_is_removed_meanwhile_is_none_any_more(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest(own)
    guest(own, "other")

    def slowly(folder: Path) -> GuestImage:
        if folder == own / "mine":
            shutil.rmtree(folder)
        return load_guest(folder)

    monkeypatch.setattr(catalogue_module, "load_guest", slowly)
    found = catalogue()
    assert "other" in found and "mine" not in found


def test_a_file_that_is_gone_is_named(own: Path) -> None:
    folder = guest(own)
    (folder / "vmlinuz").unlink()
    image = catalogue()["mine"]
    assert not image.available
    assert str(folder / "vmlinuz") in image.missing


@pytest.mark.parametrize("algorithm", ["sha256", "blake3"])
def test_a_changed_file_is_noticed_also_when_its_digest_was_taken_before(own: Path, algorithm: str) -> None:
    from blake3 import blake3

    digest = (hashlib.sha256 if algorithm == "sha256" else blake3)(b"kernel").hexdigest()
    folder = guest(own, text=GOOD + f'[digests]\nkernel = "{algorithm}:{digest}"\n')
    image = catalogue()["mine"]
    image.check()
    image.check()
    (folder / "vmlinuz").write_bytes(b"KERNEL and more")
    with pytest.raises(ImageError, match="vmlinuz: was changed or damaged"):
        image.check()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('kind = "linux"', 'kind = "windows"', "kind: invalid enum value 'windows'"),
        ('kernel = "vmlinuz"\n', "", "kernel: is missing"),
        ("ram_mib = 128", "ram_mib = 32", "least_ram_mib: is more than ram_mib"),
        ("ram_mib = 128", "ram_mib = 1e3", "ram_mib: expected int, got float"),
        ('name = "Mine"', 'nane = "Mine"', "nane: is no field that is known here"),
        (
            'description = "A guest"',
            '[digests]\ndtb = "sha256:' + "0" * 64 + '"',
            "digests.dtb: names no file",
        ),
        ('description = "A guest"', '[digests]\nkernel = "md5:00"', "digests[...]: expected str matching"),
        ('name = "Mine"', "name = Mine", "is no TOML file"),
    ],
)
def test_a_wrong_guest_file_is_refused_by_field(own: Path, old: str, new: str, sentence: str) -> None:
    assert old in GOOD
    folder = guest(own, text=GOOD.replace(old, new))
    with pytest.raises(ImageError) as caught:
        load_guest(folder)
    assert str(caught.value).startswith(f"{folder / 'guest.toml'}: {sentence}")
    problems: list[ImageError] = []
    assert "mine" not in catalogue(problems.append)
    assert len(problems) == 1


def test_files_of_ones_own(tmp_path: Path) -> None:
    kernel = tmp_path / "zImage"
    with pytest.raises(MissingImage, match="zImage: there is no such file"):
        image_from_files(kernel=kernel)
    kernel.write_bytes(b"x")
    image = image_from_files(kernel=kernel, append="quiet")
    assert (image.kind, image.main_file, image.append) == ("linux", kernel, "quiet")
    assert image_from_files(firmware=kernel).kind == "firmware"
    assert image_from_files(elf=kernel).kind == "elf"
    assert image_from_files(kernel=kernel, kind="raw").kind == "raw"
    with pytest.raises(ImageError, match="one of a kernel, an ELF file or a firmware"):
        image_from_files(kernel=kernel, elf=kernel)
    with pytest.raises(ImageError, match="one of a kernel"):
        image_from_files(initrd=kernel)
    with pytest.raises(ImageError, match="is no regular file"):
        image_from_files(elf=tmp_path)


DISKS = """
keep = true
media = true
[[disks]]
file = "system.img"
serial = "system"
[[disks]]
file = "data.qcow2"
format = "qcow2"
mode = "read-only"
keep = false
"""


def test_disks_of_a_guest(own: Path) -> None:
    folder = guest(own, text=GOOD + DISKS)
    missing = catalogue()["mine"]
    assert not missing.available and "system.img" in missing.missing
    for name in ("system.img", "data.qcow2"):
        (folder / name).write_bytes(b"disk")
    image = catalogue()["mine"]
    assert image.available and image.media
    assert image.disks == (
        DiskSpec(path=folder / "system.img", serial="system", keep=True),
        DiskSpec(path=folder / "data.qcow2", format="qcow2", mode="read-only"),
    )


@pytest.mark.parametrize(
    "table", ['file = ""', 'file = "a"\nformat = "vmdk"', 'file = "a"\nmode = "rw"', 'serial = "x"']
)
def test_a_wrong_disk_is_named(own: Path, table: str) -> None:
    guest(own, text=f"{GOOD}\n[[disks]]\n{table}\n")
    with pytest.raises(ImageError, match="disks"):
        catalogue()


def test_a_guest_offers_services(own: Path) -> None:
    guest(own, text=GOOD + "offers = {keys = 7000, bills = 7001}\n")
    assert catalogue()["mine"].offers == (Offer("keys", 7000), Offer("bills", 7001))


@pytest.mark.parametrize(
    "offers",
    [
        *("{Keys = 1}", "{keys = 0}", "{keys = 4294967295}", "{keys = 1, bills = 1}", "{keys = true}"),
        '["keys"]',
        "{" + ", ".join(f"s{n} = {n + 1}" for n in range(9)) + "}",
    ],
)
def test_offers_that_are_none(own: Path, offers: str) -> None:
    guest(own, text=GOOD + f"offers = {offers}\n")
    with pytest.raises(ImageError, match="offers"):
        catalogue()
