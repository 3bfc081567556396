"""A program that brings a delivery to a profile and is killed at one of its steps: test_policy_kills.py."""

import os
import signal
import sys
from pathlib import Path

from pocketvisor.policies import applying
from pocketvisor.policies.audit import AuditLog
from pocketvisor.policies.store import GovernanceStore
from pocketvisor.profile import rows
from pocketvisor.profile.file import ProfileFile


def killed(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(function):  # type: ignore[no-untyped-def]
    def then_killed(*given: object, **named: object) -> None:
        function(*given, **named)
        killed()

    return then_killed


def main() -> None:
    path, store, delivery, step = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    file = ProfileFile.open(path)
    if step == "in the store's transaction":
        applying.with_governance = killed  # type: ignore[assignment]
    elif step == "before it is written down":
        AuditLog.append = killed  # type: ignore[assignment, method-assign]
    elif step == "before the file":
        ProfileFile.carry = killed  # type: ignore[assignment, method-assign]
    elif step == "in the file's transaction":
        rows.put_record = after(rows.put_record)
    elif step == "after the file":
        ProfileFile.carry = after(ProfileFile.carry)  # type: ignore[method-assign]
    applying.deliver(delivery.read_bytes(), file.id, file=file, store=GovernanceStore(store))
    killed()


main()
