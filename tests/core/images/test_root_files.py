"""A root file system from packages: as dpkg would have made it, no package run, nothing written outside."""

import io
import lzma
import os
import random
import shutil
import subprocess
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from pocketvisor.errors import ImageError
from pocketvisor.images.ext4 import check_file_system, make_file_system, missing_tools, tool
from pocketvisor.images.root_files import RootFiles

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="needs dpkg-deb")

Change = Callable[[Path], None]


def package(
    folder: Path, name: str, make: Change, *, more: str = "", control: dict[str, str] | None = None
) -> Path:
    tree = folder / f"{name}.tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: 1.0\nArchitecture: armhf\n{more}"
        "Maintainer: Nobody <nobody@localhost>\nDescription: for a test\n in two lines\n"
    )
    for file, content in (control or {}).items():
        (tree / "DEBIAN" / file).write_text(content)
        (tree / "DEBIAN" / file).chmod(0o755 if file.endswith("inst") else 0o644)
    make(tree)
    path = folder / f"{name}.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, path]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    shutil.rmtree(tree)
    return path


def write(tree: Path, name: str, content: str = "content", mode: int = 0o644) -> None:
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).write_text(content)
    (tree / name).chmod(mode)


def raw_package(folder: Path, *members: tuple[str, bytes, str, bytes]) -> Path:
    """A package whose archive dpkg-deb would not have made: name, type, link, content."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as out:
        for name, kind, link, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, link, len(content)
            out.addfile(info, io.BytesIO(content))
    return package_with(folder, {"data.tar": data.getvalue()})


def package_with(folder: Path, changed: dict[str, bytes]) -> Path:
    """A package, but for some of its parts."""
    good = package(folder, "good", lambda tree: None)
    parts = {}
    for part in ("debian-binary", "control.tar", "data.tar"):
        found = subprocess.run(["ar", "p", good, part], check=True, capture_output=True, timeout=60)
        parts[part] = found.stdout
    names = {part: next((name for name in changed if name.startswith(part)), part) for part in parts}
    path = folder / "raw.deb"
    with path.open("wb") as out_file:
        out_file.write(b"!<arch>\n")
        for part, name in names.items():
            content = changed.get(name, parts[part])
            head = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n"
            out_file.write(head.encode() + content + b"\n" * (len(content) % 2))
    return path


def test_packages_are_unpacked_and_entered_as_dpkg_does_it(tmp_path: Path) -> None:
    def make(tree: Path) -> None:
        write(tree, "bin/tool", mode=0o4755)
        write(tree, "usr/share/doc/one/copyright")
        write(tree, "etc/one.conf", "a = 1\n")
        (tree / "usr" / "share" / "one").mkdir(parents=True)
        (tree / "usr" / "share" / "one" / "link").symlink_to("/etc/one.conf")
        os.link(tree / "bin" / "tool", tree / "bin" / "other")

    one = package(
        tmp_path,
        "one",
        make,
        more="Multi-Arch: same\n",
        control={
            "conffiles": "/etc/one.conf\n",
            "postinst": "#!/bin/sh\nexit 1\n",
            "triggers": "interest-noawait /usr/share/fonts\ninterest ldconfig\nactivate-noawait other # x\n",
        },
    )
    root = RootFiles(tmp_path / "root", left_out=("/usr/share/doc/",))
    assert root.add_package(one) == "one"
    root.finish()
    place = tmp_path / "root"
    assert (place / "usr/bin/tool").stat().st_mode & 0o7777 == 0o4755, "bin is a link into usr"
    assert (place / "usr/bin/tool").samefile(place / "usr/bin/other")
    assert os.readlink(place / "usr/share/one/link") == "/etc/one.conf"
    assert not (place / "usr/share/doc/one").exists()
    info = place / "var/lib/dpkg/info"
    assert os.access(info / "one:armhf.postinst", os.X_OK)
    assert "/bin/tool\n" in (info / "one:armhf.list").read_text()
    status = (place / "var/lib/dpkg/status").read_text()
    assert "Package: one\nStatus: install ok unpacked\n" in status and "\n in two lines\n" in status
    assert "Conffiles:\n /etc/one.conf 0d0d3a3b" not in status and "Conffiles:\n /etc/one.conf " in status
    triggers = place / "var/lib/dpkg/triggers"
    assert (triggers / "File").read_text() == "/usr/share/fonts one:armhf/noawait\n"
    assert (triggers / "ldconfig").read_text() == "one:armhf\n" and not (triggers / "other").exists()


def test_dpkg_itself_reads_the_database(tmp_path: Path) -> None:
    root = RootFiles(tmp_path / "root")
    root.add_package(package(tmp_path, "one", lambda tree: write(tree, "usr/bin/a")))
    root.add_package(package(tmp_path, "two", lambda tree: write(tree, "lib/b"), more="Depends: one\n"))
    root.finish()
    show = ("dpkg-query", "--root", tmp_path / "root", "-W", "-f", "${Package} ${Status}\\n")
    listed = subprocess.run(show, check=True, capture_output=True, text=True, timeout=60).stdout
    assert listed == "one install ok unpacked\ntwo install ok unpacked\n"
    files = ("dpkg-query", "--root", tmp_path / "root", "-L", "two")
    assert "/lib/b" in subprocess.run(files, check=True, capture_output=True, text=True, timeout=60).stdout


def test_nothing_is_written_outside_whatever_a_package_says(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    sneaky = raw_package(
        tmp_path,
        ("./way", tarfile.SYMTYPE, str(outside), b""),
        ("./way/in", tarfile.REGTYPE, "", b"x"),
        ("./../../up", tarfile.REGTYPE, "", b"x"),
        ("./etc/hosts", tarfile.REGTYPE, "", b"x"),
        ("./hard", tarfile.LNKTYPE, "etc/hosts", b""),
    )
    root = RootFiles(tmp_path / "deep" / "root")
    root.add_package(sneaky)
    assert list(outside.iterdir()) == [] and not (tmp_path / "up").exists()
    assert (tmp_path / "deep/root" / str(outside).lstrip("/") / "in").read_bytes() == b"x"
    assert (tmp_path / "deep/root/up").exists() and (tmp_path / "deep/root/hard").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ([("./null", tarfile.CHRTYPE, "", b"")], "neither file, folder nor link"),
        (
            [
                ("./a", tarfile.SYMTYPE, "b", b""),
                ("./b", tarfile.SYMTYPE, "a", b""),
                ("./a/c", b"0", "", b"x"),
            ],
            "links",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, members: list[tuple[str, bytes, str, bytes]], sentence: str
) -> None:
    with pytest.raises(ImageError, match=sentence):
        RootFiles(tmp_path / "root").add_package(raw_package(tmp_path, *members))


@pytest.mark.parametrize("part", ["control.tar.xz", "data.tar.xz"])
@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_a_name_of_many_mebibytes_is_not_read_into_memory(tmp_path: Path, part: str, kind: bytes) -> None:
    info = tarfile.TarInfo("./long")
    info.type, info.size = kind, 96 << 20
    content = info.tobuf(tarfile.GNU_FORMAT) + bytes(info.size)
    refused_in_little_memory(tmp_path, part, content, "no sound Debian package")


def test_a_control_file_of_many_mebibytes_is_not_read_into_memory(tmp_path: Path) -> None:
    info = tarfile.TarInfo("./md5sums")
    info.size = 96 << 20
    content = info.tobuf() + bytes(info.size) + bytes(1024)
    refused_in_little_memory(tmp_path, "control.tar.xz", content, "md5sums is larger than")


def refused_in_little_memory(folder: Path, part: str, content: bytes, sentence: str) -> None:
    path = package_with(folder, {part: lzma.compress(content, preset=0)})
    del content
    tracemalloc.start()
    try:
        with pytest.raises(ImageError, match=sentence):
            RootFiles(folder / "root").add_package(path)
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


def test_a_damaged_package_is_named(tmp_path: Path) -> None:
    path = package(tmp_path, "one", lambda tree: write(tree, "a", "x" * 100000))
    path.write_bytes(path.read_bytes()[:50000])
    with pytest.raises(ImageError, match=r"one\.deb"):
        RootFiles(tmp_path / "root").add_package(path)
    with pytest.raises(ImageError, match="cancelled"):
        whole = package(tmp_path, "two", lambda tree: write(tree, "a"))
        RootFiles(tmp_path / "root2").add_package(whole, cancelled=lambda: True)


@pytest.mark.skipif(bool(missing_tools()), reason="needs e2fsprogs")
def test_a_disk_holds_the_files_with_their_owners_and_is_whole(tmp_path: Path) -> None:
    root = RootFiles(tmp_path / "root")
    root.add_file("etc/a name", b"content", mode=0o640)
    root.add_folder("home/phone", owner=(1000, 1000))
    root.finish()
    root.owners["etc/a name"] = (0, 42)
    image = tmp_path / "disk.img"
    make_file_system(root.folder, image, 64 << 20, root.owners, "test")
    check_file_system(image)
    assert image.stat().st_size == 64 << 20 and image.stat().st_blocks * 512 < 32 << 20

    def asked(command: str) -> str:
        debugfs = tool("debugfs")
        assert debugfs is not None
        done = subprocess.run([debugfs, "-R", command, image], check=True, capture_output=True, timeout=60)
        return done.stdout.decode()

    assert asked('cat "/etc/a name"') == "content"
    assert " 42 " in " ".join(asked('stat "/etc/a name"').split())
    stat = " ".join(asked("stat /home/phone").split())
    assert "User: 1000 Group: 1000" in stat
    assert "User: 0 Group: 0" in " ".join(asked("stat /var").split())


@pytest.mark.skipif(bool(missing_tools()), reason="needs e2fsprogs")
def test_what_does_not_fit_on_a_disk_is_said(tmp_path: Path) -> None:
    root = RootFiles(tmp_path / "root")
    root.add_file("big", random.Random(1).randbytes(24 << 20))
    with pytest.raises(ImageError, match="mke2fs failed"):
        make_file_system(root.folder, tmp_path / "disk.img", 32 << 20, root.owners, "test")
    (tmp_path / "no.img").write_bytes(bytes(1 << 20))
    with pytest.raises(ImageError, match="e2fsck failed"):
        check_file_system(tmp_path / "no.img")
