"""A guest in its profile: saved while it runs, brought back in another process, cloned; nothing is lost."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.api import (
    Guest,
    GuestError,
    GuestState,
    Handset,
    LockedProfile,
    NetworkSpec,
    NewKeys,
    OutOfMemory,
    ProfileError,
    Unlock,
    load_models,
    move,
)
from pocketvisor.guest.spaces import SpaceWriter

Start = Callable[..., Any]


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger is this test's own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "phone.vphone"


async def _types(guest: Guest, text: str) -> None:
    """Keys that are commands (q, r, s, f, t, u) go as capitals, which are not."""
    for command in "qrsftu":
        text = text.replace(command, command.upper())
    guest.console.write(text.encode())
    await guest.console.expect(text, timeout=60)


async def _alike(guest: Guest, digest: str, ticks: int) -> None:
    assert (await guest.digest(), guest.ticks) == (digest, ticks)


async def test_it_goes_on_from_its_file_in_another_process(
    start: Start, handset: Handset, file: Path
) -> None:
    guest = await start()
    guest.console.write(b"t")  # it writes 1 MiB
    await _types(guest, "hel")
    first = await guest.keep(file, name="in the midst")
    assert (first.number, first.name) == (1, "in the midst")
    assert guest.profile is not None and guest.profile.generation == 1 and not guest.profile.saving
    assert guest.state is GuestState.RUNNING
    await guest.suspend()
    assert (guest.state, guest.pid) == (GuestState.OFF, 0)
    digest, ticks = await guest.digest(), guest.ticks
    await handset.remove(guest)
    assert os.listdir(file.parent).count(file.name) == 1 and not list(file.parent.glob("*-wal"))
    again = await handset.open_profile(file, paused=True)
    assert again.name == "Monitor" and again.profile is not None and again.profile.generation == 2
    assert 0 < time.time_ns() - again.profile.saved_ns < 60 * 10**9, "when it was suspended"
    await _alike(again, digest, ticks)
    await again.resume()
    again.console.write(b"lo\r")
    await again.console.expect("^lo\n# ", timeout=60)


async def test_snapshots_are_a_tree_that_is_gone_back_in(start: Start, file: Path) -> None:
    guest = await start()
    await guest.keep(file)
    await _types(guest, "one")
    one = await guest.snapshot("one")
    guest.console.write(b"t")
    await _types(guest, "two")
    two = await guest.snapshot("two")
    pid = guest.pid
    await guest.restore(one.number, paused=True)
    assert guest.pid not in (0, pid) and guest.profile is not None
    digest, ticks = await guest.digest(), guest.ticks
    await guest.resume()
    other = await guest.snapshot("another two")
    assert [(each.number, each.parent) for each in guest.profile.file.generations()][1:] == [
        (one.number, 1),
        (two.number, one.number),
        (other.number, one.number),
    ]
    await guest.restore(one.number, paused=True)
    await _alike(guest, digest, ticks)


async def test_what_was_not_saved_is_lost_and_nothing_else(start: Start, file: Path) -> None:
    guest = await start()
    await _types(guest, "kept")
    await guest.keep(file)
    await guest.pause()
    digest = await guest.digest()
    await guest.resume()
    guest.console.write(b"t")
    await _types(guest, "lost")
    await guest.pause()
    assert await guest.digest() != digest
    await guest.restore(1, paused=True)
    assert await guest.digest() == digest


async def test_another_generation_costs_what_has_changed(start: Start, file: Path) -> None:
    guest = await start()
    guest.console.write(b"t")
    await guest.keep(file)
    pauses = []
    for _ in range(4):
        another = await guest.snapshot()
        assert another.added < 128 << 10
        assert guest.profile is not None and guest.profile.last is not None
        pauses.append(guest.profile.last.pause_ms)
    assert min(pauses) < 100, "it stands still no longer than that, unless it stands in line for a processor"


async def test_a_guest_that_was_off_is_switched_on(start: Start, handset: Handset, file: Path) -> None:
    guest = await start()
    await guest.power_off()
    generation = await guest.keep(file)
    assert generation.kind == "off"
    await handset.remove(guest)
    image = guest.image.main_file
    image.unlink()  # it is in the profile
    again = await handset.open_profile(file)
    await again.console.expect("monitor ready", timeout=60)
    await again.reset()
    await again.console.expect("monitor ready", timeout=60)


async def test_a_restored_guest_is_reset_from_the_files_in_its_profile(
    start: Start, handset: Handset, file: Path
) -> None:
    guest = await start()
    await guest.keep(file)
    await handset.remove(guest)
    guest.image.main_file.unlink()
    again = await handset.open_profile(file)
    again.console.write(b"r")
    await again.console.expect("monitor ready", timeout=60)
    assert again.state is GuestState.RUNNING


async def test_a_sealed_profile_wants_its_passphrase(start: Start, handset: Handset, file: Path) -> None:
    guest = await start()
    await guest.keep(file, keys=NewKeys(passphrase="correct horse"))
    await handset.remove(guest)
    for unlock in (None, Unlock(passphrase="wrong")):
        with pytest.raises(LockedProfile):
            await handset.open_profile(file, unlock=unlock)
        assert handset.guests == []
    again = await handset.open_profile(file, unlock=Unlock(passphrase="correct horse"))
    assert again.state is GuestState.RUNNING


async def test_a_file_that_is_behind_what_was_seen_here_is_refused(
    start: Start, handset: Handset, file: Path, tmp_path: Path
) -> None:
    guest = await start()
    await guest.keep(file)
    await guest.suspend()
    await handset.remove(guest)
    older = tmp_path / "older.vphone"
    older.write_bytes(file.read_bytes())
    newer = await handset.open_profile(file)
    await newer.snapshot()
    await handset.remove(newer)
    with pytest.raises(ProfileError, match="older copy"):
        await handset.open_profile(older)
    taken = await handset.open_profile(older, accept_older=True)
    assert taken.state is GuestState.RUNNING


async def test_a_strangers_phone_has_its_network_cable_out(
    start: Start, handset: Handset, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = await start(network=NetworkSpec(mode="switch", switch="home"))
    await guest.keep(file)
    await handset.remove(guest)
    known = await handset.open_profile(file)
    assert known.network is not None and known.network.state.mode == "switch"
    await handset.remove(known)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "another computer"))
    notes: list[str] = []
    strange = await handset.open_profile(file, on_guest=lambda guest: guest.on("event", notes.append))
    assert strange.network is not None and strange.network.state.mode == "none"
    assert any("network cable out" in note for note in notes)


async def test_two_do_not_run_from_one_file(start: Start, handset: Handset, file: Path) -> None:
    guest = await start()
    await guest.keep(file)
    with pytest.raises(ProfileError):
        await handset.open_profile(file)
    assert handset.guests == [guest]


async def test_autosaves_come_by_themselves_and_the_oldest_go(start: Start, file: Path) -> None:
    guest = await start()
    await guest.keep(file)
    profile = guest.profile
    assert profile is not None
    with pytest.raises(ProfileError, match="every second at most"):
        guest.set_autosave(0.1)
    saved = asyncio.Event()
    guest.on("profile", lambda: saved.set() if profile.generation >= 3 else None)
    guest.set_autosave(1.0)
    async with asyncio.timeout(60):
        await saved.wait()
    guest.set_autosave(None)
    assert profile.saved_ns > time.time_ns() - 60_000_000_000
    for _ in range(12):
        await profile.save("autosave")
    await asyncio.to_thread(profile.thin)
    kinds = [each.kind for each in profile.file.generations()]
    assert kinds.count("autosave") == 10 and kinds.count("snapshot") == 1


async def test_autosaves_that_end_while_the_oldest_go_let_the_next_save_wait(
    start: Start, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are work on one file, in two threads."""
    guest = await start()
    await guest.keep(file)
    profile = guest.profile
    assert profile is not None
    reached, gate = threading.Event(), threading.Event()

    def slowly() -> None:
        reached.set()
        assert gate.wait(60)

    monkeypatch.setattr(profile, "thin", slowly)
    guest.set_autosave(1.0)
    try:
        assert await asyncio.to_thread(reached.wait, 60)
        guest.set_autosave(None)
        saving = asyncio.ensure_future(profile.save("snapshot"))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not profile.saving
    finally:
        gate.set()
    await saving


