"""A program that wipes a profile and is killed at one of its steps: for test_policy_wiping.py."""

import os
import signal
import sys
from pathlib import Path

from pocketvisor.policies.governed import Governed
from pocketvisor.policies.store import GovernanceStore
from pocketvisor.profile import pruning
from pocketvisor.profile.file import ProfileFile


def killed(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    path, store, step = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    file = ProfileFile.open(path)
    governed = Governed.of(file.id, carried=file.carried, store=GovernanceStore(store))
    assert governed is not None
    if step == "before the keys":
        pruning.wipe = killed  # type: ignore[assignment]
    if step == "after the keys":
        wipe = file.wipe

        def then_killed() -> None:
            wipe()
            killed()

        file.wipe = then_killed  # type: ignore[method-assign]
    governed.wipe(file, "a test")
    killed()


main()
