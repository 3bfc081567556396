"""A vault gives back what was copied into it, whoever else copies at the time and wherever a copy was cut."""

import contextlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from vault_kit import CHUNK, Phone, content

from pocketvisor.errors import LockedProfile, ProfileError
from pocketvisor.profile import keys
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys, Unlock
from pocketvisor.profile.vault import Vault
from pocketvisor.profile.vault import store as vault_store
from pocketvisor.profile.vault.copying import VaultCancelled

UNLOCK = Unlock(passphrase="one")


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "ARGON_MEMORY", 64)
    monkeypatch.setattr(keys, "ARGON_PASSES", 1)


def rename(fs: Any, old: str, new: str) -> None:
    """At once, as on a server; fsspec's own for memory copies."""
    fs.store[fs._strip_protocol(new)] = fs.store.pop(fs._strip_protocol(old))


def at_once(call: Any) -> Any:
    """As on a server, which lists a folder as it is at one moment: fsspec's memory asks for each file's size
    by its name, which a rename has taken away meanwhile."""

    def alone(*arguments: Any, **named: Any) -> Any:
        with _server:
            return call(*arguments, **named)

    return alone


_server = threading.RLock()


@pytest.fixture(params=["folder", "memory", "renaming"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A folder; an object store, where a file appears at once; a service as SFTP, where it is renamed."""
    if request.param == "folder":
        yield str(tmp_path / "vault")
        return
    if request.param == "renaming":
        monkeypatch.setattr(vault_store, "_RENAMING", {"memory"})
        monkeypatch.setattr(vault_store, "_AHEAD", {"memory"})
        memory = type(fsspec.filesystem("memory"))
        monkeypatch.setattr(memory, "mv", at_once(rename))
        for name in ("ls", "put_file"):
            monkeypatch.setattr(memory, name, at_once(getattr(memory, name)))
    yield f"memory://{tmp_path.name}/vault"
    with contextlib.suppress(FileNotFoundError):
        fsspec.filesystem("memory").rm(f"/{tmp_path.name}", recursive=True)


@pytest.fixture(params=["sealed", "plain"])
def phone(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Phone]:
    sealed = request.param == "sealed"
    made = Phone(tmp_path / "Blue phone.vphone", NewKeys(passphrase="one") if sealed else None)
    yield made
    made.file.close()


def files(url: str) -> dict[str, int]:
    """Everything in a vault, with sizes."""
    fs, root = fsspec.url_to_fs(url)
    return {name.removeprefix(root): fs.size(name) for name in fs.find(root)}


def packs(url: str) -> set[str]:
    return {name for name in files(url) if "/packs/" in name}


def test_what_was_copied_comes_back(url: str, phone: Phone, tmp_path: Path) -> None:
    vault = Vault(url)
    first = phone.save([1, 2, 3])
    phone.save(range(20, 30), name="a name")
    for number in (1, 2, 3):
        vault.copy(phone.file, number)
    assert vault.check(phone.file.id) == []
    words: list[tuple[str, float | None]] = []
    newest = Vault(url).fetch(
        phone.file.id,
        tmp_path / "back.vphone",
        unlock=UNLOCK,
        progress=lambda text, part: words.append((text, part)),
    )
    assert newest.number == 3
    assert words[0] == ("Fetching from the vault", 0)
    with ProfileFile.open(tmp_path / "back.vphone") as back:
        back.unlock(UNLOCK)
        assert back.verify() == []
        assert [each.number for each in back.generations()] == [3]
        assert back.generations()[0].name == "a name"
        assert content(back, 3) == phone.were[3]
    older = vault.fetch(phone.file.id, tmp_path / "older.vphone", number=2, unlock=UNLOCK)
    assert older.digest == first.digest
    vault.fetch(phone.file.id, tmp_path / "all.vphone", history=True)
    with ProfileFile.open(tmp_path / "all.vphone") as back:
        back.unlock(UNLOCK)
        assert back.verify() == []
        assert {each.number: content(back, each.number) for each in back.generations()} == phone.were
    assert stat.S_IMODE((tmp_path / "back.vphone").stat().st_mode) == 0o600
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


def test_the_fetched_profile_goes_on_and_is_copied_further(url: str, phone: Phone, tmp_path: Path) -> None:
    vault = Vault(url)
    vault.copy(phone.file, 1)
    vault.fetch(phone.file.id, tmp_path / "back.vphone", unlock=UNLOCK)
    with ProfileFile.open(tmp_path / "back.vphone") as back:
        back.unlock(UNLOCK)
        space = back.manifest(1).space("ram")
        with back.begin(1) as saving:
            same = saving.space("ram", 40 * CHUNK, CHUNK, space, [0], lambda index: b"n" * CHUNK)
            saving.commit(kind="autosave", spaces=[same])
        cost = Vault(url).copy(back, 2)
        assert cost.chunks == 2  # the chunk and its node


def test_only_new_chunks_travel(url: str, phone: Phone) -> None:
    vault = Vault(url)
    cost = vault.copy(phone.file, 1)
    assert (cost.chunks, cost.packs) == (41, 1)
    assert 40 * CHUNK < cost.bytes < 41 * CHUNK * 1.1
    before = files(url)
    again = vault.copy(phone.file, 1)
    assert (again.chunks, again.bytes, again.packs) == (0, 0, 0)
    assert files(url) == before
    phone.save([7])
    for known in (vault, Vault(url)):  # one that saw the first copy, and one that only reads the vault
        cost = known.copy(phone.file, 2)
        assert cost.bytes < 4 * CHUNK
    new = {name: size for name, size in files(url).items() if name not in before}
    assert sum(new.values()) < 5 * CHUNK
    assert sorted(name.split("/")[2] for name in new) == ["generations", "packs"]


def test_packs_that_are_hardly_needed_are_not_relied_upon(url: str, phone: Phone) -> None:
    """So an old pack does not stay for one chunk, and a generation never hangs on far more than it needs."""
    vault = Vault(url)
    vault.copy(phone.file, 1)
    phone.save(range(0, 25))
    assert vault.copy(phone.file, 2).chunks == 26  # 15 of 41 are still of use
    phone.save(range(25, 36))
    assert vault.copy(phone.file, 3).chunks == 12 + 4  # 4 of 41 are not


def test_many_small_packs_become_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketvisor.profile.vault.copying.SMALL_MAX", 5)
    phone = Phone(tmp_path / "a.vphone")
    vault = Vault(str(tmp_path / "vault"))
    vault.copy(phone.file, 1)
    costs = []
    for index in range(8):
        phone.save([index])
        costs.append(vault.copy(phone.file, index + 2).chunks)
    phone.file.close()
    assert costs == [2, 2, 2, 2, 2, 41, 2, 2]


def test_list_tells_names_where_a_key_is_known(url: str, tmp_path: Path) -> None:
    vault = Vault(url)
    with pytest.raises(ProfileError, match="no vault"):
        vault.list()
    plain = Phone(tmp_path / "Plain.vphone")
    sealed = Phone(tmp_path / "Sealed.vphone", NewKeys(passphrase="one"))
    vault.copy(plain.file, 1)
    vault.copy(sealed.file, 1, name="Work phone")
    last = sealed.save([1])
    vault.copy(sealed.file, 2, name="Work phone")
    listed = {each.id: each for each in vault.list()}
    assert listed[plain.file.id].name == "Plain"
    assert not listed[plain.file.id].sealed
    one = listed[sealed.file.id]
    assert (one.name, one.sealed, one.problem) == (None, True, "")
    assert [each.number for each in one.generations] == [1, 2]
    assert last.digest.hex().startswith(one.generations[-1].digest)
    assert one.created_ns == last.created_ns
    assert one.size > 40 * CHUNK
    names = {each.name for each in vault.list([Unlock(passphrase="wrong"), UNLOCK])}
    assert names == {"Plain", "Work phone"}
    for phone in (plain, sealed):
        phone.file.close()
    assert not [name for name in files(url) if "Work" in name or "Plain" in name]


def test_a_changed_passphrase_arrives_with_the_next_copy(url: str, tmp_path: Path) -> None:
    phone = Phone(tmp_path / "a.vphone", NewKeys(passphrase="one"))
    vault = Vault(url)
    vault.copy(phone.file, 1)
    file = phone.file
    file.replace_slots(keys.changed_passphrase(file.key_slots(), "one", "two", file.header.public))
    vault.copy(phone.file, 1)
    with pytest.raises(LockedProfile):
        vault.fetch(file.id, tmp_path / "b.vphone", unlock=UNLOCK)
    vault.fetch(file.id, tmp_path / "b.vphone", unlock=Unlock(passphrase="two"))
    file.close()


def test_a_locked_profile_is_not_copied(url: str, phone: Phone, tmp_path: Path) -> None:
    if not phone.file.sealed:
        return
    with ProfileFile.open(phone.file.path, read_only=True) as locked, pytest.raises(LockedProfile):
        Vault(url).copy(locked, 1)
    with pytest.raises(ProfileError, match="no generation 9"):
        Vault(url).copy(phone.file, 9)


def test_what_is_not_there_is_said(url: str, phone: Phone, tmp_path: Path) -> None:
    vault = Vault(url)
    path = tmp_path / "new.vphone"
    with pytest.raises(ProfileError, match="no vault"):
        vault.fetch(phone.file.id, path)
    vault.copy(phone.file, 1)
    with pytest.raises(ProfileError, match="has no profile"):
        vault.fetch(bytes(16), path)
    with pytest.raises(ProfileError, match="no generation 2"):
        vault.fetch(phone.file.id, path, number=2)
    assert not path.exists()
    path.write_text("mine")
    with pytest.raises(ProfileError, match="there already"):
        vault.fetch(phone.file.id, path)
    assert path.read_text() == "mine"


def test_a_cancelled_copy_goes_on_where_it_was(url: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("pocketvisor.profile.vault.packs.TARGET", 10 * CHUNK)
    phone = Phone(tmp_path / "a.vphone", NewKeys(passphrase="one"))
    vault = Vault(url)
    looks = iter([False, False, True])
    with pytest.raises(VaultCancelled):
        vault.copy(phone.file, 1, cancelled=lambda: next(looks))
    assert vault.list()[0].generations == ()
    with pytest.raises(ProfileError, match="no generation"):
        vault.fetch(phone.file.id, tmp_path / "b.vphone")
    before = packs(url)
    parts: list[float | None] = []
    cost = Vault(url).copy(phone.file, 1, progress=lambda _, part: parts.append(part))
    assert len(before) == 2 and before < packs(url)
    assert cost.packs == len(packs(url) - before)
    assert parts == sorted(parts, key=lambda part: part or 0) and parts[-1] == 1
    looks = iter([False, True])
    with pytest.raises(VaultCancelled):
        vault.fetch(phone.file.id, tmp_path / "b.vphone", cancelled=lambda: next(looks))
    assert sorted(os.listdir(tmp_path)) == sorted({"a.vphone", *os.listdir(tmp_path)} - {"b.vphone"})
    vault.fetch(phone.file.id, tmp_path / "b.vphone", unlock=UNLOCK)
    phone.file.close()


class Cut(Exception):
    pass


def test_a_copy_that_is_cut_at_any_write_harms_nothing(url: str, tmp_path: Path, monkeypatch: Any) -> None:
    """Each write in turn does not happen, and with it all that follow: before, what was there is still whole;
    after, the next copy completes it."""
    monkeypatch.setattr("pocketvisor.profile.vault.packs.TARGET", 6 * CHUNK)
    phone = Phone(tmp_path / "a.vphone", NewKeys(passphrase="one"))
    Vault(url).copy(phone.file, 1)
    phone.save(range(12))
    cuts = 0
    while True:
        vault = Vault(url)
        write, left = vault._store.write, [cuts]

        def cutting(name: str, content: bytes, write: Any = write, left: list[int] = left) -> None:
            if left[0] == 0:
                raise Cut
            left[0] -= 1
            write(name, content)

        monkeypatch.setattr(vault._store, "write", cutting)
        try:
            vault.copy(phone.file, 2)
        except Cut:
            cuts += 1
            assert Vault(url).check(phone.file.id) == []
            assert [each.number for each in Vault(url).list()[0].generations] == [1]
            assert cuts < 20
            continue
        break
    assert cuts >= 1
    back = tmp_path / "b.vphone"
    Vault(url).fetch(phone.file.id, back, history=True, unlock=UNLOCK)
    with ProfileFile.open(back) as file:
        file.unlock(UNLOCK)
        assert {number: content(file, number) for number in (1, 2)} == phone.were
    phone.file.close()


def test_several_copy_at_once(url: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(vault_store, "_AHEAD", set())  # files in fsspec's memory have one position for all
    monkeypatch.setattr("pocketvisor.profile.vault.packs.TARGET", 5 * CHUNK)
    phone = Phone(tmp_path / "a.vphone", NewKeys(passphrase="one"))
    phone.save(range(10))
    phone.save(range(5, 30))
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            Vault(url).copy(phone.file, number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2, 3, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    vault = Vault(url)
    assert vault.check(phone.file.id) == []
    vault.fetch(phone.file.id, tmp_path / "b.vphone", history=True, unlock=UNLOCK)
    with ProfileFile.open(tmp_path / "b.vphone") as file:
        file.unlock(UNLOCK)
        assert {number: content(file, number) for number in (1, 2, 3)} == phone.were
    phone.file.close()


def test_a_file_that_goes_while_its_folder_is_listed_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As each that another copy writes: it gets its name when all of it is there. The folder seemed empty."""
    phone = Phone(tmp_path / "a.vphone")
    vault = Vault(str(tmp_path / "vault"))
    vault.copy(phone.file, 1)
    phone.file.close()
    for folder in tmp_path.glob("vault/*/*/"):
        for name in ("0" * 40, "a" * 40, "f" * 40):
            (folder / f"{name}.part").write_bytes(b"begun")
    scandir, gone = os.scandir, []

    def late(path: Path) -> Any:
        found = list(scandir(path))
        for name in os.listdir(path):
            if name.endswith(".part"):
                os.unlink(path / name)
                gone.append(name)
        return contextlib.nullcontext(found)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", late)
        (listed,) = vault.list()
        assert [each.number for each in listed.generations] == [1] and listed.size > 0
        assert len(gone) == 6
        (tmp_path / "vault" / listed.id.hex() / "generations" / "f.part").write_bytes(b"begun")
        vault.prune(listed.id, 1)
        assert len(gone) == 7
    assert not list(tmp_path.glob("vault/*/doomed/*"))


def test_two_that_went_on_separately_are_both_kept(url: str, phone: Phone, tmp_path: Path) -> None:
    vault = Vault(url)
    vault.copy(phone.file, 1)
    vault.fetch(phone.file.id, tmp_path / "other.vphone", unlock=UNLOCK)
    phone.save([1])
    vault.copy(phone.file, 2)
    with ProfileFile.open(tmp_path / "other.vphone") as other:
        other.unlock(UNLOCK)
        space = other.manifest(1).space("ram")
        with other.begin(1) as saving:
            same = saving.space("ram", 40 * CHUNK, CHUNK, space, [0], lambda index: b"n" * CHUNK)
            later = saving.commit(kind="autosave", spaces=[same])
        vault.copy(other, 2)
    assert [each.number for each in vault.list()[0].generations] == [1, 2, 2]
    got = vault.fetch(phone.file.id, tmp_path / "newer.vphone", history=True, unlock=UNLOCK)
    assert got.digest == later.digest


def test_a_vault_forgets_a_profile(url: str, tmp_path: Path) -> None:
    one, other = Phone(tmp_path / "a.vphone"), Phone(tmp_path / "b.vphone", seed=2)
    vault = Vault(url)
    vault.copy(one.file, 1)
    vault.copy(other.file, 1)
    vault.forget(one.file.id)
    assert [each.id for each in vault.list()] == [other.file.id]
    assert not [name for name in files(url) if one.file.id.hex() in name]
    assert vault.check(other.file.id) == []
    vault.copy(one.file, 1)
    assert len(vault.list()) == 2
    for phone in (one, other):
        phone.file.close()


def test_a_vault_in_a_folder_that_is_not_there_is_not_begun_anew(tmp_path: Path) -> None:
    """As where the disk of a vault is not plugged in."""
    phone = Phone(tmp_path / "a.vphone")
    with pytest.raises(ProfileError, match="cannot be written: No such file"):
        Vault(str(tmp_path / "mnt" / "disk" / "vault")).copy(phone.file, 1)
    phone.file.close()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nosuch://place", "cannot be used"),
        ("/proc/version/vault", "cannot be read"),
    ],
)
def test_a_place_that_cannot_be_is_refused(url: str, sentence: str) -> None:
    with pytest.raises(ProfileError, match=sentence):
        Vault(url).list()


def test_a_password_in_a_url_is_not_shown() -> None:
    assert Vault("memory://user:secret@host/vault?key=1").shown == "memory://host/vault"
