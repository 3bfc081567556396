"""The machines that this one trusts, by the fingerprints of their certificates: whoever is listed may send
phones here, and is recognised when phones go there. Pairing enters them, `pocketvisor peers` shows and
removes them.

    ~/.local/share/pocketvisor/identity/peers.json
"""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct, structs

from pocketvisor.errors import MigrationError
from pocketvisor.migration.identity import identity_folder, write_private

PEERS_MAX: Final = 1000
_FILE_MAX: Final = 1 << 20


class TrustedPeer(Struct, frozen=True, forbid_unknown_fields=True):
    fingerprint: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    name: Annotated[str, Meta(max_length=64)]
    added: float
    address: Annotated[str, Meta(max_length=300)] = ""
    """Where it was last found, if it ever was called from here."""


class TrustedPeers:
    """Each call reads the file anew: another process may have changed it."""

    def __init__(self, folder: Path | None = None) -> None:
        self._path = (folder or identity_folder()) / "peers.json"

    def all(self) -> list[TrustedPeer]:
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise MigrationError(f"{self._path}: {error.strerror}") from error
        with os.fdopen(fd, "rb") as file:
            data = file.read(_FILE_MAX)
        try:
            return msgspec.json.decode(data, type=list[TrustedPeer])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MigrationError(f"{self._path}: is no list of machines: {error}") from error

    def find(self, fingerprint: bytes) -> TrustedPeer | None:
        return next((peer for peer in self.all() if peer.fingerprint == fingerprint.hex()), None)

    def at(self, address: str) -> TrustedPeer | None:
        """Who was found there last."""
        return next((peer for peer in self.all() if peer.address == address), None)

    def trust(self, fingerprint: bytes, name: str, address: str = "") -> None:
        peer = TrustedPeer(fingerprint.hex(), plain_name(name), time.time(), address[:300])
        self._change(
            lambda peers: [*(other for other in peers if other.fingerprint != peer.fingerprint), peer]
        )

    def found(self, fingerprint: bytes, address: str) -> None:
        """Remembers where a trusted one is; it was elsewhere before."""

        def moved(peer: TrustedPeer) -> TrustedPeer:
            if peer.fingerprint == fingerprint.hex():
                return structs.replace(peer, address=address[:300])
            return structs.replace(peer, address="") if peer.address == address else peer

        if any(moved(peer) != peer for peer in self.all()):
            self._change(lambda peers: [moved(peer) for peer in peers])

    def remove(self, which: str) -> TrustedPeer:
        """By its name, or by the beginning of its fingerprint. Raises MigrationError."""
        wanted = which.replace(":", "").lower()
        found = [
            peer
            for peer in self.all()
            if peer.name == which or (len(wanted) >= 4 and peer.fingerprint.startswith(wanted))
        ]
        if len(found) != 1:
            few = "several machines are" if found else "no machine is"
            raise MigrationError(f"{few} called '{which}' among those that are trusted".capitalize())
        self._change(lambda peers: [peer for peer in peers if peer != found[0]])
        return found[0]

    def _change(self, change: Callable[[list[TrustedPeer]], list[TrustedPeer]]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                peers = change(self.all())
                if len(peers) > PEERS_MAX:
                    raise MigrationError(f"{PEERS_MAX} machines are trusted already: remove one first")
                write_private(self._path, msgspec.json.format(msgspec.json.encode(peers)))
            finally:
                os.close(lock)
        except OSError as error:
            raise MigrationError(f"{self._path}: {error.strerror}") from error


def plain_name(name: str) -> str:
    """A name from elsewhere, for one line of a terminal or a file's name."""
    kept = "".join(character for character in name if character.isprintable())
    return " ".join(kept.split())[:64] or "unnamed"


def shown_fingerprint(fingerprint: bytes | str) -> str:
    """The beginning, as people compare it."""
    text = fingerprint if isinstance(fingerprint, str) else fingerprint.hex()
    return ":".join(text[at : at + 4] for at in range(0, 16, 4))
