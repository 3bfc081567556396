"""What was taken out of a profile's keys is in no byte of the file any more, nor beside it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest
from vault_kit import Phone, content

from pocketvisor.errors import LockedProfile
from pocketvisor.profile import keys
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import KeySlot, NewKeys, Unlock, changed_passphrase, other_slots

ONE, TWO = Unlock(passphrase="one"), Unlock(passphrase="two")


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "ARGON_MEMORY", 64)
    monkeypatch.setattr(keys, "ARGON_PASSES", 1)


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Phone]:
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    made = Phone(tmp_path / "a.vphone", NewKeys(passphrase="one", recipients=(recipient,)))
    yield made
    made.file.close()


def traces(folder: Path, slots: tuple[KeySlot, ...]) -> list[str]:
    """Where a part of a slot that is worth something still stands, in any file here."""
    found = []
    for path in folder.rglob("*"):
        whole = path.read_bytes()
        for slot in slots:
            # The last bytes are the wrapped key itself (and its tag); an age file's are, too.
            pieces = {slot.wrapped[-64:-32], slot.wrapped[-32:], slot.wrapped[-48:-24]}
            found += [f"{path.name}: {slot.kind}" for piece in pieces if piece in whole]
    return found


def test_traces_are_found_where_they_are(phone: Phone, tmp_path: Path) -> None:
    """The measure itself: before anything is wiped, each slot is seen, and in the spare copy of it as
    well."""
    slots = phone.file.key_slots()
    phone.file.close()
    assert len(traces(tmp_path, slots)) == 2 * 3
    assert (tmp_path / "a.vphone").read_bytes().count(slots[0].wrapped) == 2


@pytest.mark.parametrize("saves", [0, 3])
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "open"])
def test_a_wiped_profile_has_no_trace_of_its_keys(
    phone: Phone, tmp_path: Path, saves: int, closed: bool
) -> None:
    slots = phone.file.key_slots()
    for number in range(saves):
        phone.save([number])
    phone.file.wipe()
    if closed:
        phone.file.close()
        assert os.listdir(tmp_path) == ["a.vphone"]
    assert traces(tmp_path, slots) == []
    with ProfileFile.open(tmp_path / "a.vphone", read_only=True) as wiped:
        assert wiped.info.wiped
        assert len(wiped.info.generations) == 1 + saves
        for unlock in (ONE, Unlock()):
            with pytest.raises(LockedProfile, match="wiped"):
                wiped.unlock(unlock)
        with pytest.raises(LockedProfile, match="wiped"):
            wiped.manifest(1)


def test_an_old_passphrase_leaves_no_trace(phone: Phone, tmp_path: Path) -> None:
    """Changed several times, with saves in between, in a file that stays open."""
    file = phone.file
    old = file.key_slots()[:1]
    now = "one"
    for step in range(4):
        phone.save([step])
        file.replace_slots(changed_passphrase(file.key_slots(), now, f"new {step}", file.header.public))
        now = f"new {step}"
        assert traces(tmp_path, old) == []
        old += file.key_slots()[:1]
    kept = file.key_slots()
    file.close()
    assert traces(tmp_path, old[:-1]) == []
    with ProfileFile.open(tmp_path / "a.vphone") as again:
        assert again.key_slots() == kept
        with pytest.raises(LockedProfile):
            again.unlock(ONE)
        again.unlock(Unlock(passphrase=now))
        assert again.verify() == []
        assert content(again, 5) == phone.were[5]


def test_a_removed_recipient_leaves_no_trace(phone: Phone, tmp_path: Path) -> None:
    file = phone.file
    age = file.key_slots()[1:]
    file.replace_slots(other_slots(file.key_slots(), ONE, file.header.public, remove=[1]))
    assert traces(tmp_path, age) == []
    file.close()
    assert traces(tmp_path, age) == []


def test_slots_come_and_go_without_a_trace(phone: Phone, tmp_path: Path) -> None:
    """Large ones, so that SQLite moves pages and frees some."""
    file = phone.file
    gone: tuple[KeySlot, ...] = ()
    for count in (14, 0, 9, 3):
        recipients = tuple(str(pyrage.x25519.Identity.generate().to_public()) for _ in range(count))
        slots = file.key_slots()
        gone += slots[1:]
        add = NewKeys(recipients=recipients) if recipients else None
        file.replace_slots(other_slots(slots, ONE, file.header.public, add=add, remove=range(1, len(slots))))
        assert traces(tmp_path, gone) == []
    file.close()
    assert traces(tmp_path, gone) == []


def test_a_profile_that_is_not_sealed_is_emptied(tmp_path: Path) -> None:
    phone = Phone(tmp_path / "plain.vphone", seed=7)
    phone.save([1, 2])
    pieces = [phone.were[2][at : at + 32] for at in range(0, len(phone.were[2]), 4096)]
    slots = phone.file.key_slots()
    whole = (tmp_path / "plain.vphone").read_bytes()
    assert all(piece in whole for piece in pieces)
    phone.file.wipe()
    phone.file.close()
    whole = (tmp_path / "plain.vphone").read_bytes()
    assert not [piece for piece in (*pieces, slots[0].wrapped) if piece in whole]
    with ProfileFile.open(tmp_path / "plain.vphone", read_only=True) as wiped:
        assert wiped.info.wiped
        assert wiped.info.generations == ()
