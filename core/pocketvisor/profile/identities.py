"""Files with age identities: what somebody has who opens profiles by a key of their own.

Left out: identities on hardware tokens, which are programs of others.
"""

from pathlib import Path

import pyrage

from pocketvisor.errors import LockedProfile, ProfileError

MAX_IDENTITY_FILE = 64 << 10


def read_identities(
    path: Path, passphrase: str | None = None
) -> list[pyrage.x25519.Identity | pyrage.ssh.Identity]:
    """The identities of a file as `age-keygen` or `ssh-keygen` writes it, or of one protected by a
    passphrase."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_IDENTITY_FILE + 1)
    except OSError as error:
        raise ProfileError(f"The identity {path} cannot be read: {error.strerror}") from None
    if len(content) > MAX_IDENTITY_FILE:
        raise ProfileError(f"{path.name} is no age identity: it is too large")
    if content.startswith((b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")):
        if passphrase is None:
            raise LockedProfile(f"The identity {path.name} is itself protected by a passphrase")
        try:
            content = pyrage.passphrase.decrypt(content, passphrase)
        except pyrage.DecryptError:
            raise LockedProfile(f"The passphrase does not open the identity {path.name}") from None
    try:
        if content.startswith(b"-----BEGIN"):
            return [pyrage.ssh.Identity.from_buffer(content)]
        lines = [line.strip() for line in content.decode("utf-8").splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (pyrage.IdentityError, ValueError):
        found = []
    if not found:
        raise ProfileError(f"{path.name} is no age identity: no 'AGE-SECRET-KEY-1' and no SSH key is in it")
    return [*found]
