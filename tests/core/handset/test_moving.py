"""A running guest moves to another handset: another process runs it, the old one is gone, nothing is lost."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import pytest

from pocketvisor.api import (
    Guest,
    GuestError,
    GuestImage,
    GuestState,
    Handset,
    OutOfMemory,
    RunOptions,
    ScriptPlan,
    load_models,
    move,
)
from pocketvisor.control.messages import HandOver
from pocketvisor.guest.run import GuestRun

Start = Callable[..., Any]
SENT_MAX = 2000
"""Pieces of input that wait for a process: from 4096 on it takes no more."""


@pytest.fixture
async def target() -> AsyncIterator[Handset]:
    """Other hardware: another rate, another panel."""
    phone = Handset(load_models()["galaxy-s2"])
    yield phone
    await phone.close()


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def _types(guest: Guest, text: str) -> None:
    """Keys that are commands (q, r, s, f, t, u) go as capitals, which are not."""
    for command in "qrsftu":
        text = text.replace(command, command.upper())
    guest.console.write(text.encode())
    await guest.console.expect(text, timeout=60)


async def test_another_process_runs_it_and_the_old_one_is_gone(
    start: Start, handset: Handset, target: Handset
) -> None:
    guest = await start()
    await _types(guest, "hel")
    told: list[tuple[str, object]] = []
    handset.on("guest-removed", lambda moved: told.append(("removed", moved)))
    target.on("guest-added", lambda moved: told.append(("added", moved)))
    pid = guest.pid
    report = await move(guest, target)
    assert (report.pid_before, report.pid_after) == (pid, guest.pid) and guest.pid != pid
    assert _gone(pid)
    assert handset.guests == [] and target.guests == [guest] and guest.handset is target
    assert told == [("removed", guest), ("added", guest)]
    assert report.downtime_ms > 0
    guest.console.write(b"lo\r")
    await guest.console.expect("^lo\n# ", timeout=60)


async def test_memory_and_registers_are_the_same_there(start: Start, target: Handset) -> None:
    guest = await start()
    guest.console.write(b"t")
    await _types(guest, "x")
    await guest.pause()
    digest, ticks, state = await guest.digest(), guest.ticks, await guest.save()
    await move(guest, target)
    assert (guest.state, guest.ticks, await guest.digest()) == (GuestState.PAUSED, ticks, digest)
    before, after = msgspec.msgpack.decode(state), msgspec.msgpack.decode(await guest.save())
    assert after["machine"]["cpu"] == before["machine"]["cpu"]


async def test_it_has_the_targets_rate(start: Start, target: Handset) -> None:
    guest = await start()
    guest.console.write(b"s")
    await move(guest, target)
    async with asyncio.timeout(60):
        while guest.status.rate != target.model.mips * 1_000_000:
            await asyncio.sleep(0.01)


async def test_a_hundred_moves_there_and_back(start: Start, handset: Handset, target: Handset) -> None:
    guest = await start()
    downtimes = []
    for number in range(50):
        downtimes.append((await move(guest, target)).downtime_ms)
        await _types(guest, f"there {number}")
        downtimes.append((await move(guest, handset)).downtime_ms)
        await _types(guest, f"back {number}")
    assert median(downtimes) < 1000, "but where it stood in line for a processor"


async def test_what_is_sent_meanwhile_arrives(start: Start, target: Handset) -> None:
    guest = await start()
    moving = asyncio.ensure_future(move(guest, target))
    sent = ""
    while not moving.done():
        if len(sent) < SENT_MAX:
            guest.console.write(b"x")
            sent += "x"
        await asyncio.sleep(0.0005)
    await moving
    guest.console.write(b"\r")
    await guest.console.expect(f"^{sent}\n", timeout=60)


async def test_where_the_new_process_fails_the_old_one_goes_on(
    start: Start, handset: Handset, target: Handset, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = await start()

    async def fails(self: GuestRun, other: GuestRun, fds: list[int]) -> None:
        lost, baton = os.pipe()
        await self.save(HandOver(), [fds[0], baton])
        await other.end()
        os.close(lost)
        os.close(baton)
        raise GuestError("its process does not answer")

    pid = guest.pid
    with monkeypatch.context() as patch:
        patch.setattr(GuestRun, "pass_on", fails)
        with pytest.raises(GuestError, match="does not answer"):
            await move(guest, target)
    assert guest.handset is handset and guest.pid == pid and guest.state is GuestState.RUNNING
    await _types(guest, "here")
    await move(guest, target)
    await _types(guest, "there")


async def test_a_move_that_is_given_up_changes_nothing(
    start: Start, handset: Handset, target: Handset
) -> None:
    guest = await start()
    for patience in (0, 1, 3, 10):
        moving = asyncio.ensure_future(move(guest, target))
        for _ in range(patience):
            await asyncio.sleep(0)
        moving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await moving
        assert guest.handset is handset and handset.guests == [guest] and target.guests == []
        await _types(guest, f"still here {patience}")


async def test_a_guest_that_is_off_moves_too(start: Start, target: Handset) -> None:
    guest = await start()
    await guest.power_off()
    report = await move(guest, target)
    assert report.downtime_ms == 0 and guest.handset is target
    await guest.restart()
    await guest.console.expect("monitor ready", timeout=60)


async def test_a_phone_without_room_refuses_with_the_reason(
    start: Start, handset: Handset, target: Handset, monitor_image: GuestImage
) -> None:
    guest = await start()
    big = msgspec.structs.replace(monitor_image, ram_mib=target.model.ram_mib - 8)
    await target.start(big)
    with pytest.raises(OutOfMemory, match="8 MiB of RAM left, and Monitor holds 16 MiB"):
        await move(guest, target)
    await _types(guest, "x")
    with pytest.raises(GuestError, match="already"):
        await move(guest, handset)


async def test_a_guest_that_follows_a_script_stays(start: Start, target: Handset) -> None:
    guest = await start(script=ScriptPlan(lines=("x",)))
    with pytest.raises(GuestError, match="script"):
        await move(guest, target)


async def test_a_recording_goes_on_over_a_move(
    start: Start, handset: Handset, target: Handset, monitor_image: GuestImage
) -> None:
    guest = await start(record=True)
    await _types(guest, "ab")
    await move(guest, target)
    await _types(guest, "cd")
    recording = await guest.recording()
    replay = await handset.start(
        monitor_image, options=RunOptions(replay=recording, rate="max", skip_idle=True)
    )
    async with asyncio.timeout(60):
        stop = await replay.wait_stopped()
    assert stop.ticks == recording.end.ticks and await replay.digest() == recording.end.digest


async def test_it_is_kept_in_its_profile_over_a_move(
    start: Start, target: Handset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    guest = await start()
    await guest.keep(tmp_path / "phone.vphone")
    guest.console.write(b"t")
    await _types(guest, "before")
    await move(guest, target)
    await _types(guest, "after")
    await guest.pause()
    digest = await guest.digest()
    generation = await guest.snapshot()
    await guest.restore(generation.number, paused=True)
    assert await guest.digest() == digest
