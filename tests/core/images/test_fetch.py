"""Fetching: the right packages become the right files, once; what goes wrong leaves what was there."""

import asyncio
import gzip
import io
import stat
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from local_apt import LocalSource, debian_like, source

from pocketvisor.errors import ImageError, MissingImage
from pocketvisor.images import cpio
from pocketvisor.images import fetch as fetch_module
from pocketvisor.images.apt import Apt
from pocketvisor.images.catalogue import catalogue, user_guests_path
from pocketvisor.images.fetch import fetch, fetched

__all__ = ["source"]


async def test_fetching_debian_brings_a_shell_and_the_installer(source: LocalSource) -> None:
    debian_like(source)
    told: list[tuple[str, float]] = []
    image = await fetch("debian", progress=lambda sentence, done: told.append((sentence, done)))

    image.check()
    assert image.kernel is not None and image.kernel.read_bytes() == b"a kernel"
    assert image.initrd is not None
    disk = {entry.name: entry for entry in cpio.read(io.BytesIO(gzip.decompress(image.initrd.read_bytes())))}
    assert disk["bin/busybox"].content == b"a shell"
    assert disk["init"].content == b"bin/busybox" and stat.S_ISLNK(disk["init"].mode)
    assert disk["etc/boot"].mode & 0o111
    modules = "lib/modules/6.1.0-1-armmp"
    assert disk[f"{modules}/modules.dep"].content.splitlines() == [
        b"virtio.ko:",
        b"virtio_input.ko: virtio.ko",
        b"virtio_mmio.ko: virtio_ring.ko virtio.ko",
        b"virtio_ring.ko: virtio.ko",
    ]
    assert f"{modules}/virtio_ring.ko" in disk and f"{modules}/floppy.ko" not in disk
    assert "linux-image-6.1.0-1-armmp_6.1_armhf.deb" in image.source

    found = catalogue()
    assert found["debian"] == image and image.parts == ("balloon",)
    found["debian-installer"].check()

    shares = [done for _, done in told]
    assert shares == sorted(shares) and shares[0] == 0.0 and shares[-1] == 1.0
    assert any("MB" in sentence for sentence, _ in told)


