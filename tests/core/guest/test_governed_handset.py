"""A policy asks for another handset than the one that the guest runs on: it stands still there, and a move to
one that fits is the way out, and opens nothing that is shut for another reason."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
from governing_it import Authority, apply, govern, until

from pocketvisor.errors import ProfileError, Refused
from pocketvisor.guest.governed import IDLE, MISPLACED, ORDERED
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState
from pocketvisor.handset import Handset
from pocketvisor.models import load_models
from pocketvisor.moving import move
from pocketvisor.policies.act import Act
from pocketvisor.policies.applying import deliver
from pocketvisor.policies.governed import Governed
from pocketvisor.policies.store import AuditHead, GovernanceStore
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys, Unlock

Start = Callable[..., Coroutine[Any, Any, Guest]]

STRONG = "[handset]\nmips = 100000\n"


@pytest.fixture(autouse=True)
def _own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def kept(start: Start, tmp_path: Path) -> Guest:
    guest = await start()
    await guest.keep(tmp_path / "phone.vphone", keys=NewKeys(passphrase="correct horse"))
    return guest


@pytest.fixture
async def fitting() -> AsyncIterator[Handset]:
    handset = Handset(msgspec.structs.replace(load_models()["nexus-one"], mips=100_000))
    yield handset
    await handset.close()


async def _misplaced(guest: Guest) -> None:
    await until(lambda: guest.lock is not None and guest.lock.kind == MISPLACED)


def _profile(guest: Guest) -> bytes:
    assert guest.profile is not None
    return guest.profile.file.id


async def test_it_stands_still_and_says_what_to_do(kept: Guest, authority: Authority) -> None:
    """And one line of the audit log says so, however often it is looked at."""
    await govern(kept, authority.policy(_profile(kept), STRONG))
    await _misplaced(kept)
    await until(lambda: kept.state is GuestState.PAUSED)
    assert kept.locked == (
        f"Acme's policy asks for a handset of at least 100000 MIPS: {kept.handset.model.name} has "
        f"{kept.handset.model.mips}. It stands still until it is moved to one that fits"
    )
    assert kept.governed is not None
    lines = [line for line in await asyncio.to_thread(kept.governed.log) if line.what == "refused: run"]
    assert [(line.said, line.more) for line in lines] == [(kept.locked, {"model": kept.handset.model.id})]
    ticks = kept.ticks
    for door in (kept.resume, kept.reset, kept.screenshot, kept.unlock, lambda: kept.handset.clone(kept)):
        with pytest.raises(Refused, match="moved to one that fits"):
            await door()
    assert not kept.used(), "what is touched does not reach it"
    assert kept.ticks == ticks
    await kept.snapshot()  # it is saved all the same


async def test_a_move_to_a_handset_that_fits_is_possible_and_it_goes_on(
    kept: Guest, authority: Authority, fitting: Handset
) -> None:
    await govern(kept, authority.policy(_profile(kept), STRONG))
    await _misplaced(kept)
    weak = Handset(load_models()["htc-dream"])
    assert not kept.allows(Act.MOVE, model=fitting.model)
    with pytest.raises(Refused, match=f"{re.escape(weak.model.name)} has"):
        await move(kept, weak)
    await weak.close()
    await move(kept, fitting)
    await until(lambda: kept.state is GuestState.RUNNING and kept.lock is None and not kept.console.shut)
    kept.console.write(b"x")
    await kept.console.expect("^x", timeout=20)


async def test_one_that_its_user_has_paused_stays_so(
    kept: Guest, authority: Authority, fitting: Handset
) -> None:
    await kept.pause()
    await govern(kept, authority.policy(_profile(kept), STRONG))
    await _misplaced(kept)
    await move(kept, fitting)
    await until(lambda: kept.lock is None)
    assert kept.state is GuestState.PAUSED
    await kept.resume()


async def test_a_policy_that_asks_for_less_lets_it_go_on(kept: Guest, authority: Authority) -> None:
    profile = _profile(kept)
    await govern(kept, authority.policy(profile, STRONG))
    await _misplaced(kept)
    await apply(kept, authority.policy(profile))
    await until(lambda: kept.state is GuestState.RUNNING and kept.lock is None)


async def test_a_policy_that_comes_while_it_moves_counts_where_it_arrives(
    kept: Guest, authority: Authority
) -> None:
    """The last look is before its process changes: the policy may come after that."""
    weak = Handset(load_models()["htc-dream"])
    profile, at = _profile(kept), weak.model.mips + 1
    await govern(kept, authority.policy(profile))
    real = kept.change_process

    async def change_process(model: Any) -> Any:
        await apply(kept, authority.policy(profile, f"[handset]\nmips = {at}\n"))
        return await real(model)

    kept.change_process = change_process  # type: ignore[method-assign]
    home = kept.handset
    await move(kept, weak)
    await _misplaced(kept)
    await until(lambda: kept.state is GuestState.PAUSED)
    await move(kept, home)
    await until(lambda: kept.state is GuestState.RUNNING and kept.lock is None)
    await weak.close()


async def test_an_order_comes_first_and_its_unlock_leaves_it_where_it_may_not_run(
    kept: Guest, authority: Authority, fitting: Handset
) -> None:
    profile = _profile(kept)
    await govern(kept, authority.policy(profile, STRONG))
    await _misplaced(kept)
    await apply(kept, authority.order(profile, "lock", "lost in a train"))
    await until(lambda: kept.lock is not None and kept.lock.kind == ORDERED)
    with pytest.raises(Refused, match="lost in a train"):
        await move(kept, fitting)
    await apply(kept, authority.order(profile, "unlock"))
    await _misplaced(kept)
    assert kept.state is GuestState.PAUSED


@pytest.mark.parametrize("stopped_by", ["order", "handset"])
async def test_what_stood_still_meanwhile_is_opened_by_its_passphrase_as_before(
    kept: Guest, authority: Authority, fitting: Handset, stopped_by: str
) -> None:
    """Nobody had used it for a while: neither a move nor the end of an order is its user."""
    profile = _profile(kept)
    idle = "[lock]\nidle_minutes = 5\n"
    await govern(kept, authority.policy(profile, idle))
    kept.used()
    later = kept.used_at + 5 * 60 + 1  # a sum of fractions may be a little less than it is

    def locked() -> bool:
        kept.keep_order(later)
        return kept.lock is not None and kept.lock.kind == IDLE

    await until(locked)
    if stopped_by == "order":
        await apply(kept, authority.order(profile, "lock"))
        await until(lambda: kept.lock is not None and kept.lock.kind == ORDERED)
        await apply(kept, authority.order(profile, "unlock"))
    else:
        await apply(kept, authority.policy(profile, idle + STRONG))
        await _misplaced(kept)
        await move(kept, fitting)
    await until(lambda: kept.lock is not None and kept.lock.kind == IDLE)
    await until(lambda: kept.state is GuestState.RUNNING)
    with pytest.raises(Refused):
        await kept.screenshot()
    with pytest.raises(ProfileError):
        await kept.unlock(Unlock(passphrase="wrong"))
    await kept.unlock(Unlock(passphrase="correct horse"))
    await kept.screenshot()


async def test_time_in_which_it_stood_still_is_time_without_its_user(
    kept: Guest, authority: Authority, fitting: Handset
) -> None:
    kept.used()
    await govern(kept, authority.policy(_profile(kept), "[lock]\nidle_minutes = 5\n" + STRONG))
    await _misplaced(kept)
    later = kept.used_at + 5 * 60 + 1  # a sum of fractions may be a little less than it is
    await move(kept, fitting)

    def locked() -> bool:
        kept.keep_order(later)
        return kept.lock is not None and kept.lock.kind == IDLE

    await until(locked)
    await until(lambda: kept.state is GuestState.RUNNING)


async def test_a_policy_that_comes_during_a_look_is_seen_by_one_that_is_asked_for_then(
    kept: Guest, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, real = asyncio.get_running_loop(), Governed.of_file
    document = authority.policy(_profile(kept))

    def heed() -> None:
        kept.look_for_governor()
        kept.keep_order()

    def of_file(file: ProfileFile) -> Governed | None:
        found = real(file)
        if found is None:  # and now it comes
            deliver(document, file.id, file=file)
            loop.call_soon_threadsafe(heed)
        return found

    monkeypatch.setattr(Governed, "of_file", of_file)
    heed()
    assert kept._keeping_order is not None
    await kept._keeping_order
    assert kept.governed is not None


async def test_a_policy_that_comes_in_the_same_moment_as_something_else_is_found(
    kept: Guest, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system tells times by ticks of some milliseconds: what its handset sees looks no different."""
    store = GovernanceStore()
    store.set_audit_head(bytes(16), AuditHead(1, 1, bytes(32)))
    before = store.path.stat()
    monkeypatch.setattr(time, "time_ns", lambda: before.st_mtime_ns + 1_000_000)
    kept.handset._look_for_policies()
    await until(lambda: not kept._looks)
    assert kept.profile is not None
    deliver(authority.policy(_profile(kept)), _profile(kept), file=kept.profile.file)
    os.utime(store.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.path.stat().st_size == before.st_size
    await until(lambda: kept.governed is not None)
