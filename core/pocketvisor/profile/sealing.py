"""What makes a profile's bytes secret and genuine. The rest of the package sees this protocol alone."""

from typing import Protocol

from blake3 import blake3

from pocketvisor.errors import DamagedProfile
from pocketvisor.profile import signing
from pocketvisor.profile.keys import ProfileKey

Buffer = bytes | bytearray | memoryview


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
    """Of a profile without keys: signed and checked, but anyone reads it."""

    def __init__(self, key: ProfileKey) -> None:
        self._signer = signing.Signer(key.derive("signing"))

    def chunk_id(self, plain: Buffer) -> bytes:
        return blake3(plain).digest()

    def seal(self, packed: bytes, context: bytes) -> bytes:
        return packed

    def open(self, sealed: bytes, context: bytes) -> bytes:
        return sealed

    def sign(self, message: bytes) -> bytes:
        return self._signer.sign(message)

    def check(self, message: bytes, signature: bytes) -> None:
        if len(signature) != signing.SIGNATURE_SIZE:
            raise DamagedProfile("A signature in it is not of the profile's own key.")
        signing.check(self._signer.public, message, signature)


def sealer_of(key: ProfileKey, *, sealed: bool) -> Sealer:
    """`sealed`: the profile has no "open" slot."""
    return PlainSealer(key)
