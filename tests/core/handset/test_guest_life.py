"""A guest's life on a handset, with real processes: whatever happens to one, its neighbour runs on."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from monitor import code, elf

from pocketvisor.api import (
    Guest,
    GuestError,
    GuestImage,
    GuestState,
    Handset,
    ImageError,
    OutOfMemory,
    RunOptions,
    ScriptPlan,
    image_from_files,
)
from pocketvisor.guest import nursery

Start = Callable[..., Any]


async def _changes(guest: Guest, state: GuestState, seconds: float = 60) -> None:
    changed = asyncio.Event()
    unsubscribe = guest.on("state", changed.set)
    async with asyncio.timeout(seconds):
        while guest.state is not state:
            changed.clear()
            await changed.wait()
    unsubscribe()


async def _answers(guest: Guest) -> None:
    """It still takes keys and prints."""
    guest.console.write(b"hello\r")
    await guest.console.expect("hello\n# ", timeout=60)


async def test_a_guest_runs_prints_and_listens(start: Start) -> None:
    guest = await start()
    await _answers(guest)
    assert guest.state is GuestState.RUNNING
    assert b"monitor ready" in guest.console.text
    counters = guest.counters()
    assert counters.ticks > 0 and counters.mmio > 0 and counters.ram_bytes >= 4096
    assert await guest.memory_cost() > 1 << 20


async def test_pausing_stops_the_ticks_and_resuming_goes_on(start: Start) -> None:
    guest = await start()
    guest.console.write(b"s")
    before = guest.ticks
    async with asyncio.timeout(60):
        while guest.ticks == before:
            await asyncio.sleep(0)
    await guest.pause()
    assert guest.state is GuestState.PAUSED
    stood = guest.ticks
    assert await guest.digest() == await guest.digest()
    assert guest.ticks == stood
    await guest.resume()
    assert guest.state is GuestState.RUNNING


async def test_a_guest_can_be_run_to_a_tick(start: Start) -> None:
    guest = await start(paused=True, deterministic=True, skip_idle=True)
    assert (guest.state, guest.ticks) == (GuestState.PAUSED, 0)
    stop = await guest.run_until(50)
    assert stop.kind == "limit"
    assert 50 <= stop.ticks < 60


async def test_a_saved_guest_goes_on_in_another_process(start: Start) -> None:
    guest = await start()
    guest.console.write(b"hel")
    await guest.console.expect("hel", timeout=60)
    with pytest.raises(GuestError, match="pause it first"):
        await guest.save()
    await guest.pause()
    state, pid, digest, ticks = await guest.save(), guest.pid, await guest.digest(), guest.ticks
    await guest.put_back(state)
    assert guest.pid != pid
    assert (guest.state, guest.ticks, await guest.digest()) == (GuestState.PAUSED, ticks, digest)
    await guest.resume()
    guest.console.write(b"lo\r")
    await guest.console.expect("lo\n# ", timeout=60)


async def test_one_that_goes_while_it_is_looked_at_is_seen_as_it_was(start: Start) -> None:
    """Its memory stays for as long as somebody reads it."""
    guest = await start(paused=True, ram_mib=256)
    digest = await guest.digest()
    looking = asyncio.create_task(guest.digest())
    given_up = asyncio.create_task(guest.digest())
    await asyncio.sleep(0)
    given_up.cancel()
    await guest.handset.remove(guest)
    assert await looking == digest


async def test_of_several_who_save_it_at_once_each_has_all_of_it(start: Start) -> None:
    guest = await start()
    await guest.pause()
    states = await asyncio.gather(*(guest.save() for _ in range(4)))
    assert states == [await guest.save()] * 4


async def test_a_state_that_is_none_is_refused(start: Start) -> None:
    guest = await start()
    await guest.pause()
    with pytest.raises(GuestError):
        await guest.put_back(b"\x81\xa7machine\x80")
    assert guest.state is GuestState.CRASHED
    assert "could not be put back" in guest.problem
    await guest.restart()
    await guest.console.expect("monitor ready", timeout=60)


async def test_power_off_and_restart(start: Start) -> None:
    guest = await start()
    await guest.power_off()
    assert (guest.state, guest.stop_reason.kind) == (GuestState.OFF, "power-off")
    assert guest.pid == 0
    assert len(await guest.digest()) == 64
    await guest.restart()
    await guest.console.expect("monitor ready", timeout=60)
    await _answers(guest)


async def test_a_guest_may_power_itself_off(start: Start) -> None:
    guest = await start()
    guest.console.write(b"q")
    async with asyncio.timeout(60):
        assert (await guest.wait_stopped()).kind == "power-off"
    await _changes(guest, GuestState.OFF)
    assert guest.handset.ram_used_mib == 0


async def test_a_guest_may_reset_itself(start: Start) -> None:
    guest = await start()
    before = guest.pid
    guest.console.write(b"r")
    await guest.console.expect("monitor ready", timeout=60)
    assert guest.pid != before
    await _answers(guest)


async def test_reset_gives_new_memory(start: Start) -> None:
    guest = await start()
    guest.console.write(b"t\r")
    await guest.console.expect("# ", timeout=60)
    touched = guest.counters().ram_bytes
    await guest.reset()
    await guest.console.expect("# ", timeout=60)
    assert guest.counters().ram_bytes < touched


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
async def test_a_crash_is_told_and_costs_that_guest_alone(start: Start, number: signal.Signals) -> None:
    guest, neighbour = await start("One"), await start("Two")
    os.kill(guest.pid, number)
    await _changes(guest, GuestState.CRASHED)
    assert guest.problem.startswith("One crashed: its process was ended by signal ")
    assert guest.problem.endswith(f"({number.name})")
    assert number == signal.SIGKILL or "Fatal Python error" in guest.crash_report
    assert (await guest.wait_stopped()).kind == "crashed"
    await _answers(neighbour)
    await guest.restart()
    await guest.console.expect("monitor ready", timeout=60)
    await _answers(guest)
    assert guest.problem == ""


async def test_a_crash_is_told_though_the_process_had_not_read_everything(start: Start) -> None:
    guest = await start()
    os.kill(guest.pid, signal.SIGSTOP)
    guest.console.write(b"unread")
    os.kill(guest.pid, signal.SIGKILL)
    await _changes(guest, GuestState.CRASHED)
    assert "signal 9 (SIGKILL)" in guest.problem


async def test_a_process_that_sends_garbage_is_ended(start: Start) -> None:
    guest, neighbour = await start("One"), await start("Two")
    process = guest._run._process
    process._channel._reader.feed_data(b"\xff\xff\xff\xff garbage")
    await _changes(guest, GuestState.CRASHED)
    assert "sent what is no message" in guest.problem
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    await _answers(neighbour)


async def test_a_process_that_is_sent_garbage_gives_up(start: Start) -> None:
    guest = await start()
    guest._run._process._channel._writer.write(b"\x05\0\0\0hello")
    await _changes(guest, GuestState.CRASHED)
    assert "made no sense" in guest.problem


async def test_a_process_that_dies_in_the_handshake_is_a_sentence(
    handset: Handset, monitor_image: GuestImage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    liar = tmp_path / "python"
    liar.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        "from pocketvisor.guest import nursery_process, process\n"
        "def half(control):\n"
        "    os.write(control, bytes((128, 0, 0, 0)) + b'half')\n"
        "    print('no luck', file=sys.stderr)\n"
        "    return 3\n"
        "process.main = half\n"
        "sys.exit(nursery_process.main(sys.argv[-2:]))\n"
    )
    liar.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(liar))
    with pytest.raises(GuestError, match=r"did not start.*middle of a message.*no luck"):
        await handset.start(monitor_image)
    assert handset.guests == []


async def test_a_process_that_ends_at_once_is_a_sentence(
    handset: Handset, monitor_image: GuestImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(GuestError, match="ended with exit code 1"):
        await handset.start(monitor_image)


async def test_without_the_overrides_a_guest_refuses_to_start(
    handset: Handset, monitor_image: GuestImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = nursery.guest_environment()
    del kept["LD_PRELOAD"]
    monkeypatch.setattr(nursery, "guest_environment", lambda: kept)
    with pytest.raises(GuestError, match="overrides"):
        await handset.start(monitor_image)


async def test_a_stuck_process_is_noticed_and_can_be_killed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pocketvisor.guest.run._SILENT_SECONDS", 0.5)
    guest, neighbour = await start("One"), await start("Two")
    os.kill(guest.pid, signal.SIGSTOP)
    await _changes_to_silent(guest)
    assert guest.not_responding.startswith("One does not respond")
    await _answers(neighbour)
    await guest.kill()
    assert guest.state is GuestState.OFF


async def _changes_to_silent(guest: Guest) -> None:
    changed = asyncio.Event()
    guest.on("state", changed.set)
    async with asyncio.timeout(60):
        while not guest.not_responding:
            changed.clear()
            await changed.wait()


@pytest.mark.parametrize("how", ["power_off", "kill", "remove"])
async def test_a_spinning_or_frozen_guest_is_stopped_in_time(start: Start, how: str) -> None:
    """Three processes take part in that: of several times the least is the one in which none of them stood in
    line for this computer's processors."""
    for freeze in (False, True):
        took = []
        for _ in range(4):
            guest = await start()
            guest.console.write(b"s")
            if freeze:
                os.kill(guest.pid, signal.SIGSTOP)
            began = time.monotonic()
            await (guest.handset.remove(guest) if how == "remove" else getattr(guest, how)())
            took.append(time.monotonic() - began)
            assert guest.pid == 0
            await guest.handset.remove(guest)
        assert min(took) < 0.25, took


