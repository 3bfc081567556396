"""Debian as a guest: pauses, the same run twice, a recording that replays with all kinds of input."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from pocketvisor.api import GuestImage, GuestState, Handset, RunOptions, catalogue, load_models

pytestmark = pytest.mark.debian

BOOT_SECONDS = 120
PROMPT = r"^debian:/root# "


@pytest.fixture
def image() -> GuestImage:
    image = catalogue()["debian"]
    if not image.available:
        pytest.skip(image.missing)
    return image


@pytest.fixture
async def phone() -> AsyncIterator[Handset]:
    phone = Handset(load_models()["galaxy-s2"])
    yield phone
    await phone.close()


async def test_a_pause_does_not_disturb_it(phone: Handset, image: GuestImage) -> None:
    guest = await phone.start(image)
    await guest.console.expect(PROMPT, BOOT_SECONDS)
    for count in range(5):
        guest.console.write(b"for i in 1 2 3 4 5 6 7 8; do busybox sha256sum /bin/busybox; done | uniq -c\r")
        await guest.console.expect("uniq -c\n", 30)
        await guest.pause()
        assert guest.state is GuestState.PAUSED
        assert await guest.digest() == await guest.digest()
        await guest.resume()
        await guest.console.expect("^ +8 [0-9a-f]{64}", 60)
        guest.console.write(f"echo $(({count} * 1000))\r".encode())
        await guest.console.expect(f"^{count * 1000}$", 30)


async def test_what_was_recorded_comes_again(phone: Handset, image: GuestImage) -> None:
    dice = random.Random(2)
    guest = await phone.start(image, options=RunOptions(record=True, rate="max"))
    await guest.console.expect(PROMPT, BOOT_SECONDS)
    for _ in range(12):
        guest.touch(dice.randrange(480), dice.randrange(800), dice.choice(["down", "move", "up"]))
        guest.type_text(dice.choice("ab\n"))
        guest.hardware_key("power", dice.random() < 0.5)
        guest.console.write(b"ls -la / /proc/1\r")
        await guest.console.expect(PROMPT, 30)
    recording = await guest.recording()
    text = guest.console.text
    await phone.remove(guest)
    replay = await phone.start(image, options=RunOptions(replay=recording, rate="max", skip_idle=True))
    async with asyncio.timeout(BOOT_SECONDS):
        stop = await replay.wait_stopped()
    assert (stop.kind, stop.ticks) == ("limit", recording.end.ticks)
    assert await replay.digest() == recording.end.digest
    assert replay.console.text == text


async def test_the_command_line_runs_it_the_same_way_twice(
    pocketvisor: Callable[..., Any], image: GuestImage
) -> None:
    del image
    arguments = ["run", "debian", "--headless", "--deterministic", "--rate", "max", "--digest"]
    arguments += ["--type", "echo $((6*7))", "--type", "ls -1 /", "--until", "^etc$", "--timeout", "120"]
    first = await pocketvisor(*arguments, seconds=180, XDG_DATA_HOME=_data_home())
    second = await pocketvisor(*arguments, seconds=180, XDG_DATA_HOME=_data_home())
    assert (first.code, first.err) == (0, "")
    assert first.out == second.out
    assert "\n42\n" in first.out


def _data_home() -> str:
    """Where Debian was fetched to; the fixture's commands look elsewhere otherwise."""
    from platformdirs import user_data_path

    return str(user_data_path())
