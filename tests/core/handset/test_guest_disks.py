"""Debian with disks: what it writes is kept as promised, the image stays as it was, what fails is told."""

import asyncio
import os
import random
import resource
import signal
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from disk_shell import BOOT_SECONDS, Shell, begin, mount
from platformdirs import user_data_path

from pocketvisor.api import GuestImage, Handset, RunOptions
from pocketvisor.storage.disk import DiskSpec

pytestmark = pytest.mark.debian

SIZE = 24 << 20
DATA_HOME = str(user_data_path())  # where Debian was fetched to


async def test_what_it_keeps_outlives_it_and_the_image_stays(
    phone: Handset, image: GuestImage, card: Path
) -> None:
    before = sha256(card.read_bytes()).digest()
    disks = (DiskSpec(path=card, keep=True, serial="card-1"),)
    shell = await begin(phone, image, disks=disks)
    assert await shell.good("cat /sys/block/vda/serial; echo; cat /sys/block/vda/size /sys/block/vda/ro") == (
        f"card-1\n{SIZE // 512}\n0\n"
    )
    await mount(shell)
    await shell.good("echo kept > /mnt/file; sync")
    os.kill(shell.guest.pid, signal.SIGKILL)  # and not a moment to tidy up
    assert (await shell.guest.wait_stopped()).kind == "crashed"
    await shell.guest.restart()
    await shell.ready()
    await mount(shell)
    assert await shell.good("cat /mnt/file") == "kept\n"
    said: list[str] = []
    options = RunOptions(rate="max", disks=disks)
    second = await Shell(await phone.start(image, options=options, progress=said.append)).ready()
    assert any("not kept this time" in sentence for sentence in said)
    await mount(second)
    assert (await second.run("cat /mnt/file")).endswith("=1=\n")
    await phone.remove(second.guest)
    await phone.remove(shell.guest)
    third = await begin(phone, image, disks=disks)
    await mount(third)
    assert await third.good("cat /mnt/file") == "kept\n"
    assert sha256(card.read_bytes()).digest() == before


async def test_it_reads_and_writes_what_it_should(phone: Handset, image: GuestImage, noise: Path) -> None:
    """Large and small requests, by the checksum of all of it; directly, and through a discard."""
    shell = await begin(phone, image, disks=(DiskSpec(path=noise, mode="direct"),))
    content = noise.read_bytes()
    assert sha256(content).hexdigest() in await shell.good("sha256sum /dev/vda")
    await shell.good("dd if=/dev/vda of=/dev/vda bs=4k skip=1000 seek=3000 count=700 conv=notrunc,fsync 2>&1")
    await shell.good("dd if=/dev/zero of=/dev/vda bs=512 seek=7 count=1 conv=notrunc,fsync 2>&1")
    copied = content[1000 << 12 : 1700 << 12]
    content = content[: 3000 << 12] + copied + content[3700 << 12 :]
    content = content[: 7 * 512] + bytes(512) + content[8 * 512 :]
    assert noise.read_bytes() == content
    await shell.good("blkdiscard -o 1048576 -l 2097152 /dev/vda && sync")
    content = content[: 1 << 20] + bytes(2 << 20) + content[3 << 20 :]
    assert noise.read_bytes() == content
    assert noise.stat().st_blocks * 512 <= SIZE - (2 << 20)


async def test_a_file_that_becomes_shorter_is_an_io_error_and_a_sentence(
    phone: Handset, image: GuestImage, noise: Path
) -> None:
    shell = await begin(phone, image, disks=(DiskSpec(path=noise),))
    os.truncate(noise, 8 << 20)
    answer = await shell.run("dd if=/dev/vda of=/dev/null bs=1M skip=4 2>&1")
    assert "Input/output error" in answer
    assert any("has become shorter" in note for note in shell.notes)
    assert "DONE" in await shell.good("dd if=/dev/vda of=/dev/null bs=1M count=8 2>/dev/null; echo DONE")