async def test_ram_is_accounted_for(handset: Handset, monitor_image: GuestImage) -> None:
    first = await handset.start(monitor_image, options=RunOptions(ram_mib=200, paused=True))
    assert handset.ram_free_mib == 56
    with pytest.raises(OutOfMemory, match="56 MiB of its 256 MiB of RAM left, the guest wants 64"):
        await handset.start(monitor_image, options=RunOptions(ram_mib=64))
    await first.power_off()
    second = await handset.start(monitor_image, options=RunOptions(ram_mib=64, paused=True))
    with pytest.raises(OutOfMemory):
        await first.restart()
    assert first.state is GuestState.OFF
    await handset.remove(second)
    await first.restart()


async def test_names_are_unique_and_the_foreground_moves_on(start: Start) -> None:
    first, second = await start(), await start()
    handset = first.handset
    assert (first.name, second.name) == ("Monitor", "Monitor 2")
    with pytest.raises(GuestError, match="already"):
        await start("monitor")
    told: list[Guest | None] = []
    handset.on("foreground", told.append)
    assert handset.foreground is first
    handset.next_foreground()
    handset.next_foreground()
    await handset.remove(first)
    assert told == [second, first, second]
    assert handset.find("MONITOR 2") is second


async def test_an_image_that_is_none_leaves_nothing_behind(handset: Handset, tmp_path: Path) -> None:
    bad = tmp_path / "bad.elf"
    bad.write_bytes(b"nothing of the kind")
    with pytest.raises(ImageError, match=r"bad\.elf"):
        await handset.start(image_from_files(elf=bad))
    assert (handset.guests, handset.ram_used_mib, handset.foreground) == ([], 0, None)


