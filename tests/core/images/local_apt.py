"""An apt source of our own in a folder: real packages, read by the real apt, without a network."""

import gzip
import hashlib
import shutil
import struct
import subprocess
from pathlib import Path

import pytest


class LocalSource:
    """A flat source that apt is pointed at instead of the machine's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._stanzas: list[str] = []

    def add(
        self, name: str, version: str, files: dict[str, bytes], *, depends: str = "", arch: str = "armhf"
    ) -> Path:
        tree = self.folder / f"{name}.tree"
        control = f"Package: {name}\nVersion: {version}\nArchitecture: {arch}\n"
        control += "Maintainer: Nobody <nobody@localhost>\nDescription: for a test\n"
        if depends:
            control += f"Depends: {depends}\n"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN" / "control").write_text(control)
        for path, content in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(content)
        package = self.folder / f"{name}_{version}_{arch}.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, package],
            check=True,
            capture_output=True,
            timeout=60,
        )
        shutil.rmtree(tree)
        self._stanzas.append(control + f"Filename: ./{package.name}\n" + _hashes(package.read_bytes()))
        self.publish()
        return package

    def publish(self) -> None:
        packages = "\n".join(self._stanzas).encode()
        (self.folder / "Packages").write_bytes(packages)
        (self.folder / "Release").write_text(
            "Origin: test\nCodename: test\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n"
            f" {hashlib.sha256(packages).hexdigest()} {len(packages)} Packages\n"
        )


def _hashes(content: bytes) -> str:
    return f"Size: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n"


def kernel_module(*needs: str, aliases: tuple[str, ...] = ()) -> bytes:
    """The smallest ELF file that a kernel module's information can be read from."""
    information = b"license=GPL\0depends=" + ",".join(needs).encode() + b"\0"
    information += b"".join(b"alias=" + alias.encode() + b"\0" for alias in aliases)
    names = b"\0.modinfo\0.shstrtab\0"
    header_size, section_size = 52, 40
    names_at = header_size + len(information)
    sections_at = names_at + len(names)
    header = b"\x7fELF\x01\x01\x01" + bytes(9)
    header += struct.pack(
        "<HHIIIIIHHHHHH", 1, 40, 1, 0, 0, sections_at, 0, header_size, 0, 0, section_size, 3, 2
    )
    sections = bytes(section_size)
    sections += struct.pack("<10I", 1, 1, 0, 0, header_size, len(information), 0, 0, 1, 0)
    sections += struct.pack("<10I", 10, 3, 0, 0, names_at, len(names), 0, 0, 1, 0)
    return header + information + names + sections


def debian_like(source: LocalSource) -> None:
    """The packages that a fetch of Debian looks for, small."""
    modules = "lib/modules/6.1.0-1-armmp/kernel"
    source.add("linux-image-armmp", "6.1", {}, depends="linux-image-6.1.0-1-armmp (= 6.1)")
    source.add(
        "linux-image-6.1.0-1-armmp",
        "6.1",
        {
            "boot/vmlinuz-6.1.0-1-armmp": b"a kernel",
            f"{modules}/virtio_mmio.ko": kernel_module("virtio", "virtio-ring"),
            f"{modules}/virtio_input.ko": kernel_module("virtio"),
            f"{modules}/virtio-ring.ko": kernel_module("virtio"),
            f"{modules}/virtio.ko": kernel_module(),
            f"{modules}/floppy.ko": kernel_module(),
        },
    )
    source.add(
        "busybox-static", "1:1.35", {"bin/busybox": b"a shell", "usr/share/hooks/busybox": b"something else"}
    )
    images = "usr/lib/debian-installer/images/12/armhf/text/debian-installer/armhf"
    for release in ("9", "12"):
        source.add(
            f"debian-installer-{release}-netboot-armhf",
            "2023",
            {
                f"{images}/vmlinuz": b"kernel " + release.encode(),
                f"{images}/initrd.gz": gzip.compress(b"disk"),
            },
            arch="all",
        )


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalSource:
    """apt reads this source alone, and data and cache of the user are in the test's folder; so is what apt
    takes for the machine's own state: others may be using that of this one."""
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")
    found = LocalSource(tmp_path / "source")
    etc = tmp_path / "etc"
    (etc / "sources.list.d").mkdir(parents=True)
    (etc / "sources.list").write_text(f"deb [trusted=yes] file:{found.folder} ./\n")
    for folder in ("lists/partial", "cache/archives/partial", "log"):
        (tmp_path / "machine" / folder).mkdir(parents=True)
    (tmp_path / "machine" / "status").touch()
    (etc / "apt.conf").write_text(
        f'Dir::Etc::SourceList "{etc}/sources.list";\nDir::Etc::SourceParts "{etc}/sources.list.d";\n'
        f'Dir::State "{tmp_path}/machine";\nDir::State::status "{tmp_path}/machine/status";\n'
        f'Dir::Cache "{tmp_path}/machine/cache";\nDir::Log "{tmp_path}/machine/log";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(etc / "apt.conf"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return found
