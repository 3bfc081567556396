"""Who made a profile: a key pair of Ed25519 that belongs to the profile, and the profile's id that it gives.

The private half comes from the profile key, so whoever can open a profile can go on writing it, on whatever
machine, and nobody else can. The public half stands in the file's header in the clear: a signature can be
checked without a key, by a vault for instance. The id is a hash of the public half: a file cannot claim to be
another profile. Left out: who the *person* is. A signature says "written by one who holds this profile's
key", no more.
"""

import blake3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pocketvisor.errors import DamagedProfile

PUBLIC_SIZE = 32
SIGNATURE_SIZE = 64
ID_SIZE = 16

PREFIX = b"pocketvisor manifest 1\0"
"""Goes in front of what is signed. Each kind of message begins with a word of its own besides."""


def profile_id(public: bytes) -> bytes:
    """The 16 bytes by which a profile is known, from its public half."""
    hashed = blake3.blake3(public, derive_key_context="pocketvisor profile id 1")
    return hashed.digest(length=ID_SIZE)


def public_half(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


class Signer:
    """The private half, in memory for as long as a profile is open and unlocked."""

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(PREFIX + message)


def check(public: bytes, message: bytes, signature: bytes) -> None:
    """Raise DamagedProfile where a signature is not of this profile's key over exactly these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, PREFIX + message)
    except (InvalidSignature, ValueError):
        raise DamagedProfile("A signature in it is not of the profile's own key") from None