async def test_a_start_can_be_cancelled(handset: Handset, monitor_image: GuestImage) -> None:
    await handset.remove(await handset.start(monitor_image))
    descriptors = len(os.listdir("/proc/self/fd"))
    for turns in range(0, 30, 2):  # of the loop: a start is over soon
        starting = asyncio.ensure_future(handset.start(monitor_image))
        for _ in range(turns):
            await asyncio.sleep(0)
        if starting.done():  # on a busy computer it takes 23 turns: what it waits for is there at once
            await handset.remove(starting.result())
            continue
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert handset.guests == []
    async with asyncio.timeout(60):
        while len(os.listdir("/proc/self/fd")) > descriptors + 1:
            await asyncio.sleep(0.01)


async def test_a_removal_that_is_given_up_goes_on_and_closing_waits_for_it(
    handset: Handset, monitor_image: GuestImage
) -> None:
    """As when its window is closed meanwhile: the guest is on no list any more, and has not ended yet."""
    await handset.remove(await handset.start(monitor_image))
    descriptors = len(os.listdir("/proc/self/fd"))
    for turns in range(3):  # of the loop: its process takes longer to end
        guest = await handset.start(monitor_image)
        removing = asyncio.ensure_future(handset.remove(guest))
        for _ in range(turns + 1):
            await asyncio.sleep(0)
        removing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await removing
        assert handset.guests == []
        if turns % 2:
            await handset.remove(guest)  # asked for again, it is waited for
            assert guest.state is GuestState.STOPPED
    await handset.close()
    async with asyncio.timeout(60):  # the nursery tells of a process that is gone a moment later
        while len(os.listdir("/proc/self/fd")) > descriptors:
            await asyncio.sleep(0.01)


