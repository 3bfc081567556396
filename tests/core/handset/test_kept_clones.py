"""Clones of a guest that came back from its profile: its image's files are in that profile alone."""

import errno
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.guest.guest import Guest
from pocketvisor.handset import Handset

Start = Callable[..., Coroutine[Any, Any, Guest]]


@pytest.fixture(autouse=True)
def _ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketvisor.profile.ledger.ledger_path", lambda: tmp_path / "ledger.sqlite")


@pytest.fixture
async def back(start: Start, handset: Handset, tmp_path: Path) -> Guest:
    guest = await start()
    await guest.keep(tmp_path / "first.vphone")
    await handset.remove(guest)
    guest.image.main_file.unlink()
    return await handset.open_profile(tmp_path / "first.vphone")


async def test_a_clone_outlives_it_and_is_reset(back: Guest, handset: Handset) -> None:
    clone = await handset.clone(back)
    await handset.remove(back)
    again = await handset.clone(clone)
    await handset.remove(clone)
    await again.reset()
    await again.console.expect("monitor ready", timeout=60)


async def test_clones_of_clones_share_an_image_that_stays(start: Start, handset: Handset) -> None:
    guest = await start()
    again = await handset.clone(await handset.clone(guest))
    assert again.image.main_file == guest.image.main_file


async def test_files_that_cannot_be_linked_are_copied(
    back: Guest, handset: Handset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr("os.link", link)
    clone = await handset.clone(back)
    await handset.remove(back)
    await clone.reset()
    await clone.console.expect("monitor ready", timeout=60)


async def test_a_clone_is_kept_in_a_profile_of_its_own(back: Guest, handset: Handset, tmp_path: Path) -> None:
    clone = await handset.clone(back)
    await clone.keep(tmp_path / "second.vphone")
    for guest in (back, clone):
        await handset.remove(guest)
    again = await handset.open_profile(tmp_path / "second.vphone")
    await again.reset()
    await again.console.expect("monitor ready", timeout=60)


async def test_nothing_of_them_is_left_in_the_temporary_folder(
    back: Guest, handset: Handset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = back.image.main_file.parent
    clone = await handset.clone(back)
    other = clone.image.main_file.parent
    await handset.remove(back)
    await handset.remove(clone)
    assert not folder.exists() and not other.exists()


async def test_a_guest_that_went_back_in_its_profile_is_reset_and_cloned(
    back: Guest, handset: Handset
) -> None:
    await back.snapshot("second")
    for _ in range(2):
        await back.restore(1)
        await back.reset()
        await back.console.expect("monitor ready", timeout=60)
    clone = await handset.clone(back)
    await handset.remove(back)
    await clone.reset()
    await clone.console.expect("monitor ready", timeout=60)
