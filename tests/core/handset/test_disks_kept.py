"""Debian's disks in a profile: whole at each generation however much it writes, and there when it goes on."""

import asyncio
import os
import shutil
import signal
import subprocess
import threading
from hashlib import sha256
from pathlib import Path

import pytest
from disk_shell import Shell, begin, mount

from pocketvisor.api import GuestImage, Handset, ProfileError, load_models
from pocketvisor.guest.capture import GuestCapture
from pocketvisor.guest.lazy_base import LazyBase
from pocketvisor.moving import move
from pocketvisor.profile.file import ProfileFile
from pocketvisor.storage.capture import CHUNK
from pocketvisor.storage.disk import DiskSpec

pytestmark = pytest.mark.debian

BUSY = (
    "{ ( i=0; while true; do i=$((i + 1)); dd if=/dev/urandom of=/mnt/f$((i % 7)) bs=64k count=12 conv=fsync;"
    " rm -f /mnt/f$(((i + 3) % 7)); echo $i > /mnt/new; mv /mnt/new /mnt/count; done ) >/dev/null 2>&1 & }"
)


async def writes(shell: Shell) -> None:
    """Until it has written a file from its beginning to its end."""
    await shell.good("n=$(cat /mnt/count 2>/dev/null || echo 0)")
    await shell.good("while [ $(cat /mnt/count || echo 0) -lt $((n + 2)) ]; do sleep 0.1; done 2>/dev/null")


def disk_of(profile: ProfileFile, generation: int) -> bytes:
    space = profile.manifest(generation).space("disk0")
    assert space is not None
    return profile.reader(space).read(0, space.size)


