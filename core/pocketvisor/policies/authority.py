"""The key that policies and orders are signed with: whoever has it governs the profiles that took it on.

It is kept in the desktop's keyring (keyring_store.py), or, where there is none, in a file that a passphrase
protects: an age file with the key's text in it.
"""

import os
from pathlib import Path
from typing import Final

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pocketvisor.errors import PolicyError

KEY_TEXT: Final = "pocketvisor-authority-key-1:"
MAX_KEY_FILE: Final = 16 << 10
_SEED: Final = 32


class AuthorityKey:
    """It is never shown by accident."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != _SEED:
            raise PolicyError("The key has a wrong length")
        self._seed = bytes(seed)
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._private.public_key().public_bytes_raw()

    @classmethod
    def new(cls) -> "AuthorityKey":
        return cls(os.urandom(_SEED))

    @classmethod
    def from_text(cls, text: str) -> "AuthorityKey":
        """Raises PolicyError."""
        head, _, digits = text.strip().partition(":")
        try:
            if head + ":" != KEY_TEXT:
                raise ValueError
            return cls(bytes.fromhex(digits))
        except ValueError:
            raise PolicyError(f"That is no key for policies: one begins with '{KEY_TEXT}'") from None

    def text(self) -> str:
        return KEY_TEXT + self._seed.hex()

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)

    def __repr__(self) -> str:
        return f"AuthorityKey({self.public.hex()[:12]}...)"


def write_key_file(path: Path, key: AuthorityKey, passphrase: str) -> None:
    """A new file, nobody else's from its first byte on. Raises PolicyError."""
    if not passphrase:
        raise PolicyError("An empty passphrase protects nothing")
    if path.exists():  # before the second that a passphrase takes
        raise PolicyError(f"{path} is there already")
    content = pyrage.passphrase.encrypt(f"{key.text()}\n".encode(), passphrase)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(fd)
    except FileExistsError:
        raise PolicyError(f"{path} is there already") from None
    except OSError as error:
        raise PolicyError(f"The key's file {path} cannot be written: {error.strerror}") from None


def read_key_file(path: Path, passphrase: str) -> AuthorityKey:
    """Raises PolicyError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_KEY_FILE + 1)
    except OSError as error:
        raise PolicyError(f"The key's file {path} cannot be read: {error.strerror}") from None
    if len(content) > MAX_KEY_FILE or not content.startswith(b"age-encryption.org/"):
        raise PolicyError(f"{path.name} is no key's file: 'pocketvisor policy keys new --key-file' makes one")
    try:
        plain = pyrage.passphrase.decrypt(content, passphrase)
        return AuthorityKey.from_text(plain.decode("ascii"))
    except pyrage.DecryptError:
        raise PolicyError(f"The passphrase does not open the key's file {path.name}") from None
    except UnicodeDecodeError:
        raise PolicyError(f"{path.name} has no key for policies in it") from None
