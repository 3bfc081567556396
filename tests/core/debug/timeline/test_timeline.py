"""A guest's past can be gone to: it is what it was, to the bit, and the present goes on as if nobody had."""

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from monitor import write_elf

from pocketvisor.debug.debugger import Debugger
from pocketvisor.debug.stop_info import StopInfo
from pocketvisor.debug.timeline.moments import Moment
from pocketvisor.errors import DebugError
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import catalogue, image_from_files
from pocketvisor.models import load_models
from pocketvisor.moving import move
from pocketvisor.profile.manifest import Manifest

RAM = 0x40000000
KEY_READ = 0x40200000 + 4 * 25
"""Of the monitor: a key is in r0, and is looked at."""


@pytest.fixture
async def phone() -> AsyncIterator[Handset]:
    handset = Handset(load_models()["nexus-one"])
    yield handset
    await handset.close()


@pytest.fixture
async def guest(phone: Handset, tmp_path: Path) -> Guest:
    """The monitor, at its prompt, recorded."""
    image = image_from_files(elf=write_elf(tmp_path), name="monitor", ram_mib=16)
    guest = await phone.start(image)
    await guest.console.expect("# $", timeout=20)
    await guest.debugger.timeline.start()
    return guest


@pytest.fixture
async def debian(phone: Handset) -> Guest:
    image = catalogue()["debian"]
    if not image.available:
        pytest.skip(image.missing)
    guest = await phone.start(image)
    await guest.console.expect("# $", timeout=240)
    return guest


async def typed(guest: Guest, text: str) -> StopInfo:
    """The guest has echoed it, and stands still."""
    guest.console.write(text.encode())
    await guest.console.expect(text, timeout=20)
    return await guest.debugger.pause()


async def at_key(guest: Guest, key: str) -> StopInfo:
    """It has read this key, and stands there; before, it waits for one, or stands anywhere."""
    debugger = guest.debugger
    stop = debugger.stops.add("execute", KEY_READ, origin="test")
    await debugger.push_stops()  # or the key may be there first
    if debugger.standing:
        await debugger.resume()
    guest.console.write(key.encode())
    info = await debugger.wait_stopped()
    assert (info.reason, info.pc) == ("breakpoint", KEY_READ)
    debugger.stops.remove(stop.id)
    return info


async def seen(debugger: Debugger) -> tuple[dict[str, int], bytes]:
    return await debugger.registers(), await debugger.read(RAM, 1 << 20)


async def test_each_place_that_was_seen_is_seen_again(guest: Guest) -> None:
    debugger = guest.debugger
    places = []
    for key in "abc":
        info = await at_key(guest, key)
        for count in (1, 2, 3):
            places.append((info.position, await seen(debugger)))
            info = await debugger.step(count)
            assert info.reason == "step"
    digest = await guest.digest()
    for position, then in [*reversed(places), *places]:
        info = await debugger.go_to(position)
        assert (info.reason, info.position) == ("position", position)
        assert debugger.in_past
        assert await seen(debugger) == then
    await debugger.return_to_present()
    assert not debugger.in_past
    await debugger.pause()
    assert await guest.digest() == digest


async def test_steps_back_undo_steps(guest: Guest) -> None:
    debugger, timeline = guest.debugger, guest.debugger.timeline
    info = await at_key(guest, "x")
    way = [info.position]
    for _ in range(12):
        way.append((await debugger.step()).position)
    there = way.pop()
    assert (await debugger.go_to(there)).position == there
    for position in way[:-6:-1]:
        info = await debugger.reverse_step()
        assert (info.reason, info.position) == ("step", position)
    info = await debugger.reverse_step(1000)
    assert (info.reason, info.position) == ("start-of-recording", timeline.begin)


