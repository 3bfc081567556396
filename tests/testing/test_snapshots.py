"""Guests under test that go on from a generation of a profile: booted once, and as they were in each test."""

import asyncio
from pathlib import Path

import pytest

from pocketvisor.errors import LockedProfile, ProfileError
from pocketvisor.guest.options import RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import catalogue
from pocketvisor.models import load_models
from pocketvisor.profile.keys import NewKeys
from pocketvisor.testing import SyncHandset

PASSPHRASE = "correct horse"
EPOCH = 1_299_999_960
"""When a minute begins: what is painted stays until the next one, as then the phone draws its clock."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a profile of Personal at its prompt, red and then blue, and a sealed one."""
    folder = tmp_path_factory.mktemp("profiles")
    asyncio.run(_make(folder))
    return folder


async def _make(folder: Path) -> None:
    handset = Handset(load_models()["nexus-one"])
    try:
        guest = await handset.start(catalogue()["personal"], options=RunOptions(rtc_epoch=EPOCH))
        await guest.console.expect("> ", timeout=30)
        guest.console.write(b"paint ff0000\r")
        await guest.console.expect("painted", timeout=30)
        await guest.keep(folder / "phone.vphone", name="red")
        guest.console.write(b"paint 0000ff\r")
        await guest.console.expect("painted", timeout=30)
        await guest.snapshot("blue")
        await handset.remove(guest)
        guest = await handset.start(catalogue()["personal"])
        await guest.keep(folder / "sealed.vphone", keys=NewKeys(passphrase=PASSPHRASE))
    finally:
        await handset.close()


@pytest.mark.pocketvisor(model="galaxy-s2")
def test_each_guest_finds_the_phone_as_it_was_and_the_file_stays(handset: SyncHandset, folder: Path) -> None:
    before = (folder / "phone.vphone").read_bytes()
    red = handset.start(profile=folder / "phone.vphone", generation="red", name="Red")
    blue = handset.start(profile=folder / "phone.vphone")  # at the same time
    red.send_line("paint 00ff00")
    red.expect("painted")
    again = handset.start(profile=folder / "phone.vphone", generation=1, name="Again")
    for guest, colour in ((red, (0, 255, 0)), (blue, (0, 0, 255)), (again, (255, 0, 0))):
        guest.wait_still()
        assert guest.screenshot().getpixel((5, 5)) == colour
        assert guest.guest.api.profile is None
    handset.close()
    assert (folder / "phone.vphone").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["phone.vphone", "sealed.vphone"]


def test_a_sealed_one_wants_its_passphrase(handset: SyncHandset, folder: Path) -> None:
    with pytest.raises(LockedProfile):
        handset.start(profile=folder / "sealed.vphone")
    guest = handset.start(profile=folder / "sealed.vphone", passphrase=PASSPHRASE, rate="max")
    guest.send_line("where")
    guest.expect("screen")


def test_what_cannot_be_is_a_sentence(handset: SyncHandset, folder: Path) -> None:
    with pytest.raises(ProfileError, match=r"has 0 generations 'green'; it has 1 'red', 2 'blue'"):
        handset.start(profile=folder / "phone.vphone", generation="green")
    with pytest.raises(ProfileError, match="nothing"):
        handset.start(profile=folder / "nothing.vphone")
    with pytest.raises(TypeError, match="'ram_mib' is nothing that a guest of a profile is started with"):
        handset.start(profile=folder / "phone.vphone", ram_mib=64)


@pytest.mark.pocketvisor(profile="nothing.vphone", generation="x")
def test_what_the_test_says_goes_before_the_marker(handset: SyncHandset) -> None:
    handset.start("personal").expect("> ")
