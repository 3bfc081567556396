"""Generations go from file to file sealed as they are, and what arrives is checked."""

from pathlib import Path

import msgspec
import pytest
from profile_files import PASSPHRASE, alone, content_of, first_content, make, next_content, save

from pocketvisor.errors import DamagedProfile, LockedProfile, ProfileError
from pocketvisor.profile.exporting import copy_generation, export
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys, Unlock
from pocketvisor.profile.transfer import RawHeader, RawManifest

SEALED = NewKeys(passphrase=PASSPHRASE)


@pytest.mark.parametrize("keys", [None, SEALED], ids=["open", "sealed"])
def test_only_new_chunks_travel(tmp_path: Path, keys: NewKeys | None) -> None:
    contents = make(tmp_path / "a.vphone", keys)
    with ProfileFile.open(tmp_path / "a.vphone") as here:
        here.unlock(Unlock(passphrase=PASSPHRASE))
        header = msgspec.msgpack.decode(msgspec.msgpack.encode(here.raw_header()), type=RawHeader)
        with ProfileFile.create_from_header(tmp_path / "b.vphone", header) as there:
            assert there.locked == bool(keys)
            travelled = []
            for number in (1, 2, 3):
                ids = here.chunk_ids(number)
                missing = ids - there.has(ids)
                for own in missing:
                    there.store_raw(own, here.raw_chunk(own))
                raw = msgspec.msgpack.encode(here.raw_manifest(number))
                assert there.adopt(msgspec.msgpack.decode(raw, type=RawManifest)).number == number
                travelled.append(len(missing))
            assert travelled[0] > 20 and max(travelled[1:]) <= 14
            there.unlock(Unlock(passphrase=PASSPHRASE))
            assert there.head == 3 and there.id == here.id
            assert {number: content_of(there, number) for number in contents} == contents
            assert there.verify() == []
            assert there.adopt(here.raw_manifest(3)).number == 3
    alone(tmp_path / "b.vphone")


def test_one_generation_alone_can_be_exported(tmp_path: Path) -> None:
    contents = make(tmp_path / "a.vphone", SEALED)
    with ProfileFile.open(tmp_path / "a.vphone") as file:
        with pytest.raises(LockedProfile):
            export(file, tmp_path / "b.vphone", [2])
        assert not (tmp_path / "b.vphone").exists()
        file.unlock(Unlock(passphrase=PASSPHRASE))
        export(file, tmp_path / "b.vphone", [2])
        export(file, tmp_path / "c.vphone")
        with pytest.raises(ProfileError, match=r"c\.vphone is there already"):
            export(file, tmp_path / "c.vphone")
    for name, expected in (("b", [2]), ("c", [1, 2, 3])):
        alone(tmp_path / f"{name}.vphone")
        with ProfileFile.open(tmp_path / f"{name}.vphone") as file:
            file.unlock(Unlock(passphrase=PASSPHRASE))
            assert [each.number for each in file.generations()] == expected and file.head == expected[-1]
            assert all(content_of(file, number) == contents[number] for number in expected)
            assert file.verify() == []
            assert save(file, contents[1], expected[-1]).number == expected[-1] + 1