async def test_a_save_that_fails_leaves_the_guest_running_and_says_why(
    start: Start, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = await start()
    await guest.keep(file)
    profile = guest.profile
    assert profile is not None

    def fails(*_: object) -> None:
        raise ProfileError("there is no room")

    guest.console.write(b"t")
    await _types(guest, "x")
    with monkeypatch.context() as patch:
        patch.setattr(profile.file, "begin", fails)
        with pytest.raises(ProfileError, match="no room"):
            await guest.suspend()
    assert guest.state is GuestState.RUNNING and profile.problem == "there is no room"
    await guest.suspend()  # what was dirty is saved by the next one
    digest = await guest.digest()
    await guest.restore(profile.generation, paused=True)
    assert await guest.digest() == digest


async def test_what_was_written_before_a_clone_is_in_the_next_generation(start: Start, file: Path) -> None:
    """The dirty log is told once: whoever takes it hands it on."""
    guest = await start()
    await guest.keep(file)
    guest.console.write(b"t")
    await _types(guest, "x")
    phone = Handset(load_models()["galaxy-s2"])
    try:
        await phone.clone(guest)
        await guest.pause()
        digest = await guest.digest()
        generation = await guest.snapshot()
        await guest.restore(generation.number, paused=True)
        assert await guest.digest() == digest
    finally:
        await phone.close()


@pytest.mark.parametrize("what", ["move", "reset", "clone"])
async def test_no_other_process_begins_in_the_midst_of_a_save(
    start: Start, file: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """It would overwrite what is being saved, and keep nothing of it."""
    guest = await start()
    await guest.keep(file)
    guest.console.write(b"t")
    await _types(guest, "x")
    reached, gate = threading.Event(), threading.Event()
    writes = SpaceWriter.ram

    def slowly(writer: SpaceWriter, capture: Any, changed: bytes | None) -> None:
        reached.set()
        assert gate.wait(60)
        writes(writer, capture, changed)

    monkeypatch.setattr(SpaceWriter, "ram", slowly)
    phone = Handset(load_models()["galaxy-s2"])
    try:
        saving = asyncio.ensure_future(guest.snapshot())
        assert await asyncio.to_thread(reached.wait, 60)
        works = {
            "move": lambda: move(guest, phone),
            "reset": guest.reset,
            "clone": lambda: phone.clone(guest),
        }
        other = asyncio.ensure_future(works[what]())
        done, _ = await asyncio.wait([other], timeout=0.5)
        assert not done and not saving.done()
        gate.set()
        generation = await saving
        await other
        assert guest.profile is not None and guest.profile.file.verify() == []
        await guest.restore(generation.number, paused=True)
    finally:
        gate.set()
        await phone.close()


async def test_a_guest_whose_process_was_killed_comes_back_from_its_profile(start: Start, file: Path) -> None:
    guest = await start()
    guest.console.write(b"t")
    await _types(guest, "before")
    await guest.keep(file)
    await guest.pause()
    digest = await guest.digest()
    await guest.resume()
    await _types(guest, "after")
    changed = asyncio.Event()
    guest.on("state", changed.set)
    os.kill(guest.pid, signal.SIGKILL)
    async with asyncio.timeout(60):
        while guest.state is not GuestState.CRASHED:
            changed.clear()
            await changed.wait()
    await guest.restore(1, paused=True)
    assert await guest.digest() == digest
    await guest.resume()
    await _types(guest, "again")


async def test_a_generation_is_whole_though_the_guest_dies_meanwhile(start: Start, file: Path) -> None:
    """What was captured is saved behind its back, whatever becomes of it."""
    guest = await start()
    await guest.keep(file)
    guest.console.write(b"t")
    await _types(guest, "x")
    saving = asyncio.ensure_future(guest.snapshot("last words"))
    begun = asyncio.Event()
    guest.on("profile", begun.set)
    await begun.wait()
    os.kill(guest.pid, signal.SIGKILL)
    try:
        generation = await saving
    except GuestError:
        return  # it died before it was captured, and that was said
    assert guest.profile is not None
    assert guest.profile.file.verify() == []
    await guest.restore(generation.number)
    assert guest.state is GuestState.RUNNING


async def test_a_profile_that_cannot_be_made_leaves_no_file(start: Start, tmp_path: Path) -> None:
    guest = await start()
    with pytest.raises(ProfileError):
        await guest.keep(tmp_path / "no" / "folder" / "x.vphone")
    assert guest.profile is None and guest.state is GuestState.RUNNING
    with pytest.raises(ProfileError, match="not kept in a profile"):
        await guest.snapshot()


async def test_clones_share_memory_and_go_their_own_ways(start: Start) -> None:
    guest = await start()
    guest.console.write(b"t")
    await _types(guest, "shared")
    phone = Handset(load_models()["galaxy-s2"])
    try:
        clones = [await phone.clone(guest) for _ in range(3)]
        for number, clone in enumerate([guest, *clones]):
            await _types(clone, f"{number}" * 3)
        await asyncio.gather(*(clone.pause() for clone in clones))
        digests = {await clone.digest() for clone in clones}
        assert len({clone.pid for clone in clones} | {guest.pid}) == 4
        assert len(digests) >= 1
        for clone in clones:
            assert clone.ram is not None and clone.ram.layers
        await guest.handset.remove(guest)
        await clones[0].resume()
        await _types(clones[0], "still here")
        await clones[0].reset()  # from the image, as its origin would be
        await clones[0].console.expect("monitor ready", timeout=60)
    finally:
        await phone.close()


async def test_a_clone_of_a_clone_is_as_it_was(start: Start) -> None:
    guest = await start()
    guest.console.write(b"t")
    await _types(guest, "a")
    phone = Handset(load_models()["galaxy-s2"])
    try:
        await guest.pause()
        digest = await guest.digest()
        child = await phone.clone(guest)
        grandchild = await phone.clone(child)
        assert child.state is grandchild.state is GuestState.PAUSED
        assert [await each.digest() for each in (child, grandchild, guest)] == [digest] * 3
        await grandchild.resume()
        await _types(grandchild, "b")
        assert await child.digest() == digest
    finally:
        await phone.close()


async def test_a_clone_that_does_not_fit_is_refused(start: Start, handset: Handset) -> None:
    guest = await start()
    while handset.ram_free_mib >= guest.ram_mib:
        await handset.clone(guest)
    with pytest.raises(OutOfMemory):
        await handset.clone(guest)
    await _types(guest, "x")
