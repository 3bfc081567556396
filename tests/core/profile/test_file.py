"""A profile's file: what was saved is there, in one file, and one at a time writes."""

import contextlib
import multiprocessing
import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from profile_files import PASSPHRASE, alone, content_of, first_content, make, next_content, save

from pocketvisor.errors import LockedProfile, ProfileError
from pocketvisor.profile import rows
from pocketvisor.profile.connection import connect
from pocketvisor.profile.database import READERS, Database
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys, Unlock

KEYS = [None, NewKeys(passphrase=PASSPHRASE)]


@pytest.mark.parametrize("keys", KEYS, ids=["open", "sealed"])
def test_every_generation_is_as_it_was_saved(tmp_path: Path, keys: NewKeys | None) -> None:
    path = tmp_path / "a.vphone"
    contents = make(path, keys)
    alone(path)
    with ProfileFile.open(path) as file:
        assert file.sealed == file.locked == bool(keys)
        if keys:
            file.unlock(Unlock(passphrase=PASSPHRASE))
        assert {number: content_of(file, number) for number in contents} == contents
        listed = file.generations()
        assert [(each.number, each.parent, each.name, each.kind) for each in listed] == [
            (number, number - 1, f"number {number}", "snapshot") for number in contents
        ]
        assert file.head == file.last == 3
        assert file.manifest(2).guest == b"guest 2" and file.manifest(2).thumbnail == b"PNG of the screen"
        assert file.verify() == []
    alone(path)


def test_a_later_generation_costs_what_changed(tmp_path: Path) -> None:
    with ProfileFile.create(tmp_path / "a.vphone") as file:
        content = first_content(1)
        first = save(file, content)
        assert save(file, content, 1).added < 1000
        one_page = dict(content, ram=b"x" + content["ram"][1:])
        assert save(file, one_page, 2).added < 16384 + 3000
        assert first.added > 100_000


def test_zeros_cost_nothing(tmp_path: Path) -> None:
    with ProfileFile.create(tmp_path / "a.vphone") as file:
        assert save(file, {"ram": bytes(64 << 20)}).added < 1000
        reader = file.reader(file.manifest(1).spaces[0])
        assert reader.chunk(77) == b"" and reader.read(12345, 20) == bytes(20)
        assert list(reader.present()) == []


def test_what_was_not_committed_has_not_happened(tmp_path: Path) -> None:
    path = tmp_path / "a.vphone"
    contents = make(path, generations=1)
    with ProfileFile.open(path) as file:
        file.prune()
        size = path.stat().st_size
        with pytest.raises(RuntimeError), file.begin(1) as saving:
            saving.space("ram", 8 << 20, 16384, None, None, lambda index: os.urandom(16384))
            raise RuntimeError
        assert [each.number for each in file.generations()] == [1]
        assert path.stat().st_size <= size + 65536
        assert save(file, contents[1], 1).number == 2
        assert file.verify() == []


def test_one_at_a_time_saves(tmp_path: Path) -> None:
    with ProfileFile.create(tmp_path / "a.vphone") as file:
        with file.begin(0), pytest.raises(ProfileError, match="is being saved already"):
            file.begin(0)
        with file.begin(0) as saving:
            saving.commit(kind="off", spaces=[])
        assert file.head == 1


def test_a_second_writer_is_refused_and_a_reader_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.vphone"
    contents = make(path)
    with ProfileFile.open(path) as file:
        with pytest.raises(ProfileError, match=r"a\.vphone is in use already"):
            ProfileFile.open(path)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert "in use already" in pool.apply(_opening, (path, False))
            save(file, contents[3], 3)
            assert pool.apply(_opening, (path, True)) == "4"
        with ProfileFile.open(path, read_only=True) as reader:
            assert content_of(reader, 4) == contents[3]
            with pytest.raises(ProfileError, match="for reading alone"):
                reader.begin(4)
        assert save(file, contents[2], 4).number == 5
    alone(path)


def _opening(path: Path, read_only: bool) -> str:
    try:
        with ProfileFile.open(path, read_only=read_only) as file:
            return str(file.head)
    except ProfileError as error:
        return str(error)


def test_reading_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.vphone"
    contents = make(path)
    before = path.read_bytes()
    path.chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        with ProfileFile.open(path, read_only=True) as file:
            assert content_of(file, 3) == contents[3] and file.verify() == []
            alone(path)
        with ProfileFile.open(path) as file:
            assert file.info.head == 3
    finally:
        tmp_path.chmod(0o700)
    assert path.read_bytes() == before