async def test_a_full_disk_of_the_host_loses_nothing_that_was_flushed(
    phone: Handset, image: GuestImage, card: Path
) -> None:
    shell = await begin(phone, image, disks=(DiskSpec(path=card),))
    await mount(shell)
    await shell.good("echo precious > /mnt/file; sync")
    before = resource.prlimit(shell.guest.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(shell.guest.pid, resource.RLIMIT_FSIZE, (16 << 20, before[1]))
    answer = await shell.run("dd if=/dev/zero of=/dev/vda bs=1M seek=18 count=1 conv=notrunc,fsync 2>&1")
    assert "rror" in answer
    assert [note for note in shell.notes if "disk is full" in note]
    resource.prlimit(shell.guest.pid, resource.RLIMIT_FSIZE, before)
    assert await shell.good("cat /mnt/file; umount /mnt") == "precious\n"
    await shell.good("dd if=/dev/zero of=/dev/vda bs=1M seek=18 count=1 conv=notrunc,fsync 2>/dev/null")
    await shell.guest.reset()
    await shell.ready()
    await mount(shell)
    assert await shell.good("cat /mnt/file") == "precious\n"


async def test_files_come_and_go_in_its_drive(phone: Handset, image: GuestImage, tmp_path: Path) -> None:
    folder = tmp_path / "Holiday"
    folder.mkdir()
    (folder / "Žluťoučký kůň.txt").write_text("neigh\n")
    (folder / "large").write_bytes(random.Random(4).randbytes(3 << 20))
    shell = await begin(phone, image, media=True)
    assert await shell.good("cat /sys/block/vda/size; mkdir -p /mnt; modprobe isofs") == "0\n"
    said: list[str] = []
    await shell.guest.insert_media([folder], said.append)
    assert said
    await shell.good("while [ $(cat /sys/block/vda/size) = 0 ]; do sleep 0.1; done")
    await shell.good("mount -t iso9660 -o ro,utf8 /dev/vda /mnt")
    assert await shell.good("cat /mnt/Holiday/*.txt; ls /mnt/Holiday | wc -l") == "neigh\n2\n"
    digest = sha256((folder / "large").read_bytes()).hexdigest()
    assert digest in await shell.good("sha256sum /mnt/Holiday/large")
    await shell.good("umount /mnt")
    await shell.guest.eject_media()
    await shell.good("while [ $(cat /sys/block/vda/size) != 0 ]; do sleep 0.1; done")
    (folder / "large").write_bytes(b"other")
    await shell.guest.insert_media([folder / "large"])
    await shell.good("while [ $(cat /sys/block/vda/size) = 0 ]; do sleep 0.1; done")
    assert await shell.good("mount -t iso9660 -o ro /dev/vda /mnt; cat /mnt/large; echo") == "other\n"
    await shell.guest.reset()  # it stays in
    await shell.ready()
    await shell.good("mkdir -p /mnt; modprobe isofs; mount -t iso9660 -o ro /dev/vda /mnt")
    assert await shell.good("cat /mnt/large; echo") == "other\n"


@pytest.mark.parametrize("deterministic", [False, True])
async def test_a_recording_with_disks_comes_again_without_them(
    phone: Handset, image: GuestImage, noise: Path, deterministic: bool
) -> None:
    options = {"deterministic": deterministic, "skip_idle": deterministic}
    disks = (DiskSpec(path=noise, mode="direct"),)
    shell = await begin(phone, image, disks=disks, media=True, record=True, **options)
    answer = await shell.good("dd if=/dev/vda bs=1M count=3 2>/dev/null | sha256sum")
    assert sha256(noise.read_bytes()[: 3 << 20]).hexdigest() in answer
    await shell.good("dd if=/dev/zero of=/dev/vda bs=64k count=20 conv=notrunc,fsync 2>&1")
    recording = await shell.guest.recording()
    text = shell.guest.console.text
    await phone.remove(shell.guest)
    noise.unlink()
    replay = await phone.start(
        image, options=RunOptions(replay=recording, rate="max", deterministic=deterministic, skip_idle=True)
    )
    async with asyncio.timeout(BOOT_SECONDS):
        stop = await replay.wait_stopped()
    assert (stop.kind, stop.ticks) == ("limit", recording.end.ticks)
    assert await replay.digest() == recording.end.digest
    assert replay.console.text == text


async def test_it_is_saved_and_restored_amid_reads_and_writes(
    phone: Handset, image: GuestImage, noise: Path
) -> None:
    shell = await begin(phone, image, disks=(DiskSpec(path=noise),))
    part = SIZE // 8 >> 12
    copy = f"dd if=/dev/vda of=/dev/vda bs=4k count={part} skip=$((i * {part})) seek=$(((i + 4) * {part}))"
    loop = f"for i in 0 1 2 3; do {copy} conv=notrunc,fsync 2>/dev/null; done; echo COPIED"
    await shell.guest.pause()
    shell.guest.console.write(f"{loop}\r".encode())
    for _ in range(5):
        await shell.guest.run_until(shell.guest.ticks + 4_000_000)
        await shell.guest.put_back(await shell.guest.save())
    assert b"COPIED" not in shell.guest.console.text
    await shell.guest.resume()
    await shell.guest.console.expect("^COPIED", 60)
    await shell.good("echo 3 > /proc/sys/vm/drop_caches")
    content = noise.read_bytes()[: SIZE // 2]
    assert sha256(content * 2).hexdigest() in await shell.good("sha256sum /dev/vda")


async def test_the_command_line_gives_it_a_disk(
    pocketvisor: Callable[..., Any], image: GuestImage, noise: Path
) -> None:
    del image
    arguments = [
        "run",
        "debian",
        "--headless",
        "--rate",
        "max",
        "--disk",
        f"{noise},mode=read-only,serial=N1",
    ]
    arguments += [
        "--type",
        "cat /sys/block/vda/serial /sys/block/vda/ro",
        "--until",
        "^N11",
        "--timeout",
    ]
    ran = await pocketvisor(*arguments, "120", seconds=180, XDG_DATA_HOME=DATA_HOME)
    assert ran.code == 0, ran.err
    ran = await pocketvisor("run", "debian", "--headless", "--disk", "missing.img", XDG_DATA_HOME=DATA_HOME)
    assert ran.code == 1
    assert "missing.img: cannot be opened" in ran.err
