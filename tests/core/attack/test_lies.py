"""What a process that was taken over tells its handset: it is checked, and does harm where it is not."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from pocketvisor.attack import lies
from pocketvisor.attack.attack import Attack
from pocketvisor.control import channel, messages
from pocketvisor.errors import ControlError
from pocketvisor.guest import supervisor
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.panel import PanelView, Picture
from pocketvisor.guest.run import GuestRun
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.models import load_models
from pocketvisor.scheduler import host_time

LIES = ("status-forgery", "message-forgery", "message-flood", "message-garbage")


@pytest.fixture
async def phone() -> AsyncIterator[Handset]:
    handset = Handset(load_models()["nexus-one"])
    yield handset
    await handset.close()


@pytest.fixture
async def victim(phone: Handset, monitor_image: GuestImage) -> Guest:
    guest = await phone.start(monitor_image)
    await guest.console.expect("^# ", timeout=20)
    return guest


async def tried(phone: Handset, victim: Guest, *kinds: str) -> dict[str, int]:
    """How often each reached something."""
    async with asyncio.timeout(150):
        sheet = await Attack(phone, victim=victim, kinds=kinds).run()
    assert [outcome.kind.name for outcome in sheet.outcomes if not outcome.attempts] == []
    return {outcome.kind.name: outcome.reached for outcome in sheet.outcomes}


async def reached(phone: Handset, victim: Guest, kind: str) -> int:
    return (await tried(phone, victim, kind))[kind]


async def test_none_is_believed(phone: Handset, victim: Guest) -> None:
    assert await tried(phone, victim, *LIES) == dict.fromkeys(LIES, 0)
    assert phone.guests == [victim]


async def test_sizes_that_nobody_checks(
    phone: Handset, victim: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trusted(panel: PanelView) -> Picture:
        shown = panel._status.shown()
        if shown is None:
            return panel.native
        return Picture(shown.width, shown.height, shown.stride, scanout=True)

    monkeypatch.setattr(PanelView, "picture", property(trusted))
    assert await reached(phone, victim, "status-forgery") > 0


async def test_answers_that_nobody_asked_for(
    phone: Handset, victim: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handset that takes each answer for that to a question of its own."""
    hear = GuestRun._message

    def trusting(run: GuestRun, process: Any, message: Any) -> None:
        if isinstance(message, messages.DebugAnswer):
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: run._debug_asked[message.token].set_result(message.reply))
            return
        hear(run, process, message)

    monkeypatch.setattr(GuestRun, "_message", trusting)
    assert await reached(phone, victim, "message-forgery") > 0


async def test_a_handset_that_reads_all_it_can(
    phone: Handset, victim: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it a hundred times smaller: what this computer is able to carry is not the question."""
    monkeypatch.setattr(lies, "FLOOD_MAX", 8 << 20)
    monkeypatch.setattr(supervisor, "BYTES_A_SECOND", 1 << 20)
    monkeypatch.setattr(supervisor, "BURST", 1 << 20)
    assert await reached(phone, victim, "message-flood") == 0
    monkeypatch.setattr(supervisor, "BYTES_A_SECOND", 1 << 40)
    monkeypatch.setattr(supervisor, "BURST", 1 << 40)
    assert await reached(phone, victim, "message-flood") > 0


async def test_a_loop_that_is_held_up_is_seen_and_one_that_stood_in_line_is_not(
    phone: Handset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a computer that is busy with others no lie has reached anything by that."""
    now = in_line = others = 0.0

    class Others:
        def waited(self) -> float:
            nonlocal others
            waited, others = others, 0.0
            return waited

    monkeypatch.setattr(lies, "OthersInLine", Others)
    monkeypatch.setattr(host_time, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(host_time, "stood_in_line", lambda: in_line)
    with lies.Watched(phone) as watched:

        async def late() -> float:
            async with asyncio.timeout(20):
                while watched.lag == 0.0:
                    await asyncio.sleep(0.01)
            return watched.lag

        watched.begin()
        await asyncio.sleep(0)
        now = 1.0
        assert 0.9 < await late() < 1.1
        watched.begin()
        now, in_line = 101.0, 100.0
        await asyncio.sleep(0)
        now = 103.0
        assert 1.9 < await late() < 2.1
        watched.begin()
        now, others = 133.0, 27.0
        assert 2.9 < await late() < 3.1


async def test_garbage_that_is_passed_over(
    phone: Handset, victim: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = channel.Framer.feed

    def patient(framer: Any, data: bytes) -> list[Any]:
        try:
            found: list[Any] = feed(framer, data)
        except ControlError:
            framer._buffer.clear()
            return []
        return found

    monkeypatch.setattr(channel.Framer, "feed", patient)
    monkeypatch.setattr(lies, "GARBAGES", 2)  # each is waited for
    monkeypatch.setattr(lies, "_END_SECONDS", 1.0)
    assert await reached(phone, victim, "message-garbage") > 0
