"""A vault: copies of profiles' generations outside the handset, in a folder or by any fsspec URL.

    pocketvisor-vault               that it is one, and its version
    ID/header                       what makes an empty copy of the profile, and its name, sealed
    ID/packs/PACK                   chunks (packs.py)
    ID/generations/NUMBER-DIGEST    a generation: its signed manifest, and what it needs of which packs
    ID/doomed/PACK                  since when no generation needs it

A generation is there when its entry is, and that is written last: an interrupted copy leaves packs that the
next one finds. Nothing but the header is changed in place, so several may copy at once. A vault needs no
trust: what comes from it is signed and sealed as in the profile's file; it can withhold, or show an older
state, no more.

Left out: who may read a vault, which matters for profiles without keys. That is the folder's or service's.
"""

import contextlib
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from pocketvisor.errors import DamagedProfile, ProfileError
from pocketvisor.profile.exporting import new_file
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import Unlock
from pocketvisor.profile.reading import Generation
from pocketvisor.profile.sealing import unlocked
from pocketvisor.profile.vault import copying as vault_copying
from pocketvisor.profile.vault import fetching as vault_fetching
from pocketvisor.profile.vault import pruning as vault_pruning
from pocketvisor.profile.vault.copying import Copied
from pocketvisor.profile.vault.entries import (
    HEADER_MAX,
    VaultHeader,
    decode_header,
    parse_entry_name,
    read_entry,
    read_name,
)
from pocketvisor.profile.vault.packs import PackHead
from pocketvisor.profile.vault.pruning import GRACE, Pruned
from pocketvisor.profile.vault.store import MissingInVault, Store

MARKER: Final = "pocketvisor-vault"
MARKED: Final = b"pocketvisor vault 1\n"
_ID: Final = re.compile(r"[0-9a-f]{32}")

Progress = Callable[[str, float | None], None]
Cancelled = Callable[[], bool]