def check_file_system(content: bytes, path: Path) -> None:
    """Its journal is replayed, as after a loss of power, and then nothing is wrong with it."""
    program = shutil.which("e2fsck", path=f"{os.environ['PATH']}:/sbin:/usr/sbin")
    assert program is not None
    path.write_bytes(content)
    replayed = subprocess.run([program, "-fp", path], capture_output=True, text=True, timeout=60)
    assert replayed.returncode in (0, 1), replayed.stdout
    checked = subprocess.run([program, "-fn", path], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout


async def test_each_generation_has_a_whole_disk_while_it_writes(
    phone: Handset, image: GuestImage, card: Path, tmp_path: Path
) -> None:
    shell = await begin(phone, image, disks=(DiskSpec(path=card),))
    await mount(shell)
    await shell.good(BUSY)
    first = await shell.guest.keep(tmp_path / "busy.vphone")
    numbers = [first.number]
    for _ in range(5):
        await writes(shell)
        numbers.append((await shell.guest.snapshot()).number)
    profile = shell.guest.profile
    assert profile is not None
    disks = [await asyncio.to_thread(disk_of, profile.file, number) for number in numbers]
    for content in disks:
        await asyncio.to_thread(check_file_system, content, tmp_path / "captured.img")
    assert len(set(disks)) == 6


async def content_of(capture: GuestCapture) -> bytes:
    [disk] = capture.disks

    def read() -> bytes:
        chunks = -(-disk.size // CHUNK)
        return b"".join(bytes(disk.chunk(chunk) or bytes(CHUNK)) for chunk in range(chunks))

    return await asyncio.to_thread(read)


async def test_a_capture_stays_what_the_disk_was_when_the_guest_writes_over_it(
    phone: Handset, image: GuestImage, noise: Path
) -> None:
    shell = await begin(phone, image, disks=(DiskSpec(path=noise),))
    await shell.good("dd if=/dev/zero of=/dev/vda bs=64k count=100 seek=50 conv=fsync 2>&1")
    await shell.guest.pause()
    capture = await GuestCapture.begin(shell.guest, shell.guest.run, freeze=False)
    then = await content_of(capture)
    assert sha256(then).digest() != sha256(noise.read_bytes()).digest()
    await shell.guest.resume()
    await shell.good("dd if=/dev/urandom of=/dev/vda bs=64k count=300 conv=fsync 2>&1")
    await shell.good("blkdiscard -o 0 -l 1048576 /dev/vda 2>&1 || true")
    assert await content_of(capture) == then
    capture.end()
    assert sha256(then).hexdigest() not in await shell.good("sha256sum /dev/vda")


async def test_it_goes_on_with_its_disk_from_the_profile(
    phone: Handset, image: GuestImage, card: Path, tmp_path: Path
) -> None:
    path = tmp_path / "guest.vphone"
    shell = await begin(phone, image, disks=(DiskSpec(path=card),))
    await mount(shell)
    await shell.good("dd if=/dev/urandom of=/mnt/data bs=64k count=100 2>&1; sync")
    digest = (await shell.good("sha256sum /mnt/data")).split()[0]
    await shell.guest.keep(path)
    await shell.good("rm /mnt/data; sync")
    await phone.remove(shell.guest)
    card.unlink()

    again = Shell(await phone.open_profile(path))
    assert digest in await again.good("echo 3 > /proc/sys/vm/drop_caches; sha256sum /mnt/data")
    await again.good("cp /mnt/data /mnt/more && sync && cmp /mnt/data /mnt/more")
    profile = again.guest.profile
    assert profile is not None
    second = await again.guest.snapshot()
    content = await asyncio.to_thread(disk_of, profile.file, second.number)
    await asyncio.to_thread(check_file_system, content, tmp_path / "second.img")

    clone = Shell(await phone.clone(again.guest))
    assert digest in await clone.good("echo 3 > /proc/sys/vm/drop_caches; sha256sum /mnt/more")
    await clone.good("rm /mnt/more && sync")
    assert digest in await again.good("echo 3 > /proc/sys/vm/drop_caches; sha256sum /mnt/more")

    await again.guest.restore(1)
    assert digest in await again.good("echo 3 > /proc/sys/vm/drop_caches; sha256sum /mnt/data")
    assert "more" not in await again.good("ls /mnt")


async def test_a_disk_that_is_written_directly_cannot_be_kept(
    phone: Handset, image: GuestImage, noise: Path, tmp_path: Path
) -> None:
    shell = await begin(phone, image, disks=(DiskSpec(path=noise, mode="direct"),))
    with pytest.raises(ProfileError, match="disk0 is written to directly"):
        await shell.guest.keep(tmp_path / "guest.vphone")
    await shell.good("true")
    assert not list(tmp_path.glob("*.vphone*"))


async def test_it_changes_its_process_while_it_writes_and_flushes(
    phone: Handset, image: GuestImage, card: Path
) -> None:
    """What a process has promised is in the overlay's file, whichever of them it was that wrote it."""
    disks = (DiskSpec(path=card, keep=True),)
    shell = await begin(phone, image, disks=disks)
    await mount(shell)
    await shell.good(BUSY)
    other = Handset(load_models()["galaxy-s2"])
    try:
        for handset in (other, phone) * 4:
            await move(shell.guest, handset)
            await writes(shell)
        await shell.run("kill %1; wait")
        await shell.good("sha256sum /mnt/f* /mnt/count > /mnt/sums && sync && cat /mnt/sums")
        os.kill(shell.guest.pid, signal.SIGKILL)
        await shell.guest.wait_stopped()
        await phone.remove(shell.guest)
        again = await begin(phone, image, disks=disks)
        await mount(again)
        assert "FAILED" not in await again.good("sha256sum -c /mnt/sums")
    finally:
        await other.close()


async def test_the_medium_in_its_drive_comes_along(phone: Handset, image: GuestImage, tmp_path: Path) -> None:
    path, letter = tmp_path / "guest.vphone", tmp_path / "letter"
    letter.write_text("in the drive\n")
    shell = await begin(phone, image, media=True)
    await shell.guest.insert_media([letter])
    await shell.good("while [ $(cat /sys/block/vda/size) = 0 ]; do sleep 0.1; done; modprobe isofs")
    await shell.guest.keep(path)
    await phone.remove(shell.guest)
    letter.write_text("another\n")

    again = Shell(await phone.open_profile(path))
    await again.good("mkdir -p /mnt; mount -t iso9660 -o ro /dev/vda /mnt")
    assert await again.good("cat /mnt/letter") == "in the drive\n"
    await again.good("umount /mnt")
    await again.guest.insert_media([letter])
    await again.good("while ! mount -t iso9660 -o ro /dev/vda /mnt; do sleep 0.1; done 2>/dev/null")
    assert await again.good("cat /mnt/letter") == "another\n"
    profile = again.guest.profile
    assert profile is not None
    second = await again.guest.snapshot()
    space = profile.file.manifest(second.number).space("media")
    assert space is not None
    assert b"another\n" in profile.file.reader(space).read(0, space.size)


async def test_nobody_waits_for_a_profile_that_does_not_answer(
    phone: Handset, image: GuestImage, noise: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs the disk waits; the guest, its handset and its end do not."""
    path = tmp_path / "guest.vphone"
    shell = await begin(phone, image, disks=(DiskSpec(path=noise),))
    await shell.guest.keep(path)
    await phone.remove(shell.guest)
    go = threading.Event()
    fill = LazyBase._fill

    def slow(base: LazyBase, block: int) -> bytes:
        go.wait(600)
        return fill(base, block)

    monkeypatch.setattr(LazyBase, "_fill", slow)
    try:
        again = Shell(await phone.open_profile(path))
        await again.good("(sha256sum /dev/vda > /tmp/sum &)")
        await again.good("true")
        await again.guest.pause()
        await again.guest.resume()
        await again.good("test ! -s /tmp/sum")
        go.set()
        digest = sha256(noise.read_bytes()).hexdigest()
        assert digest in await again.good("while ! test -s /tmp/sum; do sleep 0.1; done; cat /tmp/sum")
        await phone.remove(again.guest)

        go.clear()
        again = Shell(await phone.open_profile(path))
        await again.good("(sha256sum /dev/vda > /tmp/sum &)")
        async with asyncio.timeout(60):
            await phone.remove(again.guest)
    finally:
        go.set()
