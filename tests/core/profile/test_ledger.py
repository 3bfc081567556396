"""The ledger remembers the newest generation of each profile, and leases, whatever ends a process."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pocketvisor.errors import ProfileError
from pocketvisor.profile import ledger as module
from pocketvisor.profile.ledger import MAX_LEASE, Ledger, OlderProfile, Seen, ledger_path

ONE, OTHER = b"1" * 16, b"2" * 16
A, B, C = b"a" * 32, b"b" * 32, b"c" * 32


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "data" / "ledger.sqlite")


def test_it_is_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert ledger_path().is_relative_to(tmp_path)
    Ledger().record(ONE, {1: A})
    assert stat.S_IMODE(ledger_path().stat().st_mode) == 0o600
    assert os.listdir(ledger_path().parent) == ["ledger.sqlite"]


def test_a_later_state_is_let_through_and_remembered(ledger: Ledger) -> None:
    ledger.check(ONE, {1: A})
    assert ledger.seen(ONE) is None
    ledger.record(ONE, {1: A})
    ledger.record(ONE, {1: A, 2: B})
    ledger.record(ONE, {3: C})  # the earlier ones were deleted
    assert ledger.seen(ONE) == Seen(3, C)
    assert ledger.seen(OTHER) is None
    ledger.record(OTHER, {})
    assert ledger.seen(OTHER) is None


def test_an_older_copy_is_refused_with_its_reason(ledger: Ledger) -> None:
    ledger.record(ONE, {1: A, 2: B})
    for older in ({1: A}, {}):
        with pytest.raises(OlderProfile, match="generation 2 of the same profile was seen on this machine"):
            ledger.check(ONE, older)
    with pytest.raises(OlderProfile):
        ledger.record(ONE, {1: A})
    assert ledger.seen(ONE) == Seen(2, B)
    with pytest.raises(OlderProfile):
        ledger.record(ONE, {})
    ledger.record(ONE, {1: A}, accept_older=True)
    assert ledger.seen(ONE) == Seen(1, A)
    ledger.record(ONE, {}, accept_older=True)
    assert ledger.seen(ONE) is None


def test_a_copy_that_went_on_by_itself_is_refused(ledger: Ledger) -> None:
    ledger.record(ONE, {1: A, 2: B})
    with pytest.raises(OlderProfile, match="two copies"):
        ledger.check(ONE, {1: A, 2: C})
    with pytest.raises(OlderProfile, match="two copies"):
        ledger.record(ONE, {1: A, 2: C, 3: A})
    ledger.record(ONE, {1: A, 2: C, 3: A}, accept_older=True)
    assert ledger.seen(ONE) == Seen(3, A)


def test_leases_change_by_compare_and_swap(ledger: Ledger) -> None:
    assert ledger.lease(ONE) is None
    assert not ledger.swap_lease(ONE, b"x", b"mine")
    assert ledger.swap_lease(ONE, None, b"mine")
    assert not ledger.swap_lease(ONE, None, b"theirs")
    assert ledger.swap_lease(ONE, b"mine", b"given")
    assert ledger.leases() == {ONE: b"given"}
    assert ledger.lease(OTHER) is None
    assert ledger.swap_lease(ONE, b"given", None)
    assert ledger.lease(ONE) is None
    with pytest.raises(ValueError):
        ledger.swap_lease(ONE, None, bytes(MAX_LEASE + 1))


@pytest.mark.parametrize("wrong", [b"", b"1" * 15, b"1" * 32])
def test_what_is_no_profile_id_is_refused(ledger: Ledger, wrong: bytes) -> None:
    for call in (ledger.seen, ledger.lease, lambda p: ledger.swap_lease(p, None, b"")):
        with pytest.raises(ValueError):
            call(wrong)


def test_numbers_and_digests_have_bounds(ledger: Ledger) -> None:
    for generations in ({-1: A}, {1 << 63: A}, {1: b""}, {1: bytes(65)}):
        with pytest.raises(ValueError):
            ledger.record(ONE, generations)


def test_the_file_has_a_bound_and_leases_are_never_dropped(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PROFILES", 3)
    for number in range(5):
        ledger.record(bytes([number]) * 16, {1: A})
    assert [ledger.seen(bytes([number]) * 16) is not None for number in range(5)] == [False] * 2 + [True] * 3
    for number in range(3):
        assert ledger.swap_lease(bytes([number]) * 16, None, b"x")
    with pytest.raises(ProfileError, match="3 leases already"):
        ledger.swap_lease(bytes([7]) * 16, None, b"x")
    assert len(ledger.leases()) == 3


WRITER = """
import sys
from pathlib import Path
from pocketvisor.profile.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    while True:
        now = ledger.lease(b"1" * 16)
        if ledger.swap_lease(b"1" * 16, now, str(int(now or b"0") + 1).encode()):
            break
    print(int(now or b"0") + 1, flush=True)
