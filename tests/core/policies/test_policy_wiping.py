"""A wipe ordered by who governs: begun means done, whatever is killed in between."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from policy_kit import IT

from pocketvisor.errors import LockedProfile
from pocketvisor.policies.act import Act
from pocketvisor.policies.clock import SystemClock
from pocketvisor.policies.governed import Governed
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys, Unlock

SECRET = b"the secret of the work phone " * 200


def saved(file: ProfileFile, policy: bytes) -> None:
    with file.begin(0) as saving:
        space = saving.space("state", len(SECRET), 4096, None, None, lambda at: SECRET[at * 4096 :][:4096])
        saving.commit(name="", kind="snapshot", guest=b"", policy=policy, spaces=[space])


@pytest.fixture
def it(tmp_path: Path) -> IT:
    return IT(tmp_path)


@pytest.mark.parametrize("keys", [None, NewKeys(passphrase="secret")], ids=["open", "sealed"])
def test_an_ordered_wipe_takes_keys_and_content(it: IT, keys: NewKeys | None) -> None:
    path = it.folder / "work.vphone"
    with it.profile(keys=keys) as file:
        governed = it.governs(file)
        saved(file, governed.document)
        it.deliver(it.order("wipe", file.id, 1, "lost"), file)
        assert (
            governed.standing().wipe_due and "Acme has had this phone wiped: lost" in governed.standing().why
        )
        governed.wipe(file)
        standing = governed.standing()
        assert standing.locked and not standing.wipe_due and governed.wiped
        assert [line.what for line in governed.log()][-2:] == ["wipe begun", "wiped"]
    with ProfileFile.open(path) as file:
        assert file.info.wiped
        assert it.governed(file).wiped
        with pytest.raises(LockedProfile, match="wiped"):
            file.unlock(Unlock(passphrase="secret"))
    assert b"the secret of the work phone" not in path.read_bytes()


@pytest.mark.parametrize("step", ["before the keys", "after the keys"])
def test_a_wipe_that_was_killed_is_finished_at_the_next_opening(it: IT, step: str) -> None:
    path = it.folder / "work.vphone"
    it.clock = SystemClock()
    with it.profile() as file:
        saved(file, b"")
        governed = it.governs(file, header="issued = 2026-01-01T00:00:00Z")
    child = subprocess.run(
        [sys.executable, Path(__file__).with_name("wiping_child.py"), path, it.store.path, step],
        env=os.environ | {"XDG_DATA_HOME": str(it.folder / "data")},
        timeout=60,
    )
    assert child.returncode == -signal.SIGKILL
    assert governed.standing().wipe_due and governed.allows(Act.RUN)  # it says which state it is in
    with ProfileFile.open(path) as file:
        found = Governed.of_file(file, store=it.store)
        assert found is not None and found.wiped and not found.standing().wipe_due
        assert file.info.wiped
    assert SECRET[:100] not in path.read_bytes()


def test_a_copy_of_a_wiped_phone_stays_shut_until_its_governor_lets_it_go_on(it: IT) -> None:
    """As one that is restored from a vault on another day."""
    path, copy = it.folder / "work.vphone", it.folder / "copy.vphone"
    with it.profile() as file:
        it.governs(file)
    shutil.copy(path, copy)
    with ProfileFile.open(path) as file:
        it.deliver(it.order("wipe", file.id, 1), file)
        it.governed(file)
        with pytest.raises(LockedProfile):
            _ = file.sealer
    with ProfileFile.open(copy, read_only=True) as file:
        governed = it.governed(file)
        assert governed.allows(Act.RUN) and governed.allows(Act.EXPORT)
        it.deliver(it.order("check-in", file.id, 2), file)
        assert governed.standing().locked  # being heard of is not enough
        it.deliver(it.order("unlock", file.id, 3, "found again"), file)
        assert governed.allows(Act.RUN) == ""
        assert file.generations() == [] and not file.info.wiped


def test_a_store_that_is_put_back_does_not_undo_a_wipe_that_is_known(it: IT) -> None:
    with it.profile() as file:
        governed = it.governs(file)
        before = it.store.path.read_bytes()
        governed.wipe(file, "lost")
        it.store.path.write_bytes(before)
        assert governed.standing().locked and governed.wiped
