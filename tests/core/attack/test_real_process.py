"""The same probes in a real guest's process, once without its sandbox: what they reach there is seen."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unguarded import Unguarded

from pocketvisor.attack.attack import Attack
from pocketvisor.guest.guest import Guest
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.models import load_models

WITHOUT = """
from pocketvisor.control.isolation import Isolation
from pocketvisor.guest import sandbox
sandbox.enter = lambda: Isolation(lacks=("It is a test",))
sandbox.seal_threads = lambda: False
"""
KINDS = (
    "files",
    "paths",
    "sockets",
    "signals",
    "neighbour-proc",
    "forks",
    "threads",
    "limits",
    "kernel-objects",
)


@pytest.fixture
async def phone() -> AsyncIterator[Handset]:
    handset = Handset(load_models()["nexus-one"])
    yield handset
    await handset.close()


@pytest.fixture
async def victim(phone: Handset, monitor_image: GuestImage) -> Guest:
    return await phone.start(monitor_image)


async def test_without_its_sandbox_an_engine_that_was_taken_over_reaches_the_host(
    phone: Handset, victim: Guest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And without a filter no call is tried that might do harm."""
    Unguarded(monkeypatch, tmp_path).by(WITHOUT)
    async with asyncio.timeout(150):
        sheet = await Attack(phone, victim=victim, kinds=[*KINDS, "system-calls"]).run()
    *outcomes, calls = sorted(sheet.outcomes, key=lambda outcome: outcome.kind.name == "system-calls")
    assert [outcome.kind.name for outcome in outcomes if not outcome.reached] == []
    assert not sheet.held
    assert sheet.sentence.endswith("reached something, system-calls could not be tried")
    assert sheet.isolation is not None and sheet.isolation.lacks == ("It is a test",)
    assert (calls.attempts, calls.held) == (0, False)
    assert calls.sentence.startswith("There is no filter here")
