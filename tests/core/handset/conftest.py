"""Debian with disks: the image, a handset, a card with a file system."""

import os
import random
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kept_debian import Booted, debian_image

from pocketvisor.api import GuestImage, Handset, catalogue, load_models

CARD_SIZE = 24 << 20


@pytest.fixture(scope="session")
def kept_debian(tmp_path_factory: pytest.TempPathFactory) -> tuple[GuestImage, Path]:
    """Its image, and where it is kept as it was at its prompt. Found before a test moves the user's data."""
    folder = tmp_path_factory.mktemp("debian")
    return debian_image(folder), folder


@pytest.fixture
async def booted(kept_debian: tuple[GuestImage, Path]) -> AsyncIterator[Booted]:
    """Debians at their prompt, without the boot; they end with the test."""
    booted = Booted(*kept_debian)
    yield booted
    await booted.close()


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GuestImage:
    image = catalogue()["debian"]
    if not image.available:
        pytest.skip(image.missing)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return image


@pytest.fixture
async def phone() -> AsyncIterator[Handset]:
    phone = Handset(load_models()["galaxy-s2"])
    yield phone
    await phone.close()


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A disk with a file system."""
    program = shutil.which("mke2fs", path=f"{os.environ['PATH']}:/sbin:/usr/sbin")
    if program is None:
        pytest.skip("mke2fs is not installed")
    path = tmp_path / "card.img"
    with path.open("wb") as file:
        file.truncate(CARD_SIZE)
    subprocess.run([program, "-q", "-t", "ext4", "-F", path], check=True, timeout=60)
    return path


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A disk full of what nobody could guess."""
    path = tmp_path / "noise.img"
    path.write_bytes(random.Random(3).randbytes(CARD_SIZE))
    return path
