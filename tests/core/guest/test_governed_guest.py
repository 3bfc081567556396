"""A guest keeps to the policy of its profile: every door to it refuses with a sentence, at once when a policy
comes while it runs, and opens again when it goes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from governing_it import Authority, apply, govern, until

from pocketvisor import moving
from pocketvisor.errors import DebugError, PocketvisorError, ProfileError, Refused
from pocketvisor.guest.governed import IDLE, ORDERED
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState
from pocketvisor.guest.origin import open_origin
from pocketvisor.handset import Handset
from pocketvisor.models import load_models
from pocketvisor.moving import move
from pocketvisor.policies.act import Act
from pocketvisor.policies.applying import deliver
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys, Unlock
from pocketvisor.profile_copies import duplicate, export

Start = Callable[..., Coroutine[Any, Any, Guest]]

FORBIDDING = """
[screen]
screenshots = false
recording = false
[clipboard]
direction = "none"
[debugger]
allowed = false
console = false
[export]
allowed = "no"
clone = false
[handset]
mips = 400
"""


@pytest.fixture(autouse=True)
def _own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def kept(start: Start, tmp_path: Path) -> AsyncIterator[Guest]:
    guest = await start()
    await guest.keep(tmp_path / "phone.vphone")
    yield guest


DOORS: dict[str, Callable[[Guest, Path], Any]] = {
    "screenshot": lambda guest, _: guest.screenshot(),
    "the panel's own screenshot": lambda guest, _: asyncio.to_thread(guest.panel.screenshot),
    "debugger": lambda guest, _: _called(lambda: guest.debugger),
    "state": lambda guest, _: guest.save(),
    "recording": lambda guest, _: guest.recording(),
    "console's text": lambda guest, _: _called(lambda: guest.console.text),
    "console's input": lambda guest, _: _called(lambda: guest.console.write(b"r 0\r")),
    "text that is typed": lambda guest, _: _called(lambda: guest.type_text("offer")),
    "console's words": lambda guest, _: guest.console.expect("#", timeout=1),
    "clone": lambda guest, _: guest.handset.clone(guest),
    "export": lambda guest, folder: asyncio.to_thread(_export, guest, folder),
    "another profile": lambda guest, folder: asyncio.to_thread(_duplicate, guest, folder),
    "a slow handset": lambda guest, _: _move_to(guest, "htc-dream", 200),
}


async def _called(call: Callable[[], object]) -> object:
    return call()


def _export(guest: Guest, folder: Path) -> None:
    assert guest.profile is not None
    export(guest.profile.path, folder / "out.vphone", lambda words, done: None)


def _duplicate(guest: Guest, folder: Path) -> None:
    assert guest.profile is not None
    file = guest.profile.file
    duplicate(file, folder / "copy.vphone", file.head, None, lambda words, done: None)


async def _move_to(guest: Guest, model: str, mips: int) -> None:
    import msgspec

    target = Handset(msgspec.structs.replace(load_models()[model], mips=mips))
    back = guest.handset
    try:
        await move(guest, target)
        await move(guest, back)
    finally:
        await target.close()


@pytest.mark.parametrize("door", DOORS)
async def test_a_door_is_open_without_a_policy_and_shut_with_one(
    kept: Guest, authority: Authority, tmp_path: Path, door: str
) -> None:
    """Each refusal is a sentence that names whose policy it is, and a line of the audit log."""
    if door == "state":
        await kept.pause()
    if door not in ("recording", "console's words"):  # that one was not begun; it has seen its prompt
        made = await DOORS[door](kept, tmp_path)
        if isinstance(made, Guest):
            await kept.handset.remove(made)
    for left in tmp_path.glob("out*"), tmp_path.glob("copy*"):
        for path in left:
            path.unlink()
    assert kept.profile is not None
    await govern(kept, authority.policy(kept.profile.file.id, FORBIDDING))
    guests = list(kept.handset.guests)
    with pytest.raises(Refused, match="Acme's policy"):
        await DOORS[door](kept, tmp_path)
    assert kept.handset.guests == guests
    assert sorted(path.name for path in tmp_path.glob("*.vphone")) == ["phone.vphone"]
    assert kept.governed is not None
    refusals = [line for line in kept.governed.log() if line.what.startswith("refused")]
    assert refusals and "Acme's policy" in refusals[-1].said


async def test_what_goes_on_ends_when_a_policy_forbids_it(kept: Guest, authority: Authority) -> None:
    """A debugger that looks into it, and what its console has said."""
    assert kept.profile is not None
    debugger = kept.debugger
    pc = (await debugger.registers())["pc"]
    debugger.stops.add("execute", 0x40000000)
    timeline = debugger.timeline
    heard: list[bool] = []
    kept.console.on_shut(heard.append)
    await govern(kept, authority.policy(kept.profile.file.id, FORBIDDING))
    await until(lambda: not kept.has_debugger)
    assert heard == [True]
    assert pc and kept.stops == () and kept.state is GuestState.RUNNING
    for held in (debugger.registers, debugger.pause, timeline.start):  # by whoever had it before
        with pytest.raises((DebugError, Refused)):
            await held()
    await apply(kept, authority.policy(kept.profile.file.id))
    await until(lambda: not kept.allows(Act.CONSOLE) and not kept.console.shut)
    assert kept.console.text == b""
    assert heard == [True, False]


async def test_a_virtio_console_that_somebody_has_in_hand_is_shut_like_the_other(
    start: Start, authority: Authority, tmp_path: Path
) -> None:
    guest = await start(parts=("console",))
    await guest.keep(tmp_path / "phone.vphone")
    assert guest.profile is not None
    hvc = guest.hvc
    hvc.write(b"typed before\r")
    await govern(guest, authority.policy(guest.profile.file.id, "[debugger]\nconsole = false\n"))
    for door in (lambda: hvc.write(b"typed after\r"), lambda: hvc.text, lambda: guest.hvc):
        with pytest.raises(Refused, match="console"):
            door()
    with pytest.raises(Refused):
        await hvc.expect("#", timeout=1)
    await apply(guest, authority.policy(guest.profile.file.id))
    await until(lambda: not guest.allows(Act.CONSOLE))
    hvc.write(b"typed again\r")


async def test_a_clone_of_a_governed_guest_is_bound_as_it_is(
    kept: Guest, authority: Authority, tmp_path: Path
) -> None:
    assert kept.profile is not None
    policy = "[export]\nallowed = 'no'\n[screen]\nscreenshots = false\n"
    await govern(kept, authority.policy(kept.profile.file.id, policy))
    clone = await kept.handset.clone(kept)
    with pytest.raises(Refused):
        await clone.screenshot()
    with pytest.raises(Refused):
        await clone.keep(tmp_path / "free.vphone")
    assert not (tmp_path / "free.vphone").exists()


async def test_a_clone_that_waits_for_a_save_asks_again(kept: Guest, authority: Authority) -> None:
    assert kept.profile is not None
    async with kept.capturing:
        cloning = asyncio.create_task(kept.handset.clone(kept))
        await asyncio.sleep(0)
        await govern(kept, authority.policy(kept.profile.file.id, "[export]\nclone = false\n"))
    with pytest.raises(Refused):
        await cloning
    assert kept.handset.guests == [kept]


async def test_it_does_not_start_on_a_handset_that_its_policy_does_not_want(
    kept: Guest, authority: Authority
) -> None:
    assert kept.profile is not None
    handset, path = kept.handset, kept.profile.path
    await govern(kept, authority.policy(kept.profile.file.id, "[handset]\nmips = 100000\n"))
    await kept.suspend()
    await handset.remove(kept)
    with pytest.raises(Refused, match="100000 MIPS"):
        await handset.open_profile(path)
    assert not handset.guests
    with ProfileFile.open(path) as file:  # it was let go of
        assert file.head


async def test_nor_does_what_goes_on_from_one_of_its_generations(kept: Guest, authority: Authority) -> None:
    assert kept.profile is not None
    handset, path = kept.handset, kept.profile.path
    await govern(kept, authority.policy(kept.profile.file.id, "[handset]\nmips = 100000\n"))
    await kept.suspend()
    await handset.remove(kept)
    file, origin = open_origin(path, None, None, False)
    try:
        with pytest.raises(Refused, match="100000 MIPS"):
            await handset.start_from(origin)
        assert not handset.guests
    finally:
        origin.close()
        file.close()


async def test_a_move_that_waits_for_room_asks_again(
    kept: Guest, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kept.profile is not None
    profile = kept.profile.file.id

    async def made_room(*_: object) -> None:
        await govern(kept, authority.policy(profile, "[handset]\nmips = 400\n"))

    monkeypatch.setattr(moving, "_make_room", made_room)
    with pytest.raises(Refused, match="400 MIPS"):
        await _move_to(kept, "htc-dream", 200)
    assert kept.handset.guests == [kept] and kept.state is GuestState.RUNNING


async def test_an_order_locks_it_where_it_stands_and_lets_it_go_on(kept: Guest, authority: Authority) -> None:
    assert kept.profile is not None
    profile = kept.profile.file.id
    await govern(kept, authority.policy(profile))
    await apply(kept, authority.order(profile, "lock", "lost in a train"))
    await until(lambda: kept.lock is not None)
    assert kept.lock is not None and kept.lock.kind == ORDERED
    assert "lost in a train" in kept.locked
    await until(lambda: kept.state is GuestState.PAUSED)
    ticks = kept.ticks
    for door in (kept.resume, kept.reset, kept.screenshot, kept.unlock):
        with pytest.raises(Refused, match="lost in a train"):
            await door()
    assert kept.ticks == ticks
    assert kept.governed is not None
    lines = await asyncio.to_thread(kept.governed.log)
    refused = [(line.what, line.said) for line in lines if line.what.startswith("refused")]
    assert [what for what, _ in refused] == ["refused: run"] * 2 + ["refused: screenshot", "refused: run"]
    assert all("lost in a train" in said for _, said in refused)
    await kept.snapshot()  # it is saved all the same
    await apply(kept, authority.order(profile, "unlock"))
    await until(lambda: kept.state is GuestState.RUNNING)
    assert not kept.locked
    await kept.screenshot()


async def test_one_that_is_locked_does_not_start(kept: Guest, authority: Authority) -> None:
    assert kept.profile is not None
    handset, path, profile = kept.handset, kept.profile.path, kept.profile.file.id
    await govern(kept, authority.policy(profile))
    await kept.suspend()
    await handset.remove(kept)
    deliver(authority.order(profile, "lock"), profile)
    with pytest.raises(Refused, match="locked"):
        await handset.open_profile(path)
    deliver(authority.order(profile, "unlock"), profile)
    guest = await handset.open_profile(path)
    assert guest.state is GuestState.RUNNING


async def test_a_wipe_ends_it_and_leaves_nothing_that_opens(kept: Guest, authority: Authority) -> None:
    assert kept.profile is not None
    path, profile = kept.profile.path, kept.profile.file.id
    await govern(kept, authority.policy(profile))
    await apply(kept, authority.order(profile, "wipe", "it was stolen"))
    await until(lambda: kept.state is GuestState.OFF and kept.governed is not None and kept.governed.wiped)
    assert kept.pid == 0 or not Path(f"/proc/{kept.pid}").exists()
    assert "stolen" in kept.locked
    handset = kept.handset
    await handset.remove(kept)
    with pytest.raises(ProfileError, match=r"is empty: .* had this phone wiped: it was stolen"):
        await handset.open_profile(path)


async def test_nothing_of_one_that_was_wiped_is_left_here(kept: Guest, authority: Authority) -> None:
    """Neither what it had in memory nor what it showed and said; nor is it saved again from that."""
    assert kept.profile is not None
    profile = kept.profile.file.id
    assert kept.console.text and kept.ram is not None
    kept.panel.buffer[:4] = b"\1\2\3\4"
    kept.handset.clipboard.copied(kept, "an offer")
    await govern(kept, authority.policy(profile))
    await apply(kept, authority.order(profile, "wipe"))
    await until(lambda: kept.governed is not None and kept.governed.wiped)
    assert kept.ram is None
    assert not any(kept.panel.buffer)
    assert kept.handset.clipboard.text == "" and kept.handset.clipboard.source is None
    with pytest.raises(PocketvisorError):
        await kept.snapshot()
    await apply(kept, authority.order(profile, "unlock"))
    await until(lambda: not kept.locked)
    assert kept.console.text == b""
    with pytest.raises(PocketvisorError):
        await kept.snapshot()


async def test_a_mistake_in_a_look_keeps_no_order_from_coming(
    kept: Guest, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kept.profile is not None
    looked = asyncio.Event()

    def mistaken(*_: object) -> None:
        looked.set()
        raise ZeroDivisionError

    monkeypatch.setattr(kept, "watch", mistaken)
    monkeypatch.setattr(kept.handset.power, "look", mistaken)
    async with asyncio.timeout(15):
        await looked.wait()
    profile = kept.profile.file.id
    await govern(kept, authority.policy(profile))
    await apply(kept, authority.order(profile, "lock"))
    await until(lambda: bool(kept.locked))


async def test_what_stood_still_for_a_moment_when_it_was_locked_goes_on_with_the_unlock(
    kept: Guest, authority: Authority
) -> None:
    """For a save, a comparison, a move that came to nothing: none of that was its user's wish."""
    assert kept.profile is not None
    profile = kept.profile.file.id
    await govern(kept, authority.policy(profile))
    await kept.pause()
    await apply(kept, authority.order(profile, "lock"))
    await until(lambda: bool(kept.locked))
    await kept.go_on()
    assert kept.state is GuestState.PAUSED
    await apply(kept, authority.order(profile, "unlock"))
    await until(lambda: kept.state is GuestState.RUNNING)