def test_what_arrives_damaged_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "a.vphone")
    with (
        ProfileFile.open(tmp_path / "a.vphone") as here,
        ProfileFile.create_from_header(tmp_path / "b.vphone", here.raw_header()) as there,
    ):
        ids = sorted(here.chunk_ids(1))
        body = bytearray(here.raw_chunk(ids[0]))
        body[len(body) // 2] ^= 1
        with pytest.raises(DamagedProfile, match="A chunk that arrived is damaged"):
            there.store_raw(ids[0], bytes(body))
        for own in ids[:-1]:
            there.store_raw(own, here.raw_chunk(own))
        raw = here.raw_manifest(1)
        with pytest.raises(DamagedProfile, match=r"generation 1 that arrived is damaged: .*missing"):
            there.adopt(raw)
        for changed in (
            msgspec.structs.replace(raw, parent=7),
            msgspec.structs.replace(raw, number=2),
            msgspec.structs.replace(raw, manifest=here.raw_manifest(2).manifest),
            msgspec.structs.replace(raw, manifest=b""),
            msgspec.structs.replace(raw, signature=b""),
            msgspec.structs.replace(raw, signature=bytes(64)),
        ):
            with pytest.raises(DamagedProfile, match="that arrived is damaged"):
                there.adopt(changed)
        assert there.generations() == []
        there.store_raw(ids[-1], here.raw_chunk(ids[-1]))
        assert there.adopt(raw).number == 1
        assert there.verify() == []


def test_two_histories_of_one_profile_are_told_apart(tmp_path: Path) -> None:
    contents = make(tmp_path / "a.vphone")
    with ProfileFile.open(tmp_path / "a.vphone") as here:
        export(here, tmp_path / "b.vphone")
        save(here, next_content(contents[3], 100), 3)
        with ProfileFile.open(tmp_path / "b.vphone") as there:
            save(there, next_content(contents[3], 200), 3)
            with pytest.raises(ProfileError, match="another generation 4 already"):
                copy_generation(here, there, 4)
            assert there.verify() == [] and there.head == 4


def test_a_generation_does_not_go_under_another_history(tmp_path: Path) -> None:
    """What goes on from another 4 than the one that is here."""
    contents = make(tmp_path / "a.vphone")
    with ProfileFile.open(tmp_path / "a.vphone") as here:
        export(here, tmp_path / "b.vphone")
        for number in (3, 4):
            save(here, next_content(contents[3], 100 + number), number)
        with ProfileFile.open(tmp_path / "b.vphone") as there:
            save(there, next_content(contents[3], 200), 3)
            with pytest.raises(DamagedProfile, match="does not go on from the generation 4 that is here"):
                copy_generation(here, there, 5)


def test_another_profiles_generation_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "a.vphone")
    make(tmp_path / "b.vphone")
    with (
        ProfileFile.open(tmp_path / "a.vphone") as here,
        ProfileFile.open(tmp_path / "b.vphone") as there,
        pytest.raises(DamagedProfile, match="that arrived is damaged"),
    ):
        there.adopt(here.raw_manifest(3))


def test_a_transfer_that_was_cut_can_go_on(tmp_path: Path) -> None:
    make(tmp_path / "a.vphone")
    with ProfileFile.open(tmp_path / "a.vphone") as here:
        ids = here.chunk_ids(3)
        there = ProfileFile.create_from_header(tmp_path / "b.vphone", here.raw_header())
        half = set(sorted(ids)[: len(ids) // 2])
        for own in half:
            there.store_raw(own, here.raw_chunk(own))
        there.keep_received()
        there.close()
        with ProfileFile.open(tmp_path / "b.vphone", keep_received=True) as there:
            assert there.has(ids) == half
            copy_generation(here, there, 3)
            assert there.verify() == []
        there = ProfileFile.create_from_header(tmp_path / "c.vphone", here.raw_header())
        for own in half:
            there.store_raw(own, here.raw_chunk(own))
        there.keep_received()
        there.close()
        with ProfileFile.open(tmp_path / "c.vphone") as there:
            assert there.has(ids) == set()


def test_what_came_after_the_disk_was_full_goes_with_the_rest(tmp_path: Path) -> None:
    """The mark that says which chunks belong to nothing yet was lost with the transaction that failed."""
    with ProfileFile.create(tmp_path / "a.vphone") as here:
        save(here, first_content(1))
        ids = here.chunk_ids(1)
        with ProfileFile.create_from_header(tmp_path / "b.vphone", here.raw_header()) as there:
            with there._database.write() as writer:
                (pages,) = writer.execute("PRAGMA page_count").fetchone()
                writer.execute(f"PRAGMA max_page_count={pages}").fetchall()
            for own in ids:
                there.store_raw(own, here.raw_chunk(own))
            with pytest.raises(ProfileError, match="disk is full"):
                there.keep_received()
            there.keep_received()  # there is room again
            assert there.has(ids) == ids
    with ProfileFile.open(tmp_path / "b.vphone") as there:
        assert there.has(ids) == set()
