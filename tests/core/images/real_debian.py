"""Debian as it is fetched for a user, once for all the tests that run at the same time."""

import fcntl
import os

import pytest
from platformdirs import user_cache_path

from pocketvisor.errors import ImageError
from pocketvisor.images.fetch import fetch


async def fetch_debian() -> None:
    """One process of the tests fetches, and others wait: a second fetch would be refused."""
    folder = user_cache_path("pocketvisor")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "tests.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            await fetch("debian")
        except ImageError as problem:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(problem))
