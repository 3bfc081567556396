"""In a guest's past its disk and its picture are those of then, and a branch of it works with both."""

import io
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image

from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import catalogue
from pocketvisor.models import load_models
from pocketvisor.storage.disk import DiskSpec

PROMPT = r"^debian:/root# $"


@pytest.fixture
async def phone() -> AsyncIterator[Handset]:
    handset = Handset(load_models()["nexus-one"])
    yield handset
    await handset.close()


@pytest.fixture
async def guest(phone: Handset, tmp_path: Path) -> Guest:
    """Debian with a GPU, a file system of its own mounted, recorded."""
    image, program = (
        catalogue()["debian"],
        shutil.which("mke2fs", path=f"{os.environ['PATH']}:/sbin:/usr/sbin"),
    )
    if not image.available or program is None:
        pytest.skip(image.missing or "mke2fs is not installed")
    card = tmp_path / "card.img"
    with card.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run([program, "-q", "-t", "ext4", "-F", card], check=True, timeout=60)
    options = RunOptions(rate="max", display="gpu", disks=(DiskSpec(path=card),), ram_mib=192)
    guest = await phone.start(image, options=options)
    await guest.console.expect(PROMPT, timeout=240)
    await answer(guest, "stty -echo; dmesg -n 1")
    await answer(guest, "modprobe ext4; mkdir -p /mnt; mount -t ext4 /dev/vda /mnt")
    await guest.debugger.timeline.start()
    return guest


async def answer(guest: Guest, line: str) -> str:
    """To a line, which has to succeed."""
    start = len(guest.console.text)
    guest.console.write(f"{line}; echo =$?=\r".encode())
    await guest.console.expect(r"=\d+=\r?\n", timeout=90)
    await guest.console.expect(PROMPT, timeout=90)
    text = guest.console.text[start:].decode(errors="replace").replace("\r", "")
    assert "=0=" in text, text
    return text


async def picture(guest: Guest) -> str:
    """Its digest: where two differ, pytest would compare all bytes of them for minutes."""
    seen: Image.Image = Image.open(io.BytesIO(await guest.screenshot()))
    return sha256(seen.tobytes()).hexdigest()


async def test_the_past_has_its_picture_and_its_branch_a_disk(guest: Guest) -> None:
    debugger = guest.debugger
    await answer(
        guest, "ls -l /bin > /dev/tty0; cp -r /bin /mnt; sync; md5sum /mnt/bin/busybox > /mnt/sum; sync"
    )
    then = await debugger.pause()
    shown = await picture(guest)
    await debugger.resume()
    guest.console.write(
        b"clear > /dev/tty0; gzip -c /mnt/bin/busybox > /mnt/gz; cp /mnt/gz /mnt/2; sync; echo D=1\r"
    )
    await guest.console.expect(r"D=1\r?\n", timeout=90)
    end = await debugger.pause()
    assert await picture(guest) != shown
    await debugger.go_to(then.position)
    assert await picture(debugger.timeline.shown) == shown

    await debugger.go_to(then.position + (end.position - then.position) * 2 // 3)
    branch = await debugger.timeline.branch()
    await debugger.return_to_present()
    await branch.console.expect(r"D=1\r?\n", timeout=90)
    await answer(
        branch,
        "md5sum -c /mnt/sum && gzip -dc /mnt/gz | cmp - /bin/busybox && gzip -dc /mnt/2 | cmp - /bin/busybox",
    )
    await answer(branch, "echo alive > /mnt/file; umount /mnt; mount -t ext4 /dev/vda /mnt; cat /mnt/file")
    said = await answer(branch, "ls -l /etc > /dev/tty0; dmesg | grep EXT4-fs")
    assert not re.search("error|recover|orphan", said), said
    assert await picture(branch) != shown
    branch.touch(100, 100, "down")
    branch.touch(100, 100, "up")
    await debugger.resume()
    assert "busybox" in await answer(guest, "ls /mnt/bin; test ! -e /mnt/file")
