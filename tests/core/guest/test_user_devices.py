"""A user's own devices in a guest: read, written, told something, saved, recorded; and bad ones contained."""

import asyncio
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import pytest

from pocketvisor.api import GuestError, GuestImage, Handset, ImageError, RunOptions, catalogue, load_models
from pocketvisor.guest.user_devices import read_user_device

PROMPT = r"debian:/root# "
HEAD = """
from msgspec import Struct
from pocketvisor.devices.device import Device, Port

class Nothing(Struct):
    pass

class Bad(Device[Nothing]):
    name = "bad"
    registers = (("dat", 0, 4), ("set", 4, 4), ("dirout", 8, 4))
    tree = {"compatible": "wd,mbl-gpio", "gpio-controller": True, "#gpio-cells": 2}

    def __init__(self, port: Port) -> None:
        super().__init__(port, Nothing())

"""


def example(name: str) -> Path:
    return Path(str(files("pocketvisor.resources").joinpath("devices", f"{name}.py")))


@pytest.fixture
def debian() -> GuestImage:
    image = catalogue()["debian"]
    if not image.available:
        pytest.skip(image.missing)
    return image


@pytest.fixture
async def phone() -> AsyncIterator[Handset]:
    phone = Handset(load_models()["galaxy-s2"])
    yield phone
    await phone.close()


@pytest.mark.debian
async def test_linux_finds_a_bank_of_lines_and_keeps_it_over_a_restore(
    phone: Handset, debian: GuestImage
) -> None:
    guest = await phone.start(debian, options=RunOptions(rate="max", devices=(example("bank"),)))
    console = guest.console
    await console.expect(PROMPT, 300)
    console.write(b"cd /sys/class/gpio; for i in 2016 2017 2018 2023; do echo $i > export; done\n")
    console.write(
        b"echo out > gpio2023/direction; echo 1 > gpio2023/value; echo lamp is $(cat gpio2023/value)\n"
    )
    await console.expect("lamp is 1", 60)
    guest.send("bank", b"5")
    console.write(b"echo switches $(cat gpio2016/value gpio2017/value gpio2018/value)\n")
    await console.expect("switches 1 0 1", 60)
    await guest.pause()
    await guest.put_back(await guest.save())
    await guest.resume()
    console.write(b"echo again $(cat gpio2016/value gpio2017/value gpio2023/value)\n")
    await console.expect("again 1 0 1", 60)


@pytest.mark.debian
async def test_linux_reads_a_scanner_and_a_replay_reads_the_same(phone: Handset, debian: GuestImage) -> None:
    options = RunOptions(rate="max", devices=(example("scanner"),), record=True)
    guest = await phone.start(debian, options=options)
    await guest.console.expect(PROMPT, 300)
    guest.console.write(b"head -n 1 /dev/ttyS0 & sleep 1; echo more\n")
    await guest.console.expect("^more", 60)
    guest.send("scanner", b"590123412345")
    await guest.console.expect("590123412345\n", 60)
    recording = await guest.recording()
    await phone.remove(guest)
    again = await phone.start(
        debian,
        options=RunOptions(rate="max", devices=(example("scanner"),), replay=recording, skip_idle=True),
    )
    async with asyncio.timeout(300):
        stopped = await again.wait_stopped()
    assert stopped.ticks == recording.end.ticks
    assert await again.digest() == recording.end.digest
    assert b"590123412345" in again.console.text


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("while True: pass", "ended without an answer|does not come to an end"),
        ("x = 'a' * (1 << 34)", "MemoryError"),
        ("open('/etc/passwd')", "PermissionError|Permission denied"),
        ("import socket; socket.socket()", "PermissionError|ModuleNotFoundError|not permitted|denied"),
        ("import os; os.fork()", "not permitted"),
        ("import os; os._exit(0)", "ended without an answer"),
        ("print('x' * 100000)", "no classes"),
        ("\0", "null bytes"),
        ("#" * 70000, "larger than 64 KiB"),
    ],
)
async def test_a_bad_file_is_a_sentence(tmp_path: Path, source: str, sentence: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(source)
    with pytest.raises(ImageError, match=rf"bad\.py: .*({sentence})"):
        await read_user_device(path)


async def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="No such file"):
        await read_user_device(tmp_path / "none.py")


async def test_one_that_does_not_start_refuses_the_guest(phone: Handset, tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text(HEAD.replace("super().__init__(port, Nothing())", "raise RuntimeError('no lamp')"))
    with pytest.raises(GuestError, match="'bad' does not start: no lamp"):
        await phone.start(catalogue()["personal"], options=RunOptions(devices=(path,)))
    assert phone.guests == []


@pytest.mark.debian
async def test_one_that_fails_ends_its_guest_alone(
    phone: Handset, debian: GuestImage, tmp_path: Path
) -> None:
    path = tmp_path / "bad.py"
    path.write_text(HEAD + "    def read(self, offset: int, size: int) -> int:\n        return 1 // 0\n")
    neighbour = await phone.start(catalogue()["personal"])
    guest = await phone.start(debian, options=RunOptions(rate="max", devices=(path,)))
    async with asyncio.timeout(300):
        stopped = await guest.wait_stopped()
    assert stopped.kind == "crashed" and "ZeroDivisionError" in guest.problem
    assert neighbour.state.value == "running"
