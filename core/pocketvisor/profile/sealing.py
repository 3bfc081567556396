"""What makes a profile's bytes secret and genuine. The rest of the package sees this protocol alone.

Sealed bytes are 24 random bytes, then AES-256-GCM of (u32 length, the bytes, zeros). The random bytes, hashed
under the profile's sealing key, give a key and a nonce for these bytes alone: there is no count of chunks at
which a nonce would be used again, however long a phone saves itself. The zeros hide the exact length: how
well each 64 KiB of a known file compresses would tell which file it is. 3 GB/s for chunks of 16 KiB on one
core with AES instructions, twice ChaCha20-Poly1305.

Left out: hiding how many chunks there are, of roughly which size, and when they were written.
"""

import os
from collections.abc import Sequence
from typing import Protocol

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pocketvisor.errors import DamagedProfile
from pocketvisor.profile.keys import KeySlot, ProfileKey, Unlock, check_kind, unwrap
from pocketvisor.profile.signing import Signer, check

Buffer = bytes | bytearray | memoryview

SALT = 24
OVERHEAD = SALT + 4 + 16
"""What sealing adds at least; the zeros add up to a sixteenth, half of that on average."""


class Sealer(Protocol):
    """Of one profile, unlocked. For any thread, several at a time."""

    @property
    def key_text(self) -> str:
        """What opens the profile elsewhere, as Unlock(key=...); empty where it is open to anyone."""

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
    """Of a profile without keys: signed and checked, but anyone reads it."""

    key_text = ""

    def __init__(self, key: ProfileKey) -> None:
        self._signer = Signer(key.derive("signing"))

    def chunk_id(self, plain: Buffer) -> bytes:
        return blake3(plain).digest()

    def seal(self, packed: bytes, context: bytes) -> bytes:
        return packed

    def open(self, sealed: bytes, context: bytes) -> bytes:
        return sealed

    def sign(self, message: bytes) -> bytes:
        return self._signer.sign(message)

    def check(self, message: bytes, signature: bytes) -> None:
        check(self._signer.public, message, signature)


class KeyedSealer:
    """Of a profile with keys."""

    def __init__(self, key: ProfileKey) -> None:
        self._key = key
        self._ids = key.derive("chunk ids")
        self._sealing = key.derive("sealing")
        self._signer = Signer(key.derive("signing"))

    @property
    def key_text(self) -> str:
        return self._key.text()

    def chunk_id(self, plain: Buffer) -> bytes:
        """Keyed: that a file holds some known content shows to nobody who cannot open it."""
        return blake3(plain, key=self._ids).digest()

    def seal(self, packed: bytes, context: bytes) -> bytes:
        salt = os.urandom(SALT)
        cipher, nonce = self._cipher(salt)
        length = len(packed)
        plain = length.to_bytes(4, "little") + packed + bytes(padded(length) - length)
        return salt + cipher.encrypt(nonce, plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        if len(sealed) < OVERHEAD:
            raise DamagedProfile("Too short to be sealed")
        cipher, nonce = self._cipher(sealed[:SALT])
        try:
            plain = cipher.decrypt(nonce, memoryview(sealed)[SALT:], context)
        except InvalidTag:
            raise DamagedProfile("Not what was sealed with this profile's key") from None
        length = int.from_bytes(plain[:4], "little")
        if length > len(plain) - 4:
            raise DamagedProfile("Not what was sealed with this profile's key")
        return plain[4 : 4 + length]

    def sign(self, message: bytes) -> bytes:
        return self._signer.sign(message)

    def check(self, message: bytes, signature: bytes) -> None:
        check(self._signer.public, message, signature)

    def _cipher(self, salt: bytes) -> tuple[AESGCM, bytes]:
        derived = blake3(salt, key=self._sealing).digest(length=44)
        return AESGCM(derived[:32]), derived[32:]


def padded(length: int) -> int:
    """The next length of few significant bits (Padme, in Nikitin et al., Reducing Metadata Leakage, 2019)."""
    if length < 256:
        return 256
    exponent = length.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (length + mask) & ~mask


def sealer_of(key: ProfileKey, *, sealed: bool) -> Sealer:
    """`sealed`: the profile has no "open" slot."""
    return KeyedSealer(key) if sealed else PlainSealer(key)


def unlocked(slots: Sequence[KeySlot], unlock: Unlock, public: bytes, *, sealed: bool) -> Sealer:
    """The sealer of a profile whose header says `sealed`. Raises LockedProfile, DamagedProfile."""
    check_kind(slots, sealed)
    return sealer_of(unwrap(slots, unlock, public), sealed=sealed)
