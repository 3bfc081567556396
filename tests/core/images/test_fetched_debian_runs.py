"""Debian as fetched, on a handset: a shell on panel and console, a keyboard on the panel, the installer."""

import asyncio
from collections.abc import AsyncIterator

import numpy
import pytest
from real_debian import fetch_debian

from pocketvisor.api import Guest, Handset, RunOptions, catalogue, load_models

pytestmark = pytest.mark.debian

BOOT_SECONDS = 300.0
INSTALLER_SECONDS = 900.0
SHORTER = b"s/(-lt |i < |count=)[0-9]+/\\12/; s/^cat .* > /echo > /"
"""Of bench: each job for a moment. How long they take is for the benchmarks."""


@pytest.fixture
async def handset() -> AsyncIterator[Handset]:
    await fetch_debian()
    handset = Handset(load_models()["nexus-one"])
    yield handset
    await handset.close()


async def start(handset: Handset, image: str) -> Guest:
    return await handset.start(catalogue()[image], options=RunOptions(rate="max"))


async def test_both_shells_answer_and_all_devices_have_drivers(handset: Handset) -> None:
    guest = await start(handset, "debian")
    console = guest.console
    await console.expect("Pocketvisor Debian: ready", BOOT_SECONDS)
    await console.expect("debian:/root# ", BOOT_SECONDS)
    console.write(b"cat /proc/bus/input/devices | grep Name\n")
    for device in ("gpio-keys", "Pocketvisor Touchscreen", "Pocketvisor Keyboard"):
        await console.expect(f'Name="{device}"', BOOT_SECONDS)
    await console.expect("debian:/root# ", BOOT_SECONDS)

    # On the panel's shell, by the panel's keyboard; it tells the serial console what it is.
    guest.type_text("echo I am $(tty) > /dev/ttyAMA0\n")
    await console.expect("I am /dev/tty1", BOOT_SECONDS)

    console.write(b"sed -E '%s' $(which bench) > short; sh short\n" % SHORTER)
    for job in ("sha256sum", "gzip", "awk", r"fork\+exec", "dd", "shell loop"):
        await console.expect(f"B-BEGIN {job}", BOOT_SECONDS)
        await console.expect(f"B-END {job}", BOOT_SECONDS)
    await console.expect("BENCH-DONE", BOOT_SECONDS)

    console.write(b"poweroff\n")
    async with asyncio.timeout(BOOT_SECONDS):
        reason = await guest.wait_stopped()
    assert reason.kind == "power-off"


async def test_the_installer_shows_its_first_dialog_on_the_panel_with_256_mib(handset: Handset) -> None:
    guest = await start(handset, "debian-installer")
    shown = asyncio.Event()

    def look() -> None:
        pixels = numpy.frombuffer(guest.panel.buffer, dtype="<u4") & 0xFFFFFF
        blue, red = (int((pixels == colour).sum()) for colour in (0x0000AA, 0xAA0000))
        if blue > pixels.size // 20 and 1000 < red < pixels.size // 20:  # the backdrop, and the choice
            shown.set()

    guest.on("frame", look)
    async with asyncio.timeout(INSTALLER_SECONDS):
        await shown.wait()
