"""A profile is governed through the control protocol alone: as a management service does it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.api import Handset
from pocketvisor.control.policy_calls import (
    AskAudit,
    AskPolicy,
    AuditShown,
    DeliverPolicy,
    PolicyShown,
    PolicyTaken,
)
from pocketvisor.control.profile_calls import ProfileAbsent
from pocketvisor.control.server import WorkbenchServer, call
from pocketvisor.errors import ControlError
from pocketvisor.policies.authority import AuthorityKey
from pocketvisor.policies.orders import new_order
from pocketvisor.policies.signing import DocumentKind, sign
from pocketvisor.profile.file import ProfileFile
from pocketvisor.services.workbench import WorkbenchService

KEY = AuthorityKey.new()


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
async def socket(handset: Handset, tmp_path: Path) -> AsyncIterator[Path]:
    server = WorkbenchServer(WorkbenchService(lambda: [handset], dict), tmp_path / "run" / "workbench.sock")
    await server.open()
    yield server.path
    await server.close()


def policy(profile: bytes, number: int = 1, sections: str = "") -> bytes:
    issued = datetime.now(UTC).isoformat(timespec="seconds")
    text = f'[policy]\nprofile = "{profile.hex()}"\nnumber = {number}\norganisation = "Acme"\n'
    return sign(f"{text}issued = {issued}\n{sections}\n", DocumentKind.POLICY, KEY)


async def test_a_guest_that_runs_is_governed_locked_and_let_go_on(
    socket: Path, start: Callable[..., Any], tmp_path: Path
) -> None:
    guest = await start("Work")
    path = str(tmp_path / "work.vphone")
    await guest.keep(Path(path))
    shown = await call(AskPolicy(profile=path), socket)
    assert isinstance(shown, PolicyShown) and not shown.governed
    own = bytes.fromhex(shown.profile)

    taken = await call(
        DeliverPolicy(profile=path, delivery=policy(own, 1, "[screen]\nscreenshots = false")), socket
    )
    assert isinstance(taken, PolicyTaken)
    assert [(each.what, each.changed) for each in taken.taken] == [("policy", True)]
    shown = await call(AskPolicy(profile=path), socket)
    assert isinstance(shown, PolicyShown)
    assert (shown.governed, shown.organisation, shown.number) == (True, "Acme", 1)
    assert shown.authority == KEY.public.hex()
    assert any(each.what == "Screenshots" and not each.allowed for each in shown.effects)

    now = datetime.now(UTC)
    lock = new_order("lock", own, 5, now, now + timedelta(hours=1), KEY, "lost")
    await call(DeliverPolicy(profile=path, delivery=lock), socket)
    async with asyncio.timeout(60):
        while not guest.locked:
            await asyncio.sleep(0.02)
    shown = await call(AskPolicy(profile=path), socket)
    assert isinstance(shown, PolicyShown)
    assert shown.locked and shown.serial == 5 and "lost" in shown.why
    with pytest.raises(ControlError, match="old or was used already"):
        await call(DeliverPolicy(profile=path, delivery=lock), socket)
    with pytest.raises(ControlError, match="not signed"):
        await call(DeliverPolicy(profile=path, delivery=b"[policy]\n"), socket)
    unlock = new_order("unlock", own, 6, now, now + timedelta(hours=1), KEY)
    await call(DeliverPolicy(profile=path, delivery=policy(own, 2) + unlock), socket)
    async with asyncio.timeout(60):
        while guest.locked:
            await asyncio.sleep(0.02)

    audit = await call(AskAudit(profile=path, verify=True), socket)
    assert isinstance(audit, AuditShown)
    assert audit.problems == []
    assert [line.what for line in audit.lines] == [
        "policy",
        "lock",
        "refused: delivery",
        "refused: delivery",
        "policy",
        "unlock",
    ]
    audit = await call(AskAudit(profile=path, after=4), socket)
    assert isinstance(audit, AuditShown)
    assert [line.n for line in audit.lines] == [5, 6] and audit.problems is None


async def test_a_profile_at_rest_is_governed_where_that_is_asked_for(socket: Path, tmp_path: Path) -> None:
    path = tmp_path / "work.vphone"
    with ProfileFile.create(path) as file:
        own = file.id
    assert await call(AskPolicy(profile=str(path)), socket) == ProfileAbsent()
    await call(DeliverPolicy(profile=str(path), delivery=policy(own), at_rest=True), socket)
    shown = await call(AskPolicy(profile=str(path), at_rest=True), socket)
    assert isinstance(shown, PolicyShown) and shown.governed
    with pytest.raises(ControlError):
        await call(AskPolicy(profile=str(tmp_path / "none.vphone"), at_rest=True), socket)
