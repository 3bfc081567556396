"""One generation on its way into a vault: which packs have its chunks already, new packs for the others, its
entry.

A pack of which little is needed any more is not relied upon, and neither are many small ones: their chunks
travel again, together. So a generation never hangs on more than four times its size, nor on thousands of
files, and pruning never has to rewrite a pack.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from pocketvisor.errors import DamagedProfile, LockedProfile, ProfileError
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.vault.entries import (
    HEADER_MAX,
    Entry,
    PackUse,
    decode_header,
    encode_entry,
    encode_header,
    entry_name,
    pack_use,
    parse_entry_name,
    read_entry,
    read_name,
)
from pocketvisor.profile.vault.packs import (
    FIRST,
    HEAD_MAX,
    SALT,
    PackHead,
    grouped,
    head_size,
    make_pack,
)
from pocketvisor.profile.vault.pruning import GRACE
from pocketvisor.profile.vault.store import MissingInVault, Store

LOOK_BACK: Final = 4
"""Of so many generations, the newest ones, the packs are known before a copy."""
ATTEMPTS: Final = 3
LEAST_SHARE: Final = 4
"""A pack is relied upon where a generation needs this part of its chunks, or more."""
SMALL: Final = 128
SMALL_MAX: Final = 64
"""Of packs with less than SMALL needed chunks, so many at most."""
HEADS_MAX: Final = 8192


class VaultCancelled(ProfileError):
    """Somebody did not want a copy any more."""


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What travelled."""

    chunks: int = 0
    bytes: int = 0
    packs: int = 0


