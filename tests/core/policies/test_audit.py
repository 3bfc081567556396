"""The audit log: every line is there, in one chain, and whoever changes it is found out."""

import json
import os
import threading
from pathlib import Path

import pytest
from policy_kit import HandClock

from pocketvisor.policies.audit import FILES_KEPT, AuditLog
from pocketvisor.policies.store import GovernanceStore

PROFILE = bytes(range(16))


@pytest.fixture
def store(tmp_path: Path) -> GovernanceStore:
    return GovernanceStore(tmp_path / "governance.sqlite", HandClock())


@pytest.fixture
def log(store: GovernanceStore) -> AuditLog:
    made = AuditLog(PROFILE, store)
    for number in range(1, 6):
        made.append("refused: debug", "Work", f"sentence {number}", {"to": number})
    return made


def test_lines_are_kept_in_turn(log: AuditLog) -> None:
    lines = log.lines()
    assert [line.n for line in lines] == [1, 2, 3, 4, 5]
    assert lines[2].said == "sentence 3" and lines[2].more == {"to": "3"} and lines[2].who == "Work"
    assert lines[0].time == "2026-11-02T12:00:00.000+00:00"
    assert [line.prev for line in lines[1:]] == [line.hash for line in lines[:-1]]
    assert [line.n for line in log.lines(after=3)] == [4, 5]
    assert [line.n for line in log.lines(limit=2)] == [4, 5]
    assert log.verify() == []
    assert log.path.stat().st_mode & 0o777 == 0o600


def test_every_change_is_found(log: AuditLog) -> None:
    whole = log.path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for changed in (
        whole.replace(b"sentence 3", b"sentence X"),
        whole.replace(b"sentence 5", b"sentence X"),  # the newest: the store has its hash
        b"".join(lines[:2] + lines[3:]),
        b"".join(lines[:4]),
        b"".join(lines[1:]),
        b"".join([lines[1], lines[0], *lines[2:]]),
        whole[:-10],
        b"",
        whole.replace(b'"n":3', b'"n":x'),
    ):
        log.path.write_bytes(changed)
        assert log.verify() != []
    log.path.unlink()
    assert log.verify() == ["It was cut: line 5 is missing"]
    log.path.write_bytes(whole)
    assert log.verify() == []


def test_after_a_cut_the_gap_stays_to_be_seen(log: AuditLog) -> None:
    log.path.write_bytes(b"".join(log.path.read_bytes().splitlines(keepends=True)[:3]))
    assert log.append("policy", "IT", "more").n == 6
    assert log.verify() == ["After line 3 comes 6: lines are missing"]


def test_a_line_that_was_cut_off_by_a_kill_goes_and_none_that_was_told_is_lost(log: AuditLog) -> None:
    with log.path.open("ab") as file:
        file.write(b'{"n":6,"time"')
    assert log.append("policy", "IT", "more").n == 6
    assert log.verify() == []


def test_a_line_whose_number_did_not_reach_the_store_counts(store: GovernanceStore, log: AuditLog) -> None:
    head = store.audit_head(PROFILE)
    assert head is not None
    log.append("policy", "IT", "more")
    store.set_audit_head(PROFILE, head)  # as if killed in between
    assert log.verify() == []
    assert log.append("policy", "IT", "and more").n == 7
    assert log.verify() == []


def test_it_is_bounded_and_the_chain_goes_on(store: GovernanceStore) -> None:
    log = AuditLog(PROFILE, store, file_max=2000)
    for number in range(120):
        log.append("refused: debug", "Work", f"sentence {number}")
    files = sorted(log.path.parent.glob("*.jsonl"))
    assert len(files) == FILES_KEPT + 1 and all(path.stat().st_size <= 2000 for path in files)
    assert log.verify() == []
    assert log.lines()[-1].said == "sentence 119"
    oldest = min(files, key=lambda path: json.loads(path.read_bytes().splitlines()[0])["n"])
    oldest.unlink()
    assert "lines are missing" in log.verify()[0]


def test_texts_of_any_kind_stay_one_line(log: AuditLog) -> None:
    for text in ("a\nb", "\x00\x1b[31m", "\ud800", "\U0001f600" * 10_000, '"}{'):
        log.append(text, text, text, {text: text, "b": text})
    assert log.verify() == []
    assert len(log.lines()) == 10 and len(log.lines()[-2].said) == 400


def test_several_append_at_once(store: GovernanceStore, log: AuditLog) -> None:
    def append() -> None:
        for _ in range(10):
            AuditLog(PROFILE, store).append("refused: debug", "Work", "x")

    threads = [threading.Thread(target=append) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line.n for line in log.lines()] == list(range(1, 46))
    assert log.verify() == []


def test_who_reads_waits_for_who_is_in_the_midst_of_a_line(log: AuditLog) -> None:
    said: list[list[str]] = []
    with log._held() as file:
        size = file.seek(0, os.SEEK_END)
        file.write(b'{"n":6,"time"')
        reader = threading.Thread(target=lambda: said.append(log.verify()))
        reader.start()
        reader.join(0.1)
        file.truncate(size)
    reader.join(30)
    assert said == [[]]


def test_a_link_in_its_place_is_not_followed(store: GovernanceStore, tmp_path: Path) -> None:
    log = AuditLog(PROFILE, store)
    (tmp_path / "other").write_text("precious")
    log.path.parent.mkdir()
    log.path.symlink_to(tmp_path / "other")
    with pytest.raises(Exception, match="cannot be used"):
        log.append("policy", "IT", "more")
    assert (tmp_path / "other").read_text() == "precious"
