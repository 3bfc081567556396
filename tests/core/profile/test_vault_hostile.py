"""What a hostile, damaged or half-cleaned vault can do: withhold. Nothing of it comes through as a phone's
content."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vault_kit import CHUNK, Phone, content

from pocketvisor.errors import DamagedProfile, PocketvisorError, ProfileError
from pocketvisor.profile import keys
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys, Unlock
from pocketvisor.profile.vault import Vault
from pocketvisor.profile.vault.entries import (
    Entry,
    decode_entry,
    encode_entry,
    entry_name,
    pack_use,
    parse_entry_name,
)
from pocketvisor.profile.vault.packs import PackHead, make_pack

UNLOCK = Unlock(passphrase="one")


class Kept:
    """A sealed phone with two generations in a vault's folder."""

    def __init__(self, folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(keys, "ARGON_MEMORY", 64)
            patch.setattr(keys, "ARGON_PASSES", 1)
            self.phone = Phone(folder / "a.vphone", NewKeys(passphrase="one"))
        self.phone.save(range(5))
        self.folder = folder / "vault"
        self.vault = Vault(str(self.folder))
        for number in (1, 2):
            self.vault.copy(self.phone.file, number)
        self.own = self.folder / self.phone.file.id.hex()
        self.target = folder / "back.vphone"

    def fetch(self, unlock: Unlock | None = UNLOCK, number: int | None = None) -> bytes:
        """The content as it came back."""
        try:
            vault = Vault(str(self.folder))
            got = vault.fetch(self.phone.file.id, self.target, unlock=unlock, number=number)
            with ProfileFile.open(self.target) as file:
                file.unlock(UNLOCK)
                return content(file, got.number)
        finally:
            self.target.unlink(missing_ok=True)

    def files(self) -> list[Path]:
        return sorted(path for path in self.own.rglob("*") if path.is_file())


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path)
    yield made
    made.phone.file.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    made = Kept(tmp_path_factory.mktemp("shared"))
    yield made
    made.phone.file.close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flips_and_truncations_of_any_file_are_refused_or_without_effect(
    shared: Kept, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(shared.files()))
    was = path.read_bytes()
    changed = bytearray(was)
    if data.draw(st.booleans()):
        changed[data.draw(st.integers(0, len(was) - 1))] ^= data.draw(st.integers(1, 255))
    else:
        del changed[data.draw(st.integers(0, len(was) - 1)) :]
    unlock = data.draw(st.sampled_from([UNLOCK, None]))
    path.write_bytes(changed)
    try:
        try:
            back = shared.fetch(unlock)
        except PocketvisorError:
            pass
        else:
            assert back == shared.phone.were[2]
        for listed in Vault(str(shared.folder)).list():
            assert listed.name is None
    finally:
        path.write_bytes(was)


def test_each_missing_file_is_noticed(kept: Kept) -> None:
    for path in kept.files():
        hidden = path.with_suffix(".hidden")
        path.rename(hidden)
        if "generations" in path.parts:
            assert len(Vault(str(kept.folder)).list()[0].generations) == 1  # withheld, not wrong
        elif path.name == "header":
            assert "no profile" in Vault(str(kept.folder)).list()[0].problem
        else:
            assert Vault(str(kept.folder)).check(kept.phone.file.id)
            with pytest.raises(ProfileError, match="lacks a file"):
                kept.fetch()
        hidden.rename(path)
    assert kept.vault.check(kept.phone.file.id) == []


def test_check_names_the_generations_that_suffer(kept: Kept) -> None:
    packs = sorted((kept.own / "packs").iterdir(), key=lambda path: path.stat().st_size)
    whole = bytearray(packs[0].read_bytes())  # the second generation's
    whole[-1] ^= 1
    packs[0].write_bytes(whole)
    (problem,) = kept.vault.check(kept.phone.file.id)
    assert problem == "Generation 2: A pack in the vault is damaged"
    with pytest.raises(DamagedProfile):
        kept.fetch()
    assert kept.fetch(number=1) == kept.phone.were[1]