async def test_pixels_reach_the_panel(start: Start) -> None:
    guest = await start()
    frames = asyncio.Event()
    guest.on("frame", frames.set)
    seen = guest.panel.sequence
    guest.console.write(b"f")
    async with asyncio.timeout(60):
        while guest.panel.sequence == seen or bytes(guest.panel.buffer[:4]) != b"\xff\x00\xff\x00":
            frames.clear()
            await frames.wait()
    _, damage = guest.panel.damage_since(seen)
    assert damage is None or damage[0][:2] == (0, 0)
    assert (await guest.screenshot()).startswith(b"\x89PNG")


async def test_two_deterministic_runs_end_alike(handset: Handset, monitor_image: GuestImage) -> None:
    ends = []
    script = ScriptPlan(lines=("hello", "bye"), until="^# $")
    for _ in range(2):
        options = RunOptions(deterministic=True, rate="max", skip_idle=True, script=script)
        guest = await handset.start(monitor_image, options=options)
        async with asyncio.timeout(60):
            stop = await guest.wait_stopped()
        ends.append((stop.kind, stop.ticks, await guest.digest(), guest.console.text))
        await handset.remove(guest)
    assert ends[0] == ends[1]
    assert ends[0][0] == "until"


async def test_a_recording_replays_to_the_same_end(
    start: Start, handset: Handset, monitor_image: GuestImage
) -> None:
    guest = await start(record=True)
    guest.console.write(b"hello\rt")
    await guest.console.expect("hello\n# ", timeout=60)
    recording = await guest.recording()
    text = guest.console.text
    await handset.remove(guest)
    for rate in ("model", "max"):
        replay = await handset.start(monitor_image, options=RunOptions(replay=recording, rate=rate))
        async with asyncio.timeout(60):
            stop = await replay.wait_stopped()
        assert (stop.kind, stop.ticks) == ("limit", recording.end.ticks)
        assert await replay.digest() == recording.end.digest
        assert replay.console.text == text
        await handset.remove(replay)


async def test_closing_a_handset_ends_all_processes(start: Start) -> None:
    guests = [await start(), await start()]
    pids = [guest.pid for guest in guests]
    await guests[0].handset.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_kernel_for_another_machine_is_refused(handset: Handset, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.elf"
    foreign.write_bytes(elf(code(), machine=62))
    with pytest.raises(ImageError, match=r"foreign\.elf"):
        await handset.start(image_from_files(elf=foreign))