async def test_it_goes_back_to_the_last_breakpoint_that_holds(guest: Guest) -> None:
    debugger = guest.debugger
    stop = debugger.stops.add("execute", KEY_READ)
    await debugger.push_stops()
    hits = []
    for key in "abcb":
        guest.console.write(key.encode())
        if debugger.standing:
            await debugger.resume()
        info = await debugger.wait_stopped()
        assert info.reason == "breakpoint" and info.pc == KEY_READ
        hits.append((info.position, (await debugger.registers())["r0"] & 0xFF))
    assert bytes(key for _, key in hits) == b"abcb"
    debugger.stops.change(stop.id, enabled=False)
    await debugger.resume()
    await guest.console.expect("b", timeout=20)
    await debugger.pause()
    debugger.stops.change(stop.id, enabled=True)
    for position, key in reversed(hits):
        info = await debugger.reverse_resume()
        assert (info.reason, info.position) == ("breakpoint", position)
        assert info.stop is not None and info.stop.id == stop.id
        assert (await debugger.registers())["r0"] & 0xFF == key
    assert (await debugger.reverse_resume()).reason == "start-of-recording"
    await debugger.return_to_present()
    debugger.stops.change(stop.id, condition="$r0 == 'a'")
    info = await debugger.reverse_resume()
    assert info.position == hits[0][0]


async def test_the_past_cannot_be_changed_and_the_present_can(guest: Guest) -> None:
    debugger, timeline = guest.debugger, guest.debugger.timeline
    await typed(guest, "x")
    await debugger.go_to(timeline.begin)
    with pytest.raises(DebugError, match="cannot be changed"):
        await debugger.set_register("r0", 1)
    await debugger.return_to_present()
    count = len(timeline.moments)
    await debugger.write(RAM + 0x100000, b"changed!")
    assert len(timeline.moments) == count
    await debugger.resume()
    assert [moment.why for moment in timeline.moments[count:]] == ["changed by a debugger"]
    changed = timeline.moments[-1].position
    await typed(guest, "y")
    await debugger.go_to(changed)
    assert await debugger.read(RAM + 0x100000, 8) == b"changed!"
    if changed - 4 > timeline.begin:
        await debugger.go_to(changed - 4)
        assert await debugger.read(RAM + 0x100000, 8) == bytes(8)


async def test_the_present_waits_and_goes_on(guest: Guest) -> None:
    debugger, timeline = guest.debugger, guest.debugger.timeline
    await typed(guest, "x")
    await debugger.resume()
    assert guest.state is GuestState.RUNNING
    await debugger.go_to(timeline.begin)
    with pytest.raises(Exception, match="past is looked at"):
        await guest.resume()
    assert guest.state is GuestState.PAUSED
    await timeline.present()
    assert guest.state is GuestState.RUNNING
    await debugger.go_to(timeline.begin)
    ended = asyncio.Event()
    debugger.on("stopped", lambda info: ended.set() if info.reason == "end-of-recording" else None)
    await timeline.run_forward()
    await asyncio.wait_for(ended.wait(), 30)
    assert not timeline.in_past
    await typed(guest, "z")


async def test_a_branch_goes_on_by_itself(guest: Guest, phone: Handset) -> None:
    debugger, timeline = guest.debugger, guest.debugger.timeline
    await typed(guest, "bone")
    await debugger.go_to(timeline.begin)
    branch = await timeline.branch("other")
    branch.console.write(b"milk\r")
    await branch.console.expect("^milk", timeout=20)
    assert [each.name for each in phone.guests] == ["monitor", "other"]
    await timeline.present()
    await debugger.resume()
    guest.console.write(b"wool")
    await guest.console.expect("wool", timeout=20)