class VaultGeneration(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    digest: str
    """Its first 16 hexadecimal digits: two of one number are of copies that went on separately."""


class VaultProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A profile in a vault, as far as can be told with what was given."""

    id: bytes
    name: str | None = None
    """None where it takes a key that was not given."""
    sealed: bool = True
    created_ns: int = 0
    """Of the newest generation."""
    generations: tuple[VaultGeneration, ...] = ()
    """The newest last."""
    size: int = 0
    """Bytes of all its packs."""
    problem: str = ""


class Vault:
    """Every call blocks and is for any thread."""

    def __init__(self, url: str) -> None:
        """A folder's path, or a URL that fsspec knows. Nothing is made yet. Raises ProfileError."""
        self._store = Store(url)
        self.shown = self._store.shown
        """The URL without a password."""
        self._heads: dict[bytes, PackHead] = {}
        self._lock = threading.Lock()
        self._marked = False

    def copy(
        self,
        profile: ProfileFile,
        number: int,
        *,
        name: str | None = None,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> Copied:
        """Bring a generation of an unlocked profile into the vault: what is there already does not travel. It
        is there when this returns. `name`: by which list() knows the profile. Raises ProfileError."""
        with self._lock:
            if not self._marked:
                self._mark()
            name = profile.path.stem if name is None else name
            copying = vault_copying.Copying(self._store, self._heads, profile, number, progress, cancelled)
            return copying.run(name)

    def _mark(self) -> None:
        try:
            self._check_marker()
        except MissingInVault:
            self._store.write(MARKER, MARKED)
        self._marked = True

    def _check_marker(self) -> None:
        found = self._store.read(MARKER, 4096)
        if found != MARKED:
            raise ProfileError(f"{self.shown} is no vault that this version of Pocketvisor knows")

    def _must_be_one(self) -> None:
        try:
            self._check_marker()
        except MissingInVault:
            raise ProfileError(f"{self.shown} is no vault: nothing was copied to it yet") from None

    # --- what is in it

    def list(self, unlocks: Iterable[Unlock] = ()) -> Sequence[VaultProfile]:
        """Names are told of profiles without keys, and of those that one of `unlocks` opens (a passphrase
        takes a fifth of a second each). Raises ProfileError."""
        self._must_be_one()
        unlocks = tuple(unlocks)
        return [self._listed(name, unlocks) for name in sorted(self._store.names("")) if _ID.fullmatch(name)]

    def _listed(self, folder: str, unlocks: tuple[Unlock, ...]) -> VaultProfile:
        listed = VaultProfile(id=bytes.fromhex(folder))
        try:
            names = self._entry_names(folder)
            listed = msgspec.structs.replace(
                listed,
                generations=tuple(
                    VaultGeneration(number=parse_entry_name(name) or 0, digest=name.partition("-")[2])
                    for name in names
                ),
                size=sum(self._store.names(f"{folder}/packs").values()),
            )
            header = self._header(listed.id)
            listed = msgspec.structs.replace(
                listed, sealed=header.raw.header.sealed, name=_name(header, unlocks)
            )
            if names:
                created = read_entry(self._store, header.raw.header, names[-1]).raw.created
                listed = msgspec.structs.replace(listed, created_ns=created)
        except ProfileError as error:
            return msgspec.structs.replace(listed, problem=str(error))
        return listed

    def _header(self, profile: bytes) -> VaultHeader:
        try:
            return decode_header(profile, self._store.read(f"{profile.hex()}/header", HEADER_MAX))
        except MissingInVault:
            raise ProfileError(f"The vault {self.shown} has no profile {profile.hex()[:12]}") from None

    def _entry_names(self, folder: str) -> Sequence[str]:
        """The newest last."""
        return sorted(
            name for name in self._store.names(f"{folder}/generations") if parse_entry_name(name) is not None
        )

    # --- out of it

    def fetch(
        self,
        profile: bytes,
        path: Path,
        *,
        number: int | None = None,
        history: bool = False,
        unlock: Unlock | None = None,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> Generation:
        """Make a profile's file of the newest generation, or of that `number`; `history`: of all up to it. It
        is checked as far as can be without a key, and in everything with one. Raises ProfileError, and then
        there is no file."""
        self._must_be_one()
        header = self._header(profile)
        entries = vault_fetching.choose(
            self._store, header.raw.header, self._entry_names(profile.hex()), number, history
        )
        with new_file(path, header.raw) as file:
            if unlock is not None:
                file.unlock(unlock)  # a wrong passphrase is told before anything travels
            needed = vault_fetching.needed_packs(entries)
            for done, (name, bits) in enumerate(needed.items()):
                vault_copying.look(cancelled)
                if progress is not None:
                    progress("Fetching from the vault", done / len(needed))
                for own, body in vault_fetching.read_pack(self._store, file.header, name, bits):
                    file.store_raw(own, body)
            for entry in entries:
                generation = file.adopt(entry.raw)
            if not file.locked and (damage := file.verify(progress)):
                raise DamagedProfile(f"What the vault has is damaged: {damage[0].what}")
        return generation

    def check(
        self, profile: bytes, *, progress: Progress | None = None, cancelled: Cancelled | None = None
    ) -> Sequence[str]:
        """What is wrong with a profile's copies, by reading all of them: nothing, or sentences. No key is
        needed. Raises ProfileError."""
        self._must_be_one()
        header = self._header(profile).raw.header
        problems = []
        entries = []
        for name in self._entry_names(profile.hex()):
            try:
                entries.append(read_entry(self._store, header, name))
            except DamagedProfile as error:
                problems.append(str(error))
        first = {use.name: entry.raw.number for entry in reversed(entries) for use in entry.packs}
        needed = vault_fetching.needed_packs(entries)
        for done, (pack, bits) in enumerate(needed.items()):
            vault_copying.look(cancelled)
            if progress is not None:
                progress("Checking the vault", done / len(needed))
            try:
                for _ in vault_fetching.read_pack(self._store, header, pack, bits):
                    pass
            except (DamagedProfile, MissingInVault) as error:
                problems.append(f"Generation {first[pack]}: {error}")
        return problems

    # --- making room

    def prune(
        self, profile: bytes, keep: int, *, protect: Iterable[int] = (), grace: float = GRACE
    ) -> Pruned:
        """Leave the newest `keep` generations and those with the numbers `protect`. Their packs go the next
        time, `grace` seconds later at the earliest: a copy under way may need them. Raises ProfileError."""
        if keep < 1:
            raise ValueError("a vault keeps one generation at least: forget() removes a profile")
        self._must_be_one()
        header = self._header(profile).raw.header
        names = self._entry_names(profile.hex())
        return vault_pruning.prune(self._store, header, names, keep, frozenset(protect), grace)

    def forget(self, profile: bytes) -> None:
        """Delete a profile from the vault, its key slots first. Raises ProfileError."""
        self._must_be_one()
        folder = profile.hex()
        self._store.delete(f"{folder}/header")
        for part in ("generations", "packs", "doomed"):
            for name in self._store.names(f"{folder}/{part}"):
                self._store.delete(f"{folder}/{part}/{name}")
            self._store.delete_folder(f"{folder}/{part}")
        for name in self._store.names(folder):
            self._store.delete(f"{folder}/{name}")
        self._store.delete_folder(folder)


def _name(header: VaultHeader, unlocks: tuple[Unlock, ...]) -> str | None:
    raw = header.raw
    for unlock in unlocks if raw.header.sealed else (Unlock(),):
        with contextlib.suppress(ProfileError):
            sealer = unlocked(raw.slots, unlock, raw.header.public, sealed=raw.header.sealed)
            return read_name(header, sealer)
    return None
