"""Debian as a guest: pauses, a recording that replays with all kinds of input."""

import asyncio
import random

import pytest
from kept_debian import BOOT_SECONDS, PROMPT, Booted

from pocketvisor.api import GuestImage, GuestState, Handset, RunOptions, catalogue

pytestmark = pytest.mark.debian


@pytest.fixture
def image() -> GuestImage:
    image = catalogue()["debian"]
    if not image.available:
        pytest.skip(image.missing)
    return image


async def test_a_pause_does_not_disturb_it(phone: Handset, booted: Booted) -> None:
    guest = await booted.start(phone, rate="model")
    for count in range(5):
        guest.console.write(b"for i in 1 2 3 4 5 6 7 8; do busybox sha256sum /bin/busybox; done | uniq -c\r")
        await guest.console.expect("uniq -c\n", 60)
        await guest.pause()
        assert guest.state is GuestState.PAUSED
        assert await guest.digest() == await guest.digest()
        await guest.resume()
        await guest.console.expect("^ +8 [0-9a-f]{64}", 120)
        guest.console.write(f"echo $(({count} * 1000))\r".encode())
        await guest.console.expect(f"^{count * 1000}\n", 60)
        await guest.console.expect(PROMPT, 60)


async def test_what_was_recorded_comes_again(phone: Handset, image: GuestImage) -> None:
    dice = random.Random(2)
    guest = await phone.start(image, options=RunOptions(record=True, rate="max"))
    await guest.console.expect(PROMPT, BOOT_SECONDS)
    for _ in range(12):
        guest.touch(dice.randrange(480), dice.randrange(800), dice.choice(["down", "move", "up"]))
        guest.type_text(dice.choice("ab\n"))
        guest.hardware_key("power", dice.random() < 0.5)
        guest.console.write(b"ls -la / /proc/1\r")
        await guest.console.expect(PROMPT, 60)
    recording = await guest.recording()
    text = guest.console.text
    await phone.remove(guest)
    replay = await phone.start(image, options=RunOptions(replay=recording, rate="max", skip_idle=True))
    async with asyncio.timeout(BOOT_SECONDS):
        stop = await replay.wait_stopped()
    assert (stop.kind, stop.ticks) == ("limit", recording.end.ticks)
    assert await replay.digest() == recording.end.digest
    assert replay.console.text == text
