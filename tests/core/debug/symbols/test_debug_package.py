"""A kernel's debug package is given as it is: its kernel is unpacked once, and read."""

import io
import lzma
import shutil
import subprocess
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from pocketvisor.debug.symbols import debug_package
from pocketvisor.debug.symbols.table import open_symbols
from pocketvisor.errors import DebugError

Build = Callable[..., Path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pocketvisor" / "kernels"


def package(folder: Path, name: str, **files: Path) -> Path:
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb is not here")
    tree = folder / name
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: armhf\nMaintainer: N <n@example.org>\nDescription: x\n"
    )
    for file, source in files.items():
        place = tree / "usr" / "lib" / "debug" / "boot" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)
    path = folder / f"{name}.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(path)]
    subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)
    return path


async def test_its_kernel_is_read_and_kept(tmp_path: Path, built_program: Build, cache: Path) -> None:
    path = package(tmp_path, "linux-dbg", **{"vmlinux-6.1": built_program("arm", "-g", "-marm")})
    for _ in range(2):
        table = await open_symbols([path])
        assert table.layers[0].name == "vmlinux-6.1" and table.address("outer") is not None
        await table.close()
    [kept] = cache.iterdir()
    assert [file.name for file in kept.iterdir()] == ["vmlinux-6.1"]


async def test_only_the_last_ones_are_kept(tmp_path: Path, built_program: Build, cache: Path) -> None:
    for name in ("one", "two", "three"):
        await debug_package.kernel_in(package(tmp_path, name, vmlinux=built_program("arm", "-g", "-marm")))
    assert sorted(place.name.partition("-")[0] for place in cache.iterdir()) == ["three", "two"]


async def test_another_package_is_refused(tmp_path: Path, built_program: Build, cache: Path) -> None:
    path = package(tmp_path, "other", config=built_program("arm", "-g", "-marm"))
    with pytest.raises(DebugError, match=r"^other.deb: holds no kernel with debug information"):
        await open_symbols([path])
    broken = tmp_path / "broken.deb"
    broken.write_bytes(debug_package.MAGIC + bytes(1000))
    with pytest.raises(DebugError, match=r"^broken.deb: "):
        await open_symbols([broken])
    assert list(cache.iterdir()) == []


def package_of(path: Path, data: bytes) -> Path:
    """One whose content is no work of dpkg-deb's: an ar archive of three members."""
    empty = bytes(10240)
    members = {"debian-binary": b"2.0\n", "control.tar": empty, "data.tar.xz": lzma.compress(data, preset=0)}
    with path.open("wb") as file:
        file.write(debug_package.MAGIC)
        for name, content in members.items():
            file.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode())
            file.write(content + b"\n" * (len(content) % 2))
    return path


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not here")
async def test_one_that_was_made_to_harm_is_refused(tmp_path: Path, cache: Path) -> None:
    size = 96 << 20
    name = tarfile.TarInfo("e")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, size
    bomb = package_of(tmp_path / "bomb.deb", name.tobuf(tarfile.GNU_FORMAT) + bytes(size))
    tracemalloc.start()
    try:
        with pytest.raises(DebugError, match=r"^bomb.deb: is no sound Debian package"):
            await open_symbols([bomb])
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()
    holes = io.BytesIO()
    with tarfile.open(fileobj=holes, mode="w", format=tarfile.PAX_FORMAT) as out:
        file = tarfile.TarInfo("usr/lib/debug/boot/vmlinux-6.1")
        file.pax_headers = {"GNU.sparse.map": "everywhere"}
        out.addfile(file)
    with pytest.raises(DebugError, match=r"^holes.deb: is no sound Debian package"):
        await open_symbols([package_of(tmp_path / "holes.deb", holes.getvalue())])
    assert list(cache.iterdir()) == []
