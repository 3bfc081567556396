"""What a policy says of a phone's own parts: where it does not let the guest know its place the receiver sees
no satellites, where it allows no camera its key does nothing, and files stay outside."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "policies"))

from policy_kit import IT

from pocketvisor.api import Handset, Refused, RunOptions, catalogue, load_models
from pocketvisor.control import phone_calls
from pocketvisor.services import phone as phone_service

PLACE = (52.520008, 13.404954)
KEY_CAMERA, KEY_VOLUME_UP = 212, 115
SECONDS = 60


async def test_the_key_of_the_camera_is_withheld(tmp_path: Path) -> None:
    model = next(model for model in load_models().values() if "camera" in model.keys)
    handset = Handset(model)
    it = IT(tmp_path)
    file = it.profile()
    try:
        guest = await handset.start(catalogue()["work"])
        await guest.console.expect(r"ready after [\d.]+ ms\n> ", SECONDS)
        guest.govern(it.governs(file, "[phone]\ncamera = false"))
        guest.console.write(b"trace on\r")
        await guest.console.expect("trace on\n> ", SECONDS)
        said: list[str] = []
        guest.on("event", said.append)

        def press() -> None:
            for name in ("camera", "volume-up"):
                for pressed in (True, False):
                    guest.hardware_key(name, pressed)

        press()
        guest.key(KEY_CAMERA, True)  # on the keyboard
        with pytest.raises(Refused, match="allows this phone no camera"):
            await phone_service.press(handset, phone_calls.PressKey(key="camera", handset=""))
        shown = await guest.console.expect(r"key (\d+)\D", SECONDS)
        assert shown[1] == str(KEY_VOLUME_UP), "of both keys that one came"
        assert len(said) == 2 and all("no camera" in sentence for sentence in said)

        it.deliver(it.policy(file.id, 2), file)
        changed = asyncio.Event()
        guest.on("policy", changed.set)
        await asyncio.wait_for(changed.wait(), SECONDS)
        press()
        await guest.console.expect(rf"key {KEY_CAMERA}\D", SECONDS)
    finally:
        await handset.close()


async def test_files_stay_outside(start: Callable[..., Any], tmp_path: Path) -> None:
    it = IT(tmp_path)
    file = it.profile()
    guest = await start("Work", media=True)
    (tmp_path / "letter.txt").write_text("hello")
    await guest.insert_media([tmp_path / "letter.txt"])
    await guest.eject_media()
    guest.govern(it.governs(file, "[clipboard]\nfiles_in = false"))
    with pytest.raises(Refused, match="lets no files into this phone"):
        await guest.insert_media([tmp_path / "letter.txt"])


@pytest.mark.debian
async def test_a_phone_that_may_not_know_where_it_is_has_no_fix(tmp_path: Path) -> None:
    image = catalogue()["debian"]
    if not image.available:
        pytest.skip(image.missing)
    it = IT(tmp_path)
    file = it.profile()
    handset = Handset(load_models()["galaxy-s2"])
    handset.phone.set_location(*PLACE)
    try:
        guest = await handset.start(image, options=RunOptions(phone=True, rate="max", ram_mib=192))
        await guest.console.expect("^debian:/root# ", 300)
        guest.console.write(b"dmesg -n 1; stty -F /dev/ttyAMA1 raw -echo 9600; cat /dev/ttyAMA1 &\r")
        await guest.console.expect(r"GPGGA,[\d.]+,5231\.\d+,N", SECONDS)
        guest.govern(it.governs(file, "[phone]\nlocation = false"))
        await guest.console.expect(r"GPGGA,[\d.]*,,,,,0", SECONDS)
        handset.phone.set_location(48.1, 11.5)  # nor where it goes
        for _ in range(3):
            await guest.console.expect(r"GPGGA,[\d.]*,,,,,0", SECONDS)
        await guest.pause()
        await guest.put_back(await guest.save())
        await guest.resume()
        for _ in range(2):
            assert (await guest.console.expect(r"GPGGA,[\d.]*,(.*)\n", SECONDS))[1].startswith(",,,,0")
        it.deliver(it.policy(file.id, 2), file)
        await guest.console.expect(r"GPGGA,[\d.]+,4806\.\d+,N", SECONDS)
    finally:
        await handset.close()