async def test_a_computer_that_sleeps_leaves_its_phones_idle(
    kept: Guest, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kept.profile is not None
    await govern(kept, authority.policy(kept.profile.file.id, "[lock]\nidle_minutes = 5\n"))
    kept.used()
    real = time.clock_gettime
    asleep = {time.CLOCK_BOOTTIME: 3600.0}  # and no other clock has gone on
    monkeypatch.setattr(time, "clock_gettime", lambda clock: real(clock) + asleep.get(clock, 0.0))
    await until(lambda: kept.lock is not None and kept.lock.kind == IDLE)


async def test_idle_it_is_locked_and_runs_on_and_its_passphrase_opens_it(
    start: Start, authority: Authority, tmp_path: Path
) -> None:
    """What is touched and typed meanwhile does not reach it."""
    guest = await start()
    await guest.keep(tmp_path / "sealed.vphone", keys=NewKeys(passphrase="correct horse"))
    assert guest.profile is not None
    await govern(guest, authority.policy(guest.profile.file.id, "[lock]\nidle_minutes = 5\n"))
    guest.used()
    later = guest.used_at + 5 * 60 + 1  # a sum of fractions may be a little less than it is

    def kept_in_order() -> bool:
        guest.keep_order(later)
        return guest.lock is not None

    await until(kept_in_order)
    assert guest.lock is not None and guest.lock.kind == IDLE
    assert guest.state is GuestState.RUNNING
    assert not guest.used()
    with pytest.raises(Refused):
        await guest.screenshot()
    for wrong in (None, Unlock(passphrase="wrong")):
        with pytest.raises(ProfileError):
            await guest.unlock(wrong)
    assert guest.locked
    await guest.unlock(Unlock(passphrase="correct horse"))
    assert not guest.locked
    await guest.screenshot()


async def test_no_thumbnail_is_kept_where_there_are_no_screenshots(kept: Guest, authority: Authority) -> None:
    """And each generation carries what governs it, so that none of them is free."""
    assert kept.profile is not None and kept.governed is None
    await govern(kept, authority.policy(kept.profile.file.id, "[screen]\nscreenshots = false\n"))
    generation = await kept.snapshot()
    manifest = kept.profile.file.manifest(generation.number)
    assert manifest.thumbnail == b""
    assert kept.governed is not None
    assert manifest.policy == kept.governed.document != b""
