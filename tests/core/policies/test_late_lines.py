"""Whoever is refused on an event loop waits for no disk and no other program; the line is there all the same,
in its turn, and nothing grows where it cannot be written."""

import asyncio
import fcntl
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from policy_kit import IT, HandClock

from pocketvisor.errors import Refused
from pocketvisor.policies import late_lines
from pocketvisor.policies.act import Act
from pocketvisor.policies.audit import AuditLog
from pocketvisor.policies.governed import Governed
from pocketvisor.policies.late import LATE, Late
from pocketvisor.policies.late_lines import Entry
from pocketvisor.policies.store import AuditHead, GovernanceStore
from pocketvisor.profile.file import ProfileFile

NO_SHOTS = "[screen]\nscreenshots = false"
CHILD = Path(__file__).with_name("late_child.py")


@pytest.fixture
def it(tmp_path: Path) -> IT:
    return IT(tmp_path)


@pytest.fixture
def file(it: IT) -> Iterator[ProfileFile]:
    with it.profile() as file:
        yield file


@pytest.fixture
def governed(it: IT, file: ProfileFile) -> Governed:
    return it.governs(file, NO_SHOTS)


@contextmanager
def held_log(governed: Governed) -> Iterator[None]:
    """By another program, which is in the midst of writing a line."""
    fd = os.open(governed.audit.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


@contextmanager
def held_store(governed: Governed) -> Iterator[None]:
    """By another program, which is in the midst of a transaction."""
    with closing(sqlite3.connect(governed.store.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def refused(governed: Governed, who: str = "Work") -> None:
    with pytest.raises(Refused, match="no screenshots"):
        governed.check(Act.SCREENSHOT, who)


async def test_who_is_refused_on_a_loop_does_not_wait_for_the_log(governed: Governed) -> None:
    """It would wait for ever here: the log and the store are let go of after that alone."""
    with held_log(governed), held_store(governed):
        for number in range(5):
            refused(governed, f"Work {number}")
    lines = await asyncio.to_thread(governed.log)
    assert [line.who for line in lines if line.what == "refused: screenshot"] == [
        f"Work {number}" for number in range(5)
    ]
    assert await asyncio.to_thread(governed.audit.verify) == []


def test_elsewhere_it_is_on_the_disk_when_it_returns(governed: Governed) -> None:
    before = governed.audit.path.read_bytes()
    refused(governed)
    assert governed.audit.path.read_bytes().count(b"\n") == before.count(b"\n") + 1


async def test_a_line_says_when_it_was_and_not_when_it_was_written(it: IT, governed: Governed) -> None:
    with held_log(governed):
        refused(governed)
        it.clock.passes(1)
        refused(governed)
    lines = (await asyncio.to_thread(governed.log))[-2:]
    assert [line.time[11:16] for line in lines] == ["12:00", "13:00"]


async def test_what_comes_after_is_behind_what_waits(it: IT, file: ProfileFile, governed: Governed) -> None:
    """An order that is durable when its sender hears of it: the refusals before it are as well."""
    with held_log(governed):
        refused(governed)
    await asyncio.to_thread(it.deliver, it.order("lock", file.id, 1), file)
    content = governed.audit.path.read_bytes().splitlines()
    assert b"refused: screenshot" in content[-2] and b'"lock"' in content[-1]


async def test_a_policy_that_another_program_is_writing_holds_as_soon_as_it_is_written(
    it: IT, file: ProfileFile, governed: Governed
) -> None:
    await asyncio.to_thread(it.deliver, it.policy(file.id, 2), file)
    with held_store(governed):
        refused(governed)  # what was known holds on, and nobody waits
        assert governed.problem == ""
    assert await asyncio.to_thread(LATE.flush, 20)
    assert governed.policy.number == 2
    assert governed.allows(Act.SCREENSHOT) == ""


async def test_time_is_kept_without_the_loop(it: IT, governed: Governed) -> None:
    it.clock.passes(2)
    with held_store(governed):
        assert governed.now_ns() == it.clock.now
    assert await asyncio.to_thread(LATE.flush, 20)
    it.clock.turned(-2)
    assert await asyncio.to_thread(it.store.now_ns) == it.clock.now + 2 * 3600 * 10**9


async def test_a_store_that_is_deleted_is_made_again_beside_the_loop(it: IT, governed: Governed) -> None:
    it.store.path.unlink()
    refused(governed)
    assert await asyncio.to_thread(LATE.flush, 20)
    assert it.store.kept(governed.profile) is not None


async def test_what_cannot_be_written_is_said_and_kept_until_it_can(governed: Governed) -> None:
    folder = governed.audit.path.parent
    whole = folder.rename(folder.with_name("away"))
    folder.write_text("no folder")
    refused(governed)
    refused(governed)
    assert await asyncio.to_thread(LATE.flush, 20)
    assert "cannot be used" in governed.problem
    folder.unlink()
    whole.rename(folder)
    refused(governed)
    assert sum(line.what == "refused: screenshot" for line in await asyncio.to_thread(governed.log)) == 3
    assert governed.problem == ""
    assert await asyncio.to_thread(governed.audit.verify) == []


def test_a_line_that_fails_halfway_is_not_there_twice(governed: Governed) -> None:
    """The lines are on the disk, and the store, which has to know of them, is held for too long."""
    told: list[str] = []
    log = governed.audit
    before = log.path.read_bytes()
    short = _Impatient(governed.store.path, HandClock())
    other = AuditLog(governed.profile, short)
    with held_store(governed):
        other.soon(Entry("refused: debug", "Work", "x"), told.append)
        assert LATE.flush(20)
        assert "locked" in told[-1] and log.path.read_bytes() == before
    late_lines.settle(log.path)
    assert told[-1] == ""
    assert log.path.read_bytes().count(b"refused: debug") == 1 and log.verify() == []


def test_who_finds_a_log_settled_finds_it_said_as_well(governed: Governed) -> None:
    says, on = threading.Event(), threading.Event()
    told: list[str] = []

    def tell(problem: str) -> None:
        says.set()
        assert on.wait(30)
        told.append(problem)

    governed.audit.soon(Entry("refused: debug", "Work", "x"), tell)
    assert says.wait(30)
    reader = threading.Thread(target=late_lines.settle, args=(governed.audit.path,))
    reader.start()
    reader.join(0.1)
    settled_early = not reader.is_alive()
    on.set()
    reader.join(30)
    assert not settled_early and told == [""]
    assert LATE.flush(20)


class _Impatient(GovernanceStore):
    """The real store, which waits for others no longer than a moment to write."""

    def set_audit_head(self, profile: bytes, head: AuditHead) -> None:
        with self._database.transaction(wait=0.0):
            pass
        super().set_audit_head(profile, head)

    def audit_head(self, profile: bytes) -> AuditHead | None:
        return None

    def now_ns(self) -> int:
        return self.clock.wall_ns()


async def test_what_waits_is_bounded_and_the_rest_is_counted(governed: Governed) -> None:
    with held_log(governed):
        for _ in range(2 * late_lines.LINES_MAX + 40):  # some may be in the writer's hands already
            governed.refused(Act.SCREENSHOT, "Work", "no")
        for _ in range(7):
            governed.refused(Act.DEBUG, "Work", "no")
    lines = await asyncio.to_thread(governed.log)
    counted = [line for line in lines if "came too fast" in line.said]
    written = sum(line.what.startswith("refused") for line in lines) - len(counted)
    assert late_lines.LINES_MAX <= written <= 2 * late_lines.LINES_MAX
    assert written + sum(int(line.more["times"]) for line in counted) == 2 * late_lines.LINES_MAX + 47
    assert {line.what for line in counted} <= {"refused: screenshot", "refused: debug"} and counted


@pytest.mark.parametrize(("how", "least"), [("ends", 30), ("killed", 0)])
def test_a_program_that_ends_writes_all_and_one_that_is_killed_leaves_a_whole_log(
    tmp_path: Path, how: str, least: int
) -> None:
    done = subprocess.run(
        [sys.executable, str(CHILD), str(tmp_path), "30", how],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ident, *said = done.stdout.split()
    assert said == ["refused"] * 30, done.stderr
    log = AuditLog(bytes.fromhex(ident), IT(tmp_path).store)
    assert log.verify() == []
    assert least <= sum(line.what == "refused: screenshot" for line in log.lines()) <= 30


def test_work_that_fails_does_not_stop_what_else_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: failed.append(args.exc_type))
    late, first, done = Late(), threading.Event(), list[int]()
    late.soon("wait", first.wait)
    late.soon("bug", lambda: 1 // 0)
    for number in range(3):
        late.soon(number, lambda number=number: done.append(number))
    late.soon(1, lambda: done.append(9))  # waits already
    assert not late.flush(0.01) and not late.idle
    first.set()
    assert late.flush(20) and late.idle
    assert done == [0, 1, 2] and failed == [ZeroDivisionError]