def test_readers_go_on_while_it_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "a.vphone"
    contents = make(path, generations=1)
    wrong: list[object] = []
    over = threading.Event()

    with ProfileFile.open(path) as file:
        reader = file.reader(file.manifest(1).spaces[0])

        def read() -> None:
            while not over.is_set():
                for index in range(reader.space.chunks):
                    chunk = reader.chunk(index) or bytes(reader.space.chunk_length(index))
                    if chunk != contents[1]["ram"][index * 16384 : (index + 1) * 16384]:
                        wrong.append(index)

        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        content = contents[1]
        for number in range(1, 12):
            content = next_content(content, number, pages=20)
            save(file, content, number)
        over.set()
        for thread in threads:
            thread.join()
        assert not wrong and file.verify() == []
    alone(path)


def test_a_name_can_be_given_later(tmp_path: Path) -> None:
    path = tmp_path / "a.vphone"
    make(path, NewKeys(passphrase=PASSPHRASE))
    with ProfileFile.open(path) as file:
        with pytest.raises(LockedProfile, match=r"a\.vphone is locked"):
            file.rename(2, "before the update")
        file.unlock(Unlock(passphrase=PASSPHRASE))
        file.rename(2, "before the update")
        assert [each.name for each in file.generations()] == ["number 1", "before the update", "number 3"]
        assert file.verify() == []
    assert b"before the update" not in path.read_bytes()


def test_an_older_generation_can_go_on(tmp_path: Path) -> None:
    path = tmp_path / "a.vphone"
    contents = make(path)
    with ProfileFile.open(path) as file:
        file.set_head(1)
        assert file.head == 1 and file.last == 3
    with ProfileFile.open(path) as file:
        assert file.head == 1
        made = save(file, contents[2], 1)
        assert (made.number, made.parent, file.head) == (4, 1, 4)
        assert {number: content_of(file, number) for number in contents} == contents


def test_deleting_keeps_the_others_and_their_tree(tmp_path: Path) -> None:
    path = tmp_path / "a.vphone"
    contents = make(path, generations=4)
    with ProfileFile.open(path) as file:
        with pytest.raises(ProfileError, match="goes on cannot be deleted"):
            file.delete(4)
        file.delete(2)
        file.delete(3)
        assert [(each.number, each.parent) for each in file.generations()] == [(1, 0), (4, 1)]
        with pytest.raises(ProfileError, match="has no generation 2"):
            file.manifest(2)
        assert file.prune() >= 0
        assert content_of(file, 1) == contents[1] and content_of(file, 4) == contents[4]
        assert file.verify() == []
        assert save(file, contents[1], 4).number == 5


def test_pruning_gives_the_room_back_but_not_what_is_being_read(tmp_path: Path) -> None:
    path = tmp_path / "a.vphone"
    with ProfileFile.create(path) as file:
        noise = os.urandom(4 << 20)
        save(file, {"ram": noise})
        save(file, {"ram": bytes(4 << 20)}, 1)
        reader = file.reader(file.manifest(1).spaces[0])
        file.delete(1)
        assert file.prune() == 0
        assert reader.read(0, len(noise)) == noise
        del reader
        assert file.prune() >= 4 << 20
    assert path.stat().st_size < 1 << 20
    alone(path)


def test_info_needs_no_key_and_shows_nothing_secret(tmp_path: Path) -> None:
    path = tmp_path / "a.vphone"
    make(path, NewKeys(passphrase=PASSPHRASE))
    with ProfileFile.open(path, read_only=True) as file:
        info = file.info
        assert (info.sealed, info.wiped, info.slots, info.head) == (True, False, ("passphrase",), 3)
        assert [(each.number, each.name, each.kind) for each in info.generations] == [
            (1, "", None),
            (2, "", None),
            (3, "", None),
        ]
        assert info.size == path.stat().st_size and not info.damaged
    whole = path.read_bytes()
    for secret in (b"guest 1", b"number 1", b"PNG of the screen", b"ram 1 ram 1"):
        assert secret not in whole


@pytest.mark.parametrize("keys", KEYS, ids=["open", "sealed"])
def test_a_wiped_profile_is_unreadable(tmp_path: Path, keys: NewKeys | None) -> None:
    path = tmp_path / "a.vphone"
    make(path, keys)
    with ProfileFile.open(path) as file:
        slots = [slot.wrapped for slot in file.key_slots()]
        if keys:
            file.unlock(Unlock(passphrase=PASSPHRASE))
        file.wipe()
        assert file.info.wiped and file.locked
        with pytest.raises(LockedProfile, match="was wiped"):
            file.manifest(3)
    alone(path)
    whole = path.read_bytes()
    assert not any(slot in whole or slot[-32:] in whole for slot in slots)
    assert b"ram 1 ram 1" not in whole and b"number 1" not in whole
    with ProfileFile.open(path) as file, pytest.raises(LockedProfile, match="was wiped"):
        file.unlock(Unlock(passphrase=PASSPHRASE))


