"""Debian's own drivers find the phone's parts and show what the handset is; a recording of it comes again."""

import asyncio
import re
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest

from pocketvisor.api import Guest, GuestImage, Handset, RunOptions, catalogue, load_models

pytestmark = pytest.mark.debian

BOOT_SECONDS = 300
PROMPT = r"^debian:/root# "
WITH_DRIVERS = 3
"""The recipe of Debian's first disk from which on it holds the drivers."""

BATTERY = "/sys/class/power_supply/sbs-0-000b"
CHARGER = "/sys/class/power_supply/charger"
ACCELEROMETER = "/sys/bus/iio/devices/iio:device0"


@pytest.fixture
def image() -> GuestImage:
    image = catalogue()["debian"]
    if not image.available:
        pytest.skip(image.missing)
    if image.recipe < WITH_DRIVERS:
        pytest.skip("Debian was fetched by an older Pocketvisor: `pocketvisor guests fetch debian`")
    return image


@pytest.fixture
async def handset() -> AsyncIterator[Handset]:
    handset = Handset(load_models()["galaxy-s2"])
    handset.phone.set_battery(40)
    yield handset
    await handset.close()


class Shell:
    """Commands to Debian, and what they answer."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._count = 0

    async def __call__(self, command: str) -> str:
        self._count += 1
        mark = f"end-{self._count}"
        self._guest.console.write(f"{command}; echo {mark[:3]}-{self._count}\r".encode())
        match = await self._guest.console.expect(rf"(?s)\n(?:.*\n)?{mark}\n", 60)
        text = match[0].decode() if isinstance(match[0], bytes) else match[0]
        await self._guest.console.expect(PROMPT, 30)
        return text.strip().removesuffix(mark).strip()

    async def until(self, command: str, answer: str) -> None:
        """Asks in the guest, again and again, until it answers so."""
        loop = f"n=0; until [ \"$({command} | tr '\\n' ' ')\" = '{answer} ' ] || [ $n = 1000 ]"
        said = await self(f"{loop}; do n=$((n+1)); usleep 20000; done; {command}")
        assert said.splitlines()[-len(answer.split()) :] == answer.split(), said


async def started(handset: Handset, image: GuestImage, **options: Any) -> tuple[Guest, Shell]:
    guest = await handset.start(image, options=RunOptions(phone=True, rate="max", **options))
    await guest.console.expect(PROMPT, BOOT_SECONDS)
    return guest, Shell(guest)


async def test_battery_and_charger(handset: Handset, image: GuestImage) -> None:
    _, shell = await started(handset, image)
    shown = await shell(f"cat {BATTERY}/uevent {CHARGER}/online")
    assert "POWER_SUPPLY_STATUS=Discharging" in shown
    assert "POWER_SUPPLY_CAPACITY=40" in shown
    assert f"POWER_SUPPLY_VOLTAGE_NOW={handset.phone.battery.voltage * 1000}" in shown
    assert f"POWER_SUPPLY_CHARGE_FULL_DESIGN={handset.model.battery_mah * 1000}" in shown
    assert "POWER_SUPPLY_TEMP=250" in shown
    assert "POWER_SUPPLY_PRESENT=1" in shown
    assert "POWER_SUPPLY_TECHNOLOGY=Li-ion" in shown
    assert "POWER_SUPPLY_MANUFACTURER=Pocketvisor" in shown
    asked = f"cat {BATTERY}/capacity {BATTERY}/status {CHARGER}/online"
    handset.phone.set_battery(41, plugged=True)
    await shell.until(asked, "41 Charging 1")
    handset.phone.set_battery(100)
    await shell.until(asked, "100 Full 1")
    handset.phone.set_battery(5, plugged=False)
    await shell.until(asked, "5 Discharging 0")
    alerts = await shell("grep smbus_alert /proc/interrupts")
    assert int(alerts.split()[1]) >= 3, "a change is told, not only found"


async def test_accelerometer(handset: Handset, image: GuestImage) -> None:
    _, shell = await started(handset, image)
    asked = "cat " + " ".join(f"{ACCELEROMETER}/in_accel_{axis}_raw" for axis in "xyz")
    await shell.until(asked, "0 1024 0")
    assert await shell(f"cat {ACCELEROMETER}/in_accel_scale") == "0.009577"
    await shell("sleep 3")  # of the guest's time: its driver has put the chip to sleep by now
    handset.rotate(90)
    await shell.until(asked, "-1024 0 0")
    handset.rotate(270)
    await shell.until(asked, "1024 0 0")
    handset.rotate(0)
    handset.phone.set_tilt(pitch=90)
    await shell.until(asked, "0 0 1024")


async def test_location(handset: Handset, image: GuestImage) -> None:
    _, shell = await started(handset, image)
    await shell("stty -F /dev/ttyAMA1 raw -echo 9600")
    assert ",V," in await shell("grep -m 1 RMC /dev/ttyAMA1")
    handset.phone.set_location(-33.8688, 151.2093, altitude=20, speed=1.4, course=271)
    said = (await shell("grep -m 5 RMC /dev/ttyAMA1")).splitlines()  # the first may have waited for that
    fixes = [
        line
        for line in said
        if re.match(r"\$GPRMC,\d{6}\.00,A,3352\.12800,S,15112\.55800,E,2\.72,271\.0,", line)
    ]
    assert len(fixes) >= 4, said
    seconds = [int(line[11:13]) for line in fixes]
    # Each second, but where this computer had no time for it: its clock goes on meanwhile.
    assert 1 in [(after - before) % 60 for before, after in pairwise(seconds)], said


async def test_it_goes_on_where_it_was_saved(handset: Handset, image: GuestImage) -> None:
    guest, shell = await started(handset, image)
    handset.phone.set_battery(73, plugged=True)
    asked = f"cat {BATTERY}/capacity {CHARGER}/online"
    await shell.until(asked, "73 1")
    await guest.pause()
    saved = await guest.save()
    handset.phone.set_battery(72, plugged=False)
    await guest.put_back(saved)
    await guest.resume()
    await shell.until(asked, "72 0")


async def test_a_recording_of_a_handled_handset_comes_again(handset: Handset, image: GuestImage) -> None:
    guest, shell = await started(handset, image, record=True)
    await shell("stty -F /dev/ttyAMA1 raw -echo; (cat /dev/ttyAMA1 > /run/nmea &)")
    for count in range(8):
        handset.phone.set_battery(90 - count, plugged=count % 2 == 0)
        handset.phone.set_location(60 + count / 10, 24.9)
        handset.phone.turn("right")
        await shell(f"cat {BATTERY}/uevent {ACCELEROMETER}/in_accel_x_raw; wc -l /run/nmea")
    recording = await guest.recording()
    text = guest.console.text
    await handset.remove(guest)
    handset.phone.set_battery(3)
    replay = await handset.start(image, options=RunOptions(replay=recording, rate="max", skip_idle=True))
    handset.phone.set_battery(1, plugged=True)
    async with asyncio.timeout(BOOT_SECONDS):
        stop = await replay.wait_stopped()
    assert (stop.kind, stop.ticks) == ("limit", recording.end.ticks)
    assert await replay.digest() == recording.end.digest
    assert replay.console.text == text