def test_a_damaged_vault_is_made_good_by_the_next_copy(kept: Kept) -> None:
    """What is missing or cut short in it is sent again, from the phone that still has it."""
    for path in kept.files():
        path.write_bytes(path.read_bytes()[:-1])
    Vault(str(kept.folder)).copy(kept.phone.file, 2)
    assert kept.fetch() == kept.phone.were[2]


def test_another_profiles_files_are_not_taken_for_this_one(kept: Kept, tmp_path: Path) -> None:
    other = Phone(tmp_path / "other.vphone", seed=9)
    kept.vault.copy(other.file, 1)
    foreign = kept.folder / other.file.id.hex()
    header = (kept.own / "header").read_bytes()
    shutil.copy(foreign / "header", kept.own / "header")
    with pytest.raises(DamagedProfile, match="of another one"):
        kept.fetch()
    (kept.own / "header").write_bytes(header)
    for entry in (kept.own / "generations").iterdir():
        entry.unlink()
    for entry in (foreign / "generations").iterdir():
        shutil.copy(entry, kept.own / "generations")
    with pytest.raises(DamagedProfile, match="Generation 1 in the vault"):
        kept.fetch()
    other.file.close()


def test_an_older_generation_under_a_newer_name_is_refused(kept: Kept) -> None:
    first, second = sorted((kept.own / "generations").iterdir())
    second.write_bytes(first.read_bytes())
    with pytest.raises(DamagedProfile, match="Generation 2 in the vault is damaged"):
        kept.fetch()
    second.unlink()
    shutil.copy(first, first.with_name(f"{7:016}" + first.name[16:]))
    with pytest.raises(DamagedProfile, match="Generation 7 in the vault is damaged"):
        kept.fetch()


def test_an_entry_that_the_profile_did_not_sign_is_refused(kept: Kept) -> None:
    """Even where it names genuine packs: what is needed of them is the profile's to say."""
    file = kept.phone.file
    raw = file.raw_manifest(2)
    forged = ProfileFile.create(kept.folder.parent / "forged.vphone")
    entry = encode_entry(Entry(1, raw, (), 0), forged.sealer)
    forged.close()
    name = entry_name(file.id, raw)
    (kept.own / "generations" / name).write_bytes(entry)
    with pytest.raises(DamagedProfile, match="Generation 2 in the vault is damaged"):
        kept.fetch()


def test_a_generation_without_its_chunks_is_refused_though_it_is_signed(kept: Kept) -> None:
    """As a program with a fault, or another holder of the key, could write it."""
    file = kept.phone.file
    raw = file.raw_manifest(2)
    name = entry_name(file.id, raw)
    (kept.own / "generations" / name).write_bytes(encode_entry(Entry(1, raw, (), 0), file.sealer))
    with pytest.raises(ProfileError):
        kept.fetch()
    assert not kept.target.exists()


def hostile_names(own: Path) -> dict[str, Callable[[], object]]:
    packs = own / "packs"
    return {
        "a link in place of a pack": lambda: replace(
            next(packs.iterdir()), lambda p: p.symlink_to("/dev/zero")
        ),
        "a pipe in place of a pack": lambda: replace(next(packs.iterdir()), os.mkfifo),
        "a folder in place of a pack": lambda: replace(next(packs.iterdir()), Path.mkdir),
        "a huge pack": lambda: enlarge(next(packs.iterdir()), 1 << 40),
        "a huge header": lambda: enlarge(own / "header", 1 << 40),
        "huge entries": lambda: [enlarge(path, 1 << 40) for path in (own / "generations").iterdir()],
        "a link in place of a header": lambda: replace(own / "header", lambda p: p.symlink_to("/dev/zero")),
        "a file in place of the entries": lambda: replace(own / "generations", lambda p: p.write_text("")),
    }


def replace(path: Path, make: Callable[[Path], object]) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    make(path)


def enlarge(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)


@pytest.mark.parametrize("what", list(hostile_names(Path())))
def test_hostile_files_are_refused(kept: Kept, what: str) -> None:
    for pack in list((kept.own / "packs").iterdir())[1:]:
        pack.unlink()
    hostile_names(kept.own)[what]()
    with pytest.raises(ProfileError):
        kept.fetch()
    Vault(str(kept.folder)).list()