class Copying:
    def __init__(
        self,
        store: Store,
        heads: dict[bytes, PackHead],
        profile: ProfileFile,
        number: int,
        progress: Callable[[str, float | None], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        """`heads`: of packs that were seen before; added to."""
        self._store = store
        self._heads = heads
        self._profile = profile
        self._raw = profile.raw_manifest(number)
        self._ids = profile.chunk_ids(number)
        self._folder = profile.id.hex()
        self._progress = progress
        self._cancelled = cancelled
        self._chunks = self._bytes = self._packs = 0
        self._size = 0

    def run(self, name: str) -> Copied:
        self._write_header(name)
        own = entry_name(self._profile.id, self._raw)
        with contextlib.suppress(DamagedProfile, MissingInVault):
            entry = read_entry(self._store, self._profile.header, own)
            if self._whole(entry, time.monotonic()):
                return Copied()
        for _ in range(ATTEMPTS):
            began = time.monotonic()
            entry = Entry(1, self._raw, tuple(self._placed()), self._size)
            look(self._cancelled)
            self._store.write(f"{self._folder}/generations/{own}", encode_entry(entry, self._profile.sealer))
            if self._whole(entry, began):
                return Copied(chunks=self._chunks, bytes=self._bytes, packs=self._packs)
            self._store.delete(f"{self._folder}/generations/{own}")  # a pruning was faster
        raise ProfileError(f"The vault {self._store.shown} is being cleaned: try again later")

    def _write_header(self, name: str) -> None:
        raw = self._profile.raw_header()
        if not raw.slots:
            raise LockedProfile(f"{self._profile.path.name} was wiped: there is nothing to copy")
        with contextlib.suppress(DamagedProfile, MissingInVault):
            found = decode_header(self._profile.id, self._store.read(f"{self._folder}/header", HEADER_MAX))
            if found.raw == raw and read_name(found, self._profile.sealer) == name:
                return
        self._store.write(f"{self._folder}/header", encode_header(raw, name, self._profile.sealer))

    def _whole(self, entry: Entry, began: float) -> bool:
        """Whether the entry's packs are there and stay: once it is, it keeps them, unless they were doomed
        before it and this took nearly as long as they have."""
        present = self._store.names(f"{self._folder}/packs")
        if any(use.name.hex() not in present for use in entry.packs):
            return False
        if time.monotonic() - began < GRACE / 2:
            return True
        doomed = self._store.names(f"{self._folder}/doomed")
        return not any(use.name.hex() in doomed for use in entry.packs)

    # --- which packs

    def _placed(self) -> Iterator[PackUse]:
        """What has the chunks, after those that nothing had have been sent."""
        present = self._store.names(f"{self._folder}/packs")
        doomed = self._store.names(f"{self._folder}/doomed")
        missing = set(self._ids)
        self._size = 0
        for head, indices in self._relied_on(present, doomed):
            missing.difference_update(head.ids[index] for index in indices)
            self._size += sum(head.place(index)[1] for index in indices)
            yield pack_use(head.name, indices)
        yield from self._sent(missing, present, doomed)

    def _relied_on(self, present: dict[str, int], doomed: dict[str, int]) -> list[tuple[PackHead, list[int]]]:
        """Packs and what they are needed for, no chunk twice."""
        found = []
        for name in self._recent_packs():
            text = name.hex()
            if text not in present or text in doomed:
                continue
            with contextlib.suppress(DamagedProfile, MissingInVault):
                head = self._head(name)
                needed = sum(own in self._ids for own in head.ids)
                if head.size == present[text] and needed * LEAST_SHARE >= len(head.ids):
                    found.append((needed, head))
        found.sort(key=lambda one: (-one[0], one[1].name))
        chosen = []
        missing = set(self._ids)
        for _, head in found:
            indices = [index for index, own in enumerate(head.ids) if own in missing]
            missing.difference_update(head.ids[index] for index in indices)
            if indices:
                chosen.append((head, indices))
        large = [one for one in chosen if len(one[1]) >= SMALL]
        return chosen if len(chosen) - len(large) <= SMALL_MAX else large

    def _recent_packs(self) -> set[bytes]:
        names = self._store.names(f"{self._folder}/generations")
        entries = sorted((name for name in names if parse_entry_name(name)), reverse=True)
        packs: set[bytes] = set()
        for name in entries[:LOOK_BACK]:
            with contextlib.suppress(DamagedProfile, MissingInVault):
                entry = read_entry(self._store, self._profile.header, name)
                packs.update(use.name for use in entry.packs)
        return packs

    def _head(self, name: bytes) -> PackHead:
        head = self._heads.get(name)
        if head is None:
            path = f"{self._folder}/packs/{name.hex()}"
            size = head_size(self._store.read(path, FIRST, 0, FIRST))
            head = PackHead(self._store.read(path, HEAD_MAX, 0, size))
            if head.name != name:
                raise DamagedProfile("A pack in the vault is damaged")
            self._remember(head)
        return head

    def _remember(self, head: PackHead) -> None:
        if len(self._heads) >= HEADS_MAX:
            self._heads.clear()
        self._heads[head.name] = head

    # --- what is new

    def _sent(
        self, missing: set[bytes], present: dict[str, int], doomed: dict[str, int]
    ) -> Iterator[PackUse]:
        """In the order of their ids, which says nothing: an interrupted copy makes the same packs again."""
        chunks = ((own, self._profile.raw_chunk(own)) for own in sorted(missing))
        done = 0
        for group in grouped(chunks):
            look(self._cancelled)
            head, content = make_pack(group)
            while head.name.hex() in doomed:
                head, content = make_pack(group, secrets.token_bytes(SALT))
            if present.get(head.name.hex()) != len(content):
                self._store.write(f"{self._folder}/packs/{head.name.hex()}", content)
                self._chunks += len(group)
                self._bytes += len(content)
                self._packs += 1
            self._remember(head)
            self._size += sum(len(body) for _, body in group)
            done += len(group)
            if self._progress is not None:
                self._progress("Copying to the vault", done / len(missing))
            yield pack_use(head.name, list(range(len(group))))


def look(cancelled: Callable[[], bool] | None) -> None:
    if cancelled is not None and cancelled():
        raise VaultCancelled("The copy was cancelled")