"""


def writer(ledger: Ledger, count: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(ledger.path), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def test_several_processes_lose_no_change(ledger: Ledger) -> None:
    """They also meet when the file is made."""
    processes = [writer(ledger, 25) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    seen: list[int] = []
    for process in processes:
        seen += map(int, process.communicate(timeout=240)[0].split())
        assert process.returncode == 0
    assert sorted(seen) == list(range(1, 101))
    assert ledger.lease(ONE) == b"100"


@pytest.mark.parametrize("after", range(1, 40, 3))
def test_a_process_that_is_killed_takes_nothing_with_it(ledger: Ledger, after: int) -> None:
    process = writer(ledger, 100_000)
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    for _ in range(after):
        acknowledged = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
    process.wait(timeout=20)
    process.stdin.close()
    process.stdout.close()
    now = int(ledger.lease(ONE) or b"0")
    assert acknowledged <= now <= acknowledged + 1


def test_a_damaged_ledger_is_named_and_never_thrown_away(ledger: Ledger) -> None:
    ledger.swap_lease(ONE, None, b"mine")
    content = bytearray(ledger.path.read_bytes())
    content[:100] = bytes(100)
    ledger.path.write_bytes(content)
    with pytest.raises(ProfileError, match=r"ledger\.sqlite.*cannot be used"):
        ledger.lease(ONE)
    assert ledger.path.read_bytes() == content


def test_a_newer_ledger_and_a_foreign_database_are_refused(tmp_path: Path) -> None:
    for version in (2, 77):
        path = tmp_path / f"{version}.sqlite"
        with sqlite3.connect(path) as connection:
            connection.execute(f"PRAGMA user_version = {version}")
        connection.close()
        with pytest.raises(ProfileError, match="newer version"):
            Ledger(path).seen(ONE)
    path = tmp_path / "foreign.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE seen(x)")
    connection.close()
    with pytest.raises(ProfileError, match="cannot be used"):
        Ledger(path).seen(ONE)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProfileError, match="file/ledger"):
        Ledger(tmp_path / "file" / "ledger.sqlite").seen(ONE)


class AgainstAModel(RuleBasedStateMachine):
    """Any order of calls, compared with dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.ledger = Ledger(Path(self.folder.name) / "ledger.sqlite")
        self.seen: dict[bytes, tuple[int, bytes]] = {}
        self.leases: dict[bytes, bytes] = {}

    ids = st.sampled_from([ONE, OTHER])

    @rule(profile=ids, number=st.integers(1, 4), digest=st.sampled_from([A, B]), accept=st.booleans())
    def record(self, profile: bytes, number: int, digest: bytes, accept: bool) -> None:
        known = self.seen.get(profile, (0, b""))
        older = number < known[0] or (number == known[0] and digest != known[1])
        if older and not accept:
            with pytest.raises(OlderProfile):
                self.ledger.record(profile, {number: digest})
            return
        self.ledger.record(profile, {number: digest}, accept_older=accept)
        self.seen[profile] = (number, digest)

    @rule(profile=ids, expected=st.sampled_from([None, b"x", b"y"]), new=st.sampled_from([None, b"x", b"y"]))
    def swap(self, profile: bytes, expected: bytes | None, new: bytes | None) -> None:
        fits = self.leases.get(profile) == expected
        assert self.ledger.swap_lease(profile, expected, new) == fits
        if fits and new is None:
            self.leases.pop(profile, None)
        elif fits and new is not None:
            self.leases[profile] = new

    @invariant()
    def the_same_is_remembered(self) -> None:
        assert self.ledger.leases() == self.leases
        for profile in (ONE, OTHER):
            known = self.seen.get(profile)
            assert self.ledger.seen(profile) == (Seen(*known) if known else None)

    def teardown(self) -> None:
        self.folder.cleanup()


AgainstAModel.TestCase.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
TestAgainstAModel = AgainstAModel.TestCase
