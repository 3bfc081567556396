"""Pruning makes room and never takes what a generation in the vault needs, whatever goes on at the time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vault_kit import Phone

from pocketvisor.errors import DamagedProfile, ProfileError
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.vault import Vault


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Phone]:
    made = Phone(tmp_path / "a.vphone")
    yield made
    made.file.close()


def numbers(vault: Vault) -> list[int]:
    return [each.number for each in vault.list()[0].generations]


def packs(folder: Path) -> int:
    return len(list(folder.glob("*/packs/*")))


def fill(phone: Phone, vault: Vault, count: int) -> None:
    vault.copy(phone.file, 1)
    for number in range(2, count + 1):
        phone.save(range(40))
        vault.copy(phone.file, number)


def test_the_newest_are_kept_and_their_packs(phone: Phone, tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    vault = Vault(str(folder))
    fill(phone, vault, 5)
    gone = vault.prune(phone.file.id, 2, protect=[1], grace=0)
    assert (gone.generations, gone.packs) == (2, 0)
    assert numbers(vault) == [1, 4, 5]
    assert packs(folder) == 5  # in two steps
    gone = vault.prune(phone.file.id, 2, protect=[1], grace=0)
    assert (gone.generations, gone.packs) == (0, 2)
    assert gone.bytes > 2 * 40 * 4096
    assert packs(folder) == 3
    assert not list(folder.glob("*/doomed/*"))
    assert vault.check(phone.file.id) == []
    vault.fetch(phone.file.id, tmp_path / "b.vphone", history=True)
    with ProfileFile.open(tmp_path / "b.vphone") as back:
        assert back.verify() == []
        assert [each.number for each in back.generations()] == [1, 4, 5]


def test_packs_wait_for_copies_under_way(phone: Phone, tmp_path: Path) -> None:
    vault = Vault(str(tmp_path / "vault"))
    fill(phone, vault, 3)
    for _ in range(3):
        assert vault.prune(phone.file.id, 1).packs == 0
    assert packs(tmp_path / "vault") == 3


def test_a_pack_that_is_needed_again_is_spared(phone: Phone, tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    vault = Vault(str(folder))
    fill(phone, vault, 2)
    entry = next((folder / phone.file.id.hex() / "generations").glob("*1-*"))
    kept = entry.read_bytes()
    vault.prune(phone.file.id, 1, grace=0)
    assert len(list(folder.glob("*/doomed/*"))) == 1
    entry.write_bytes(kept)  # a copy that was slow
    vault.prune(phone.file.id, 2, grace=0)
    assert not list(folder.glob("*/doomed/*"))
    assert packs(folder) == 2
    assert vault.check(phone.file.id) == []


def test_an_entry_that_cannot_be_read_stops_it(phone: Phone, tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    vault = Vault(str(folder))
    fill(phone, vault, 3)
    entry = next((folder / phone.file.id.hex() / "generations").glob("*2-*"))
    entry.write_bytes(b"damaged")
    for _ in range(2):
        with pytest.raises(DamagedProfile, match="Generation 2 in the vault is damaged"):
            vault.prune(phone.file.id, 2, grace=0)
    assert packs(folder) == 3


@pytest.mark.parametrize("harm", ["damaged", "junk"])
def test_nothing_goes_for_one_that_cannot_be_read(phone: Phone, tmp_path: Path, harm: str) -> None:
    """The newest one was kept, which was no good, and the good ones before it went."""
    folder = tmp_path / "vault"
    vault = Vault(str(folder))
    fill(phone, vault, 3)
    entries = folder / phone.file.id.hex() / "generations"
    if harm == "damaged":
        next(entries.glob("*3-*")).write_bytes(b"damaged")
    else:
        (entries / "0000000000000009-0123456789abcdef").write_bytes(b"")
    before = sorted(entries.iterdir())
    with pytest.raises(DamagedProfile, match="in the vault is damaged"):
        vault.prune(phone.file.id, 1, grace=0)
    assert sorted(entries.iterdir()) == before
    vault.fetch(phone.file.id, tmp_path / "b.vphone", number=2)


def test_a_mark_that_makes_no_sense_deletes_nothing(phone: Phone, tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    vault = Vault(str(folder))
    fill(phone, vault, 2)
    vault.prune(phone.file.id, 1, grace=0)
    (mark,) = folder.glob("*/doomed/*")
    for text in (b"", b"-5", b"x" * 100, b"9" * 19):
        mark.write_bytes(text)
        assert vault.prune(phone.file.id, 1, grace=0).packs == 0


def test_one_generation_stays(phone: Phone, tmp_path: Path) -> None:
    vault = Vault(str(tmp_path / "vault"))
    vault.copy(phone.file, 1)
    with pytest.raises(ValueError):
        vault.prune(phone.file.id, 0)
    assert vault.prune(phone.file.id, 5).generations == 0


def test_packs_of_a_copy_that_never_ended_go(phone: Phone, tmp_path: Path, monkeypatch: Any) -> None:
    folder = tmp_path / "vault"
    vault = Vault(str(folder))
    vault.copy(phone.file, 1)
    (folder / phone.file.id.hex() / "packs" / ("ab" * 32 + ".0123.part")).write_bytes(b"begun")
    for _ in range(2):
        vault.prune(phone.file.id, 1, grace=0)
    assert packs(folder) == 1
    assert vault.check(phone.file.id) == []


@pytest.mark.parametrize("times", [1, 2, 3])
def test_packs_that_go_while_they_are_relied_upon_are_sent_again(
    phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """A pruning without any grace, just before the entry is written: it cannot know of the copy."""
    folder = tmp_path / "vault"
    vault, other = Vault(str(folder)), Vault(str(folder))
    fill(phone, vault, 2)
    begun = next(folder.glob("*/generations/*2-*"))
    phone.save(range(20))
    write, left = vault._store.write, [times]

    def late(name: str, content: bytes) -> None:
        if "generations" in name and left[0]:
            left[0] -= 1
            begun.unlink(missing_ok=True)
            for _ in range(2):
                other.prune(phone.file.id, 1, grace=0)
        write(name, content)

    monkeypatch.setattr(vault._store, "write", late)
    if times < 3:
        assert vault.copy(phone.file, 3).chunks >= 41
        assert 3 in numbers(other)
    else:
        with pytest.raises(ProfileError, match="being cleaned"):
            vault.copy(phone.file, 3)
        assert 3 not in numbers(other)
    assert other.check(phone.file.id) == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_copies_and_prunings_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Prunings without any grace come between the steps of copies: what is said to be there, is."""
    folder = tmp_path_factory.mktemp("any")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pocketvisor.profile.vault.packs.TARGET", 60_000)
        phone = Phone(folder / "a.vphone")
        with phone.file:  # closed where an example is given up, too
            vault, other = Vault(str(folder / "vault")), Vault(str(folder / "vault"))
            vault.copy(phone.file, 1)
            write = vault._store.write

            def interrupted(name: str, content: bytes) -> None:
                for _ in range(data.draw(st.sampled_from([0, 0, 1, 2]))):
                    other.prune(phone.file.id, 1, grace=0)
                write(name, content)
                for _ in range(data.draw(st.sampled_from([0, 0, 1, 2]))):
                    other.prune(phone.file.id, 1, grace=0)

            patch.setattr(vault._store, "write", interrupted)
            for _ in range(data.draw(st.integers(1, 4))):
                changed = data.draw(st.sets(st.integers(0, 39), max_size=40))
                generation = phone.save(changed)
                try:
                    vault.copy(phone.file, generation.number)
                except ProfileError as error:
                    assert "being cleaned" in str(error)
                else:
                    assert generation.number in numbers(other)
                assert other.check(phone.file.id) == []