def test_what_does_not_belong_into_a_vault_is_left_alone(kept: Kept) -> None:
    for name in ("README", "0" * 31, "../escape", ".."):
        if "/" not in name and name != "..":
            (kept.folder / name).mkdir()
    (kept.own / "generations" / "notes.txt").write_text("")
    (kept.own / "generations" / ("9" * 16 + "-" + "0" * 15)).write_text("")
    assert len(kept.vault.list()) == 1
    assert kept.fetch() == kept.phone.were[2]


def test_a_vault_of_a_newer_program_is_refused(kept: Kept) -> None:
    (kept.folder / "pocketvisor-vault").write_text("pocketvisor vault 2\n")
    vault = Vault(str(kept.folder))
    for call in (
        vault.list,
        lambda: vault.fetch(kept.phone.file.id, kept.target),
        lambda: vault.copy(kept.phone.file, 2),
        lambda: vault.prune(kept.phone.file.id, 1),
        lambda: vault.forget(kept.phone.file.id),
    ):
        with pytest.raises(ProfileError, match="no vault that this version"):
            call()


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_no_pack(content: bytes) -> None:
    with pytest.raises(DamagedProfile):
        PackHead(content)


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=20, unique=True), st.data())
def test_a_pack_gives_back_its_chunks_and_nothing_else(bodies: list[bytes], data: st.DataObject) -> None:
    chunks = [(bytes([place]) * 32, body) for place, body in enumerate(bodies)]
    head, whole = make_pack(chunks)
    assert head.size == len(whole)
    for index, (own, body) in enumerate(chunks):
        start, size = head.place(index)
        assert head.ids[index] == own
        assert head.checked(index, whole[start : start + size]) == body
    wrong = data.draw(st.binary(max_size=50))
    index = data.draw(st.integers(0, len(bodies) - 1))
    if wrong != bodies[index]:
        with pytest.raises(DamagedProfile):
            head.checked(index, wrong)


@given(st.text(max_size=40))
def test_entry_names_are_numbers_and_digests(name: str) -> None:
    assert parse_entry_name(name) is None
    assert parse_entry_name(f"{12:016}-{'a' * 16}") == 12
    assert parse_entry_name(f"{0:016}-{'a' * 16}") is None


@given(st.sets(st.integers(0, 1023), min_size=1))
def test_the_bits_of_a_pack_say_what_is_needed(needed: set[int]) -> None:
    use = pack_use(bytes(32), sorted(needed))
    bits = int.from_bytes(use.needed, "little")
    assert {index for index in range(1024) if bits >> index & 1} == needed
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(use), type=type(use)) == use


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_no_entry(shared: Kept, whole: bytes) -> None:
    with pytest.raises(DamagedProfile):
        decode_entry(shared.phone.file.header, f"{1:016}-{'0' * 16}", whole)


def test_a_sealed_vault_shows_nothing_of_what_is_in_the_phone(tmp_path: Path) -> None:
    """Nor does the file: its name apart, no fact of the phone stands in either."""
    secret = b"a message to nobody else. "
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "ARGON_MEMORY", 64)
        file = ProfileFile.create(tmp_path / "x.vphone", NewKeys(passphrase="one"))
    plain = (secret * 200)[:CHUNK]
    with file.begin(0) as saving:
        space = saving.space("mailbox-space", 8 * CHUNK, CHUNK, None, None, lambda index: plain)
        saving.commit(
            name="holiday-snapshot",
            kind="suspend",
            guest=b"guest-facts",
            policy=b"policy-facts",
            spaces=[space],
            thumbnail=b"\x89PNG-picture",
        )
    file.rename(1, "renamed-generation")
    Vault(str(tmp_path / "vault")).copy(file, 1, name="secretname")
    file.close()
    facts = [
        secret[:12],
        b"mailbox",
        b"holiday",
        b"suspend",
        b"guest-facts",
        b"policy-facts",
        b"PNG-picture",
        b"renamed-gen",
        b"secretname",
    ]
    for path in tmp_path.rglob("*"):
        if path.is_file():
            whole = path.read_bytes()
            assert not [fact for fact in facts if fact in whole], path
