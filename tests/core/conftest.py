"""Real guests for the tests of everything around them: each runs in a process of its own, as for a user."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from monitor import write_elf
from warm_command_line import Ran, WarmCommandLine

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells leave it in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import GuestImage, image_from_files
from pocketvisor.models import load_models


@pytest.fixture
def monitor_file(tmp_path: Path) -> Path:
    return write_elf(tmp_path)


@pytest.fixture
def monitor_image(monitor_file: Path) -> GuestImage:
    return image_from_files(elf=monitor_file, name="Monitor", ram_mib=16)


@pytest.fixture
async def handset() -> AsyncIterator[Handset]:
    handset = Handset(load_models()["palm-pre"])
    yield handset
    await handset.close()


@pytest.fixture
def start(handset: Handset, monitor_image: GuestImage) -> Callable[..., Coroutine[Any, Any, Guest]]:
    """Starts a monitor and waits for its prompt."""

    async def start(name: str | None = None, **options: Any) -> Guest:
        guest = await handset.start(monitor_image, name=name, options=RunOptions(**options))
        if not options.get("paused"):
            await guest.console.expect("^# ", timeout=60)
        return guest

    return start


@pytest.fixture(scope="session")
def command_line() -> Iterator[WarmCommandLine]:
    commands = WarmCommandLine()
    yield commands
    commands.close()


@pytest.fixture
def pocketvisor(command_line: WarmCommandLine, tmp_path: Path) -> Callable[..., Coroutine[Any, Any, Ran]]:
    """Runs the command line in a process of its own."""

    async def run(*arguments: str | Path, seconds: float = 60, **environment: str) -> Ran:
        own = os.environ | {"XDG_DATA_HOME": str(tmp_path / "data")} | environment
        return await command_line.run([str(argument) for argument in arguments], own, seconds)

    return run