async def test_a_moment_that_is_on_its_way_is_waited_for(
    guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has its part of the log already: without it the past would not be what it was."""
    debugger, recorder = guest.debugger, guest.debugger.timeline.recorder
    begun, go_on = threading.Event(), threading.Event()
    write = recorder._write

    def slow(*arguments: Any) -> Moment:
        begun.set()
        assert go_on.wait(20)
        return write(*arguments)

    info = await at_key(guest, "x")
    then = await seen(debugger)
    end = await at_key(guest, "y")
    last = await seen(debugger)
    monkeypatch.setattr(recorder, "_write", slow)
    moment = asyncio.create_task(recorder.moment())
    assert await asyncio.to_thread(begun.wait, 20)
    there = asyncio.create_task(debugger.go_to(info.position))
    with pytest.raises(TimeoutError):  # nothing tells that it waits
        await asyncio.wait_for(asyncio.shield(there), 0.2)
    go_on.set()
    await moment
    assert (await there).position == info.position
    assert await seen(debugger) == then
    await debugger.go_to(end.position - 4)
    await debugger.step()
    assert await seen(debugger) == last


async def test_a_past_whose_end_is_given_up_ends_all_the_same(guest: Guest) -> None:
    debugger, timeline = guest.debugger, guest.debugger.timeline
    await typed(guest, "x")
    await debugger.go_to(timeline.begin)
    past = timeline._past
    assert past is not None
    leaving = asyncio.create_task(timeline.present())
    while past._closing is None:
        await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await timeline.close()
    assert past._closing.done() and not timeline._pasts
    assert past.guest._peripherals is None, "its channels are closed"


async def test_no_past_is_opened_that_its_guest_would_not_end(
    guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guest is removed, or its debugger has to leave, while a past is on its way."""
    debugger, timeline = guest.debugger, guest.debugger.timeline
    await typed(guest, "x")
    begun, go_on = threading.Event(), threading.Event()
    manifest = timeline.recorder.moments.manifest

    def slow(index: int) -> Manifest:
        begun.set()
        assert go_on.wait(20)
        return manifest(index)

    monkeypatch.setattr(timeline.recorder.moments, "manifest", slow)
    there = asyncio.create_task(debugger.go_to(timeline.begin))
    assert await asyncio.to_thread(begun.wait, 20)
    closing = asyncio.create_task(timeline.close())
    while not timeline._closed:
        await asyncio.sleep(0)
    go_on.set()
    await closing
    with pytest.raises(DebugError):
        await there
    assert not timeline.in_past and not timeline._pasts


async def test_what_was_before_a_crash_can_be_looked_at(guest: Guest) -> None:
    debugger, timeline = guest.debugger, guest.debugger.timeline
    info = await typed(guest, "x")
    then = await seen(debugger)
    await timeline._recorder.moment()  # type: ignore[union-attr]
    await debugger.resume()
    os.kill(guest.pid, signal.SIGKILL)
    await guest.wait_stopped()
    assert guest.state is GuestState.CRASHED
    await debugger.go_to(timeline.begin)
    assert debugger.in_past
    await debugger.go_to(info.position - 4)
    await debugger.step()
    assert (await seen(debugger))[1] == then[1]


async def test_a_reset_ends_the_recording_and_its_past_stays(guest: Guest) -> None:
    timeline = guest.debugger.timeline
    notes: list[str] = []
    guest.on("event", notes.append)
    await typed(guest, "x")
    await timeline._recorder.moment()  # type: ignore[union-attr]
    await guest.debugger.resume()
    await guest.reset()
    await guest.console.expect("# $", timeout=20)
    with pytest.raises(DebugError, match="reset"):
        await timeline._recorder.moment()  # type: ignore[union-attr]
    await timeline.stop()
    await timeline.go_to(timeline.begin)
    assert timeline.in_past
    await timeline.present()
    await timeline.start()
    assert timeline.recording and len(timeline.moments) == 1


async def test_a_recording_goes_on_over_a_move(guest: Guest, phone: Handset) -> None:
    other = Handset(load_models()["nexus-one"])
    debugger, timeline = guest.debugger, guest.debugger.timeline
    await typed(guest, "bone")
    then = await seen(debugger)
    position = debugger.position
    assert position is not None
    await debugger.resume()
    await move(guest, other)
    await typed(guest, "milk")
    digest = await guest.digest()
    end = (await debugger.sample()).position
    assert position < end
    await debugger.go_to(position - 4)
    await debugger.step()
    assert await seen(debugger) == then
    await debugger.go_to(end - 4)
    past = timeline._past
    assert past is not None
    await past.run_to(end)
    assert await past.guest.digest() == digest
    await timeline.present()
    await debugger.resume()
    third = Handset(load_models()["nexus-one"])
    await move(guest, third)
    await timeline._recorder.end()  # type: ignore[union-attr]
    assert guest.run.log_taker is None, "its new process is not recorded any more either"
    await third.close()
    await other.close()


@pytest.mark.debian
async def test_linux_is_replayed_from_every_moment_to_the_next(debian: Guest, tmp_path: Path) -> None:
    """With disk-like activity, another file that saves it meanwhile, and keys."""
    from pocketvisor.debug.timeline.kept import open_recording, replay_recording

    debugger, timeline = debian.debugger, debian.debugger.timeline
    await debian.keep(tmp_path / "phone.vphone")
    await timeline.start()
    for number in range(3):
        debian.console.write(b"ls -lR /usr | gzip > /tmp/list; echo done-$((40 + %d))\n" % number)
        await debian.console.expect(f"done-{40 + number}", timeout=60)
        await debian.snapshot(f"number {number}")
        await timeline._recorder.moment()  # type: ignore[union-attr]
    generation = await timeline.keep()
    assert generation.name.startswith("Recording of ")
    await timeline.export(tmp_path / "life.vphone")
    report = await replay_recording(debian.handset, tmp_path / "life.vphone")
    assert report.differences == ()
    assert report.moments >= 5
    again = Handset(load_models()["nexus-one"])
    opened = await open_recording(again, tmp_path / "life.vphone")
    assert await opened.digest() == report.digest
    past = opened.debugger.timeline
    await past.go_to(past.moments[1].position + 4000)
    branch = await past.branch("branch")
    branch.console.write(b"\necho alive-$((2 * 21))\n")
    await branch.console.expect("alive-42", timeout=30)
    await again.close()
    assert debugger.in_past is False


@pytest.mark.debian
async def test_the_instruction_that_wrote_a_word_last_is_found(debian: Guest) -> None:
    debugger, timeline = debian.debugger, debian.debugger.timeline
    await timeline.start()
    debian.console.write(b"echo marker-$((1 + 1))\n")
    await debian.console.expect("marker-2", timeout=30)
    registers = await debugger.registers()
    await debugger.pause()
    word = registers["sp"] & ~0xFFF if registers["sp"] >= 0xC0000000 else None
    pages = await debugger.translate(0xC0000000 + 0x300000)
    assert pages is not None
    target = pages[0]
    # A page that the kernel has written since: of its stack, or any that is dirty.
    await timeline._recorder.moment()  # type: ignore[union-attr]
    written = timeline.moments[-1].pages
    number = next(at * 8 + bit for at, byte in enumerate(written) for bit in range(8) if byte >> bit & 1)
    target = RAM + number * 4096
    info = await debugger.last_write(target, 4096, physical=True)
    assert info.reason == "watchpoint" and info.write
    assert target <= info.address < target + 4096
    before = await debugger.read(info.address, info.size, physical=True)
    access = (info.address, info.size)
    await debugger.step()
    after = await debugger.read(*access, physical=True)
    await timeline.present()
    await debugger.pause()
    assert after == await debugger.read(*access, physical=True), "nobody has written there since"
    assert word is None or len(before) == len(after)


async def test_damaged_recordings_are_refused_or_said(guest: Guest, tmp_path: Path) -> None:
    await typed(guest, "x")
    await guest.debugger.timeline.export(tmp_path / "whole")
    assert (tmp_path / "whole").stat().st_mode & 0o777 == 0o600
    with pytest.raises(DebugError, match="already"):
        await guest.debugger.timeline.export(tmp_path / "whole")
    assert (tmp_path / "whole").stat().st_size > 0
    whole = (tmp_path / "whole").read_bytes()
    dice = random.Random(5)
    for number in range(12):
        damaged = bytearray(whole)
        if number % 3 == 0:
            del damaged[dice.randrange(len(damaged)) :]
        else:
            for _ in range(4):
                damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        path = tmp_path / f"damaged{number}"
        path.write_bytes(damaged)
        await refused_or_said(guest.handset, path)


async def refused_or_said(handset: Handset, path: Path) -> None:
    from pocketvisor.debug.timeline.kept import replay_recording

    try:
        report = await replay_recording(handset, path)
    except DebugError as error:
        assert str(error)
    else:  # what was flipped is not a part of it
        assert report.differences == () or all(report.differences)


async def test_each_piece_of_a_recording_may_be_damaged(guest: Guest, tmp_path: Path) -> None:
    await typed(guest, "x")
    whole, path = tmp_path / "whole", tmp_path / "damaged"
    await guest.debugger.timeline.export(whole)
    with closing(sqlite3.connect(whole)) as file:
        pieces = file.execute("SELECT number, body FROM chunks").fetchall()
    assert len(pieces) > 5
    for number, body in pieces:
        shutil.copy(whole, path)
        with closing(sqlite3.connect(path, isolation_level=None)) as file:
            flipped = body[:-1] + bytes((body[-1] ^ 1,))
            file.execute("UPDATE chunks SET body = ? WHERE number = ?", (flipped, number))
        await refused_or_said(guest.handset, path)
