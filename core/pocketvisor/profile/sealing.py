"""What makes a profile's bytes secret and genuine. The rest of the package sees this protocol alone."""

from typing import Protocol

import msgspec
from blake3 import blake3

from pocketvisor.errors import DamagedProfile

Buffer = bytes | bytearray | memoryview


class KeySlot(msgspec.Struct, frozen=True, array_like=True):
    """One way to the profile's keys: a row of the file's table `key_slots`. What `body` is, its kind says."""

    kind: str
    body: bytes


class Sealer(Protocol):
    """Of one profile, unlocked. For any thread, several at a time."""

    def chunk_id(self, plain: Buffer) -> bytes:
        """32 bytes that no other content has."""

    def seal(self, packed: bytes, context: bytes) -> bytes:
        """What is written to the file."""

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The opposite. Raises DamagedProfile, without a name: the caller says what it was."""

    def sign(self, message: bytes) -> bytes:
        """Of a generation's digest and of the choice of a head."""

    def check(self, message: bytes, signature: bytes) -> None:
        """Raises DamagedProfile."""


class PlainSealer:
    """Of a profile without keys: whole or not is found, who wrote it is not."""

    def chunk_id(self, plain: Buffer) -> bytes:
        return blake3(plain).digest()

    def seal(self, packed: bytes, context: bytes) -> bytes:
        return packed

    def open(self, sealed: bytes, context: bytes) -> bytes:
        return sealed

    def sign(self, message: bytes) -> bytes:
        return blake3(message, derive_key_context="pocketvisor 2026 plain signature").digest()

    def check(self, message: bytes, signature: bytes) -> None:
        if self.sign(message) != signature:
            raise DamagedProfile("the signature is not of this content")


class Opened(msgspec.Struct, frozen=True):
    """What keys.py makes of new keys, or of the slots of a file and what unlocks one of them.

    profile/file.py calls, and knows no more of keys:

        keys.make(profile_id, keys: NewKeys) -> Opened
        keys.unlock(profile_id, signer: bytes, slots: Sequence[KeySlot], unlock: Unlock) -> Opened
    """

    sealer: Sealer
    signer: bytes
    """Public, kept in the file's header: what check() needs besides the keys, or nothing."""
    slots: tuple[KeySlot, ...]
    """To be written to the file (make), or as they were (unlock)."""
