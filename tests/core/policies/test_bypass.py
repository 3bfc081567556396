"""A hundred ways around a policy, of more than twenty kinds: none succeeds, and each does without the policy.

The ways are in bypass_*.py. What they may meet is a sentence of the product's, never what they were after.
"""

import asyncio
import os
import shutil
import time
import zoneinfo
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import bypass_clipboard
import bypass_documents
import bypass_files
import bypass_guests
import bypass_inside
import bypass_locked
import bypass_time
import passt_here
import pytest
from bypass import KINDS, LOCK, Kind, Scene, handset, succeeded, user_it
from monitor import write_elf
from policy_kit import IT, HandClock
from profiles_made import add_generation, make_profile

from pocketvisor.control.server import WorkbenchServer, socket_path
from pocketvisor.errors import PocketvisorError
from pocketvisor.guest.options import RunOptions
from pocketvisor.images.catalogue import image_from_files
from pocketvisor.network.spec import network_spec
from pocketvisor.policies.authority import AuthorityKey
from pocketvisor.policies.clock import SystemClock
from pocketvisor.policies.store import GovernanceStore
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import Unlock
from pocketvisor.services.workbench import WorkbenchService

assert (
    all(part.__doc__ for part in (bypass_time, bypass_guests, bypass_inside, bypass_locked))
    and bypass_clipboard.copying.attempts
)


@pytest.fixture(autouse=True)
def _own_computer(tmp_path: Path, short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("DATA_HOME", "CONFIG_HOME"):
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setenv(f"XDG_{name}", str(tmp_path / name))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_folder))
    monkeypatch.setenv("TZ", os.environ.get("TZ", "UTC"))
    monkeypatch.setenv("PYTHONTZPATH", "")
    yield
    monkeypatch.undo()  # and what read the zones from there reads them again
    time.tzset()
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


@asynccontextmanager
async def scene_of(kind: Kind, governed: bool, tmp: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    clock = HandClock() if kind.clock else SystemClock()
    if kind.clock:
        patch.setattr(SystemClock, "wall_ns", lambda _: clock.wall_ns())
        patch.setattr(SystemClock, "up_ns", lambda _: clock.up_ns())
        patch.setattr(SystemClock, "boot", lambda _: clock.boot())
    folder = tmp / "DATA_HOME" / "pocketvisor"
    folder.mkdir()
    it = IT(folder, AuthorityKey.new(), clock)
    scene = Scene(tmp, governed, it, user_it(folder, clock), tmp / "work.vphone", b"", kind.passphrase)
    if kind.guest:
        async with _running(scene, kind):
            await _governed(scene, kind)
            yield scene
    else:
        with make_profile(scene.path, "one", "two", passphrase=kind.passphrase) as file:
            scene.profile = file.id
        await _governed(scene, kind)
        yield scene


@asynccontextmanager
async def _running(scene: Scene, kind: Kind) -> AsyncIterator[None]:
    scene.handset, scene.other = handset(), handset(name="Other")
    both = [scene.handset, scene.other]
    server = WorkbenchServer(WorkbenchService(lambda: both, dict), socket_path())
    await server.open()
    try:
        image = image_from_files(elf=write_elf(scene.folder), name="Monitor", ram_mib=16)
        network = network_spec("none") if kind.network else None
        options = RunOptions(network=network, media=True, phone=True)
        scene.one = await scene.handset.start(image, name="Work", options=options)
        await scene.one.console.expect("^# ", timeout=30)
        await scene.one.keep(scene.path)
        assert scene.one.profile is not None
        scene.profile = scene.one.profile.file.id
        yield
    finally:
        await server.close()
        for each in both:
            await each.close()


async def _governed(scene: Scene, kind: Kind) -> None:
    """First a policy that forbids nothing, then the one that does; and what the user keeps meanwhile."""
    if kind.guest:
        scene.held["never"] = scene.new("never.vphone")
        await asyncio.to_thread(shutil.copy, scene.path, scene.held["never"])
    else:
        bypass_files.hold_files(scene)
    if not kind.clock:
        bypass_documents.hold_documents(scene)
    if kind.before is not None:
        await kind.before(scene)
    if scene.governed:
        locked = kind.sections == LOCK
        first = scene.held.get("policy 1") or scene.it.policy(scene.profile, 1)
        second = scene.it.policy(scene.profile, 2, kind.sections, kind.header)
        scene.held["policy 2"] = second
        await _bring(scene, first)
        if not kind.guest:
            bypass_files.hold_older(scene)
            with ProfileFile.open(scene.path) as file:
                if kind.passphrase is not None:
                    file.unlock(Unlock(passphrase=kind.passphrase))
                add_generation(file, "three")
        await _bring(scene, second)
        if locked:
            for held in ("unlock 1", "check-in 2", "lock 3"):
                await _bring(scene, scene.held[held])
    elif not kind.guest:
        bypass_files.hold_older(scene)
    if kind.clock:
        scene.it.clock.passes(10)


async def _bring(scene: Scene, document: bytes) -> None:
    if scene.one is None:
        with ProfileFile.open(scene.path) as file:
            if scene.passphrase is not None:
                file.unlock(Unlock(passphrase=scene.passphrase))
            scene.it.deliver(document, file)
        return
    profile = scene.one.profile
    assert profile is not None
    await asyncio.to_thread(scene.it.deliver, document, profile.file)
    kept = await asyncio.to_thread(GovernanceStore().kept, scene.profile)
    assert kept is not None
    known = False
    async with asyncio.timeout(60):
        while not known:  # a look that finds somebody writing to the store holds to what it knew
            known = scene.one.governed is not None and scene.one.governed.document == kept.carried
            scene.one.look_for_governor()
            scene.one.keep_order()
            task = scene.one._keeping_order
            assert task is not None
            await task


@pytest.mark.parametrize("name", KINDS)
async def test_none_of_this_kind_succeeds(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene_of(KINDS[name], True, tmp_path, monkeypatch) as scene:
        for what, attempt in KINDS[name].attempts:
            got, sentence = await succeeded(scene, attempt)
            assert not got, f"{name}: {what}"
            print(f"{what}: {sentence}")


@pytest.mark.parametrize("name", KINDS)
async def test_each_succeeds_without_the_policy(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene_of(KINDS[name], False, tmp_path, monkeypatch) as scene:
        failed = []
        for what, attempt in KINDS[name].attempts:
            got, sentence = await succeeded(scene, attempt)
            if not got and not passt_here.unfit(sentence):
                failed.append(f"{what}: {sentence}")
            try:
                await scene.tidy()
            except PocketvisorError as error:
                failed.append(f"after {what}: {error}")
        assert not failed, failed


def test_there_are_enough_of_them() -> None:
    assert len(KINDS) >= 20
    assert sum(len(kind.attempts) for kind in KINDS.values()) >= 100
    assert all(len({name for name, _ in kind.attempts}) == len(kind.attempts) for kind in KINDS.values())