def test_slots_that_were_replaced_are_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.vphone"
    make(path, NewKeys(passphrase=PASSPHRASE))
    with ProfileFile.open(path) as file:
        old = file.key_slots()
        from pocketvisor.profile import keys as profile_keys

        key = profile_keys.unwrap(old, Unlock(passphrase=PASSPHRASE), file.header.public)
        assert file.replace_slots([profile_keys.passphrase_slot(key, "another")])
        with ProfileFile.open(path, read_only=True) as other, other._database.read() as reading:
            reading.execute("BEGIN")
            reading.execute("SELECT body FROM key_slots").fetchall()
            assert not file.replace_slots([profile_keys.passphrase_slot(key, "a third")])
        assert file.replace_slots([profile_keys.passphrase_slot(key, "another one")])
    assert old[0].wrapped[-48:] not in path.read_bytes()
    with ProfileFile.open(path) as file:
        with pytest.raises(LockedProfile):
            file.unlock(Unlock(passphrase=PASSPHRASE))
        file.unlock(Unlock(passphrase="another one"))
        assert file.verify() == []


def test_a_file_of_that_name_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.vphone"
    path.write_text("mine")
    with pytest.raises(ProfileError, match=r"a\.vphone is there already"):
        ProfileFile.create(path)
    assert path.read_text() == "mine"
    alone(path)


def test_looking_at_it_again_takes_no_lock_away(tmp_path: Path) -> None:
    """Closing any descriptor of a file takes its process's locks away: then another program would think that
    nobody has the profile, and empty the memory that SQLite shares."""
    path = tmp_path / "a.vphone"
    contents = make(path, generations=1)
    with ProfileFile.open(path) as file, multiprocessing.get_context("spawn").Pool(1) as pool:
        save(file, contents[1], 1)
        with ProfileFile.open(path, read_only=True) as again:
            assert again.info.head == 2
        held = {line.split()[5] for line in Path("/proc/locks").read_text().splitlines() if "POSIX" in line}
        for name in (path, path.with_name("a.vphone-shm")):
            status = name.stat()
            device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
            assert device in held, name
        assert pool.apply(_opening, (path, True)) == "2"
        save(file, contents[1], 2)
        assert file.verify() == []


def test_one_who_reads_for_long_holds_no_save_up(tmp_path: Path) -> None:
    """Another program may be verifying: then what was saved is durable in the log, and in the file later."""
    path = tmp_path / "a.vphone"
    contents = make(path)
    with ProfileFile.open(path) as file:
        save(file, contents[1], 3)
        with contextlib.closing(connect(path, "ro")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM chunks").fetchall()
            began = time.monotonic()
            assert save(file, next_content(contents[1], 5), 4).number == 5
            assert time.monotonic() - began < 8
            reader.execute("COMMIT")
        assert save(file, contents[2], 5).number == 6
        assert file.verify() == []
    alone(path)


def test_a_save_while_somebody_looks_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone saves itself while the library is listed: what the list should have, and the list, are of one
    moment."""
    path = tmp_path / "a.vphone"
    contents = make(path)
    get_record = rows.get_record
    with ProfileFile.open(path) as file, ProfileFile.open(path, read_only=True) as reader:
        save(file, contents[2], 3)
        parents = [4]

        def slow(connection: sqlite3.Connection, name: str, kind: type[rows.Content]) -> rows.Content | None:
            found = get_record(connection, name, kind)
            if name == "state" and parents:
                save(file, contents[1], parents.pop())
            return found

        monkeypatch.setattr(rows, "get_record", slow)
        assert reader.info.damaged == ()
        assert not parents and reader.head == 5
        assert reader.verify() == []


def test_two_that_close_it_at_once_both_come_to_an_end(tmp_path: Path) -> None:
    """While somebody reads: each would hold some of the readers' places and wait for the other's."""
    path = tmp_path / "a.vphone"
    make(path)
    database = Database(path, read_only=False)
    with contextlib.ExitStack() as reading:
        for _ in range(READERS // 2):
            reading.enter_context(database.read())
        closing = [threading.Thread(target=database.close, daemon=True) for _ in range(2)]
        for thread in closing:
            thread.start()
        while database._slots._value:  # the first has taken what there is
            os.sched_yield()
    for thread in closing:
        thread.join(20)
    assert not any(thread.is_alive() for thread in closing)
