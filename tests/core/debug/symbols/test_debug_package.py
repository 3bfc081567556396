"""A kernel's debug package is given as it is: its kernel is unpacked once, and read."""

import shutil
import subprocess
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