async def test_the_installer_can_be_fetched_alone_and_is_of_the_latest_release_if_ours_has_none(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    debian_like(source)
    monkeypatch.setattr(fetch_module, "_release", lambda: "11")
    image = await fetch("debian-installer")
    assert image.kernel is not None and image.kernel.read_bytes() == b"kernel 12"
    assert fetched("debian") is None
    monkeypatch.setattr(fetch_module, "_release", lambda: "9")
    image = await fetch("debian-installer", force=True)
    assert image.kernel is not None and image.kernel.read_bytes() == b"kernel 9"
    assert len(list(image.kernel.parent.iterdir())) == 3, "the older release's files are still there"


async def test_what_is_there_is_not_fetched_again(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    debian_like(source)
    first = await fetch("debian")
    monkeypatch.setenv("PATH", "")  # no apt: nothing can be fetched
    assert await fetch("debian") == first


async def test_the_same_packages_make_the_same_files(source: LocalSource) -> None:
    debian_like(source)
    assert (await fetch("debian")).digests == (await fetch("debian", force=True)).digests


async def test_a_changed_file_or_an_older_recipe_is_made_anew_without_the_source(source: LocalSource) -> None:
    debian_like(source)
    first = await fetch("debian")
    assert first.kernel is not None
    for package in source.folder.glob("*.deb"):
        package.unlink()
    first.kernel.write_bytes(b"a kernel, damaged")
    assert (await fetch("debian")).digests == first.digests
    description = user_guests_path() / "debian" / "guest.toml"
    description.write_text(description.read_text().replace("recipe = ", "recipe = 1000"))
    assert (await fetch("debian")).recipe == first.recipe


async def test_a_package_that_is_not_the_announced_one_is_refused_and_the_old_guest_stays(
    source: LocalSource,
) -> None:
    debian_like(source)
    first = await fetch("debian")
    busybox = source.add("busybox-static", "1:1.36", {"bin/busybox": b"a newer shell"})
    busybox.write_bytes(busybox.read_bytes().replace(b"a newer shell", b"another shell"))
    with pytest.raises(ImageError, match=r"apt could not download busybox-static: \S+"):
        await fetch("debian", force=True)
    assert fetched("debian") == first


async def test_sources_without_the_packages_say_what_is_missing_and_what_to_give_by_hand(
    source: LocalSource,
) -> None:
    source.publish()
    with pytest.raises(MissingImage) as caught:
        await fetch("debian")
    assert "offer no linux-image-armmp for armhf" in str(caught.value)
    assert "--kernel vmlinuz --initrd initrd.gz" in str(caught.value)


async def test_a_source_that_cannot_be_read_leaves_the_others(source: LocalSource, tmp_path: Path) -> None:
    debian_like(source)
    (tmp_path / "etc" / "sources.list.d" / "gone.list").write_text(
        f"deb [trusted=yes] file:{tmp_path}/gone ./\n"
    )
    assert (await fetch("debian")).available


async def test_without_apt_the_files_to_give_by_hand_are_named(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingImage) as caught:
        await fetch("debian")
    for part in (
        "no apt client",
        "--kernel vmlinuz",
        "--initrd initrd.gz",
        "linux-image-armmp",
        "netboot-armhf",
    ):
        assert part in str(caught.value)


async def test_a_package_that_holds_no_kernel_is_named(source: LocalSource) -> None:
    debian_like(source)
    source.add("linux-image-6.1.0-1-armmp", "6.2", {"boot/nothing": b""})
    source.add("linux-image-armmp", "6.2", {}, depends="linux-image-6.1.0-1-armmp")
    with pytest.raises(ImageError, match="do not hold one kernel and one busybox"):
        await fetch("debian")


async def test_cancelling_stops_apt_and_leaves_nothing_half_done(
    source: LocalSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    debian_like(source)
    # An apt that hangs on the download: a program of this name that comes first in the search path.
    programs = tmp_path / "programs"
    programs.mkdir()
    started = programs / "started"
    started.touch()
    fake = programs / "apt-get"
    fake.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *--print-uris*|*update*) exec /usr/bin/apt-get "$@";; esac\n'
        f"echo $$ > {started}\n"
        "exec sleep 1000\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    task = asyncio.create_task(fetch("debian"))
    async with asyncio.timeout(60):
        while not started.read_text():
            await asyncio.sleep(0.01)
    process = int(started.read_text())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not Path(f"/proc/{process}").exists()
    assert fetched("debian") is None
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert (await fetch("debian")).available


async def test_a_cancelled_fetch_lets_nobody_else_in_before_it_has_put_down_what_it_writes(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    debian_like(source)
    keep, writing, go_on = fetch_module._keep, threading.Event(), threading.Event()

    def slow(*arguments: Any) -> None:
        writing.set()
        assert go_on.wait(60)
        keep(*arguments)

    monkeypatch.setattr(fetch_module, "_keep", slow)
    task = asyncio.create_task(fetch("debian"))
    assert await asyncio.to_thread(writing.wait, 60)
    for _ in range(2):  # nor does a second time help
        task.cancel()
        await asyncio.wait([task], timeout=0.05)
        assert not task.done()
        with pytest.raises(ImageError, match="by another program"), fetch_module.alone():
            pass
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.setattr(fetch_module, "_keep", keep)
    assert (await fetch("debian")).available


async def test_two_fetches_at_once_are_one_too_many(source: LocalSource) -> None:
    debian_like(source)
    with fetch_module.alone(), pytest.raises(ImageError, match="by another program"):
        await fetch("debian")


async def test_only_what_is_known_can_be_fetched() -> None:
    with pytest.raises(ImageError, match="'windows' is nothing to fetch; there are debian, debian-installer"):
        await fetch("windows")


async def test_the_machines_own_apt_state_is_not_touched(source: LocalSource, tmp_path: Path) -> None:
    debian_like(source)
    asked = ["apt-config", "dump", "Dir", "--format=%f=%v%n"]
    configured = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=60).stdout
    machine = tmp_path / "machine"
    assert f"Dir::State={machine}\n" in configured and f"Dir::Cache={machine / 'cache'}\n" in configured
    before = {path: path.stat().st_mtime_ns for path in machine.rglob("*")}
    apt = Apt(tmp_path / "apt", "armhf")
    await apt.update(lambda sentence, done: None)
    assert await apt.names("busybox") == ["busybox-static"]
    after = {path: path.stat().st_mtime_ns for path in machine.rglob("*")}
    assert before == after and len(before) > 5
