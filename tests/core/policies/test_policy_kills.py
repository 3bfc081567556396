"""A program that is killed while it brings a policy or an order: the state is the one before or the one
after, it can be told which, and the delivery can be repeated."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from policy_kit import IT

from pocketvisor.errors import PolicyError
from pocketvisor.policies.act import Act
from pocketvisor.policies.clock import SystemClock
from pocketvisor.policies.orders import new_order
from pocketvisor.profile.file import ProfileFile

AFTER = {
    "in the store's transaction": False,
    "before it is written down": True,
    "before the file": True,
    "in the file's transaction": True,
    "after the file": True,
}
"""Whether it counts already when it is killed there."""


@pytest.fixture
def it(tmp_path: Path) -> IT:
    return IT(tmp_path, clock=SystemClock())


def run_and_kill(it: IT, delivery: bytes, step: str) -> None:
    (it.folder / "delivery").write_bytes(delivery)
    child = subprocess.run(
        [
            sys.executable,
            Path(__file__).with_name("delivering_child.py"),
            it.folder / "work.vphone",
            it.store.path,
            it.folder / "delivery",
            step,
        ],
        env=os.environ | {"XDG_DATA_HOME": str(it.folder / "data")},
        timeout=60,
    )
    assert child.returncode == -signal.SIGKILL


@pytest.mark.parametrize("step", AFTER)
@pytest.mark.parametrize("what", ["policy", "lock"])
def test_one_of_two_states_and_it_can_be_repeated(it: IT, what: str, step: str) -> None:
    with it.profile() as file:
        it.governs(file)
        own = file.id
    if what == "policy":
        delivery = it.policy(own, 2, "[screen]\nscreenshots = false")
    else:
        now = datetime.now(UTC)
        delivery = new_order("lock", own, 1, now, now + timedelta(hours=1), it.key, "lost")
    run_and_kill(it, delivery, step)
    with ProfileFile.open(it.folder / "work.vphone") as file:
        assert file.verify() == []
        governed = it.governed(file)
        assert bool(governed.allows(Act.SCREENSHOT)) is AFTER[step]
        assert file.carried == governed.document  # whatever was behind is in line again
        if what == "policy" or not AFTER[step]:
            assert it.deliver(delivery, file)[0].changed is not AFTER[step]
        else:
            with pytest.raises(PolicyError, match="used already"):
                it.deliver(delivery, file)
        assert it.governed(file).allows(Act.SCREENSHOT)
        assert governed.audit.verify() == []


@pytest.mark.parametrize("step", AFTER)
def test_the_first_policy_as_well(it: IT, step: str) -> None:
    with it.profile() as file:
        delivery = it.policy(file.id, 1, "[screen]\nscreenshots = false")
    run_and_kill(it, delivery, step if step != "in the store's transaction" else "before the file")
    with ProfileFile.open(it.folder / "work.vphone") as file:
        assert it.governed(file).allows(Act.SCREENSHOT)
        assert not it.deliver(delivery, file)[0].changed
