"""What IT does from this window: keys, signatures, and what is delivered to the guests on the bench.

A guest's own doors decide what may be done; here is only what changes the rules. All of it blocks, and goes
to a thread.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pocketvisor.errors import PolicyError
from pocketvisor.policies.applying import Applied, deliver
from pocketvisor.policies.authority import AuthorityKey, read_key_file, write_key_file
from pocketvisor.policies.keyring_store import Keyring, ListedKey
from pocketvisor.policies.orders import DEFAULT_HOURS, Kind, new_order
from pocketvisor.policies.signing import MAX_DELIVERY, DocumentKind, sign, unsigned
from pocketvisor_workbench.accents import accent_of

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor_workbench.session import Session

WHO = "IT, in the window"


@dataclass(frozen=True)
class Signer:
    """Who signs: a key of the desktop's keyring by its name, or one in a file."""

    name: str = ""
    path: Path | None = None
    passphrase: str = ""


class Policing:
    def __init__(self, session: "Session") -> None:
        self._session = session
        self.keyring = Keyring()
        self.last = Signer()
        """What signed last in this window, to be offered again; a passphrase is not remembered."""

    # Keys

    async def keys(self) -> list[ListedKey]:
        """Raises PolicyError."""
        return await asyncio.to_thread(self.keyring.keys)

    async def key_of(self, signer: Signer) -> AuthorityKey:
        """Raises PolicyError."""
        if signer.path is not None:
            return await asyncio.to_thread(read_key_file, signer.path, signer.passphrase)
        return await asyncio.to_thread(self.keyring.key, signer.name)

    async def new_key(self, signer: Signer) -> AuthorityKey:
        """Into the keyring or a file, as the signer says. Raises PolicyError."""
        key = AuthorityKey.new()
        if signer.path is not None:
            await asyncio.to_thread(write_key_file, signer.path, key, signer.passphrase)
        else:
            await asyncio.to_thread(self.keyring.add, signer.name, key)
        return key

    # Documents

    async def signed_policy(self, text: str, signer: Signer) -> bytes:
        """Raises PolicyError."""
        return sign(text, DocumentKind.POLICY, await self.key_of(signer))

    async def signed_order(
        self, guest: "Guest", kind: Kind, signer: Signer, *, reason: str = "", hours: int = DEFAULT_HOURS
    ) -> bytes:
        """Raises PolicyError."""
        governed = guest.governed
        if governed is None:
            raise PolicyError(f"Nobody governs {guest.name}: a {kind} needs a policy first")
        key = await self.key_of(signer)
        now = datetime.fromtimestamp(governed.now_ns() / 1e9, UTC).replace(microsecond=0)
        return new_order(
            kind, governed.profile, governed.serial + 1, now, now + timedelta(hours=hours), key, reason
        )

    async def deliver(self, guest: "Guest", delivery: bytes) -> list[Applied]:
        """To the guest's profile: all of it or nothing. It holds when this returns. Raises PolicyError."""
        profile = guest.profile
        if profile is None:
            raise PolicyError(f"{guest.name} is not kept in a profile: a policy is bound to one")
        ident = profile.file.id
        done = await asyncio.to_thread(deliver, delivery, ident, file=profile.file, who=WHO)
        self._heed(ident)
        for applied in done:
            self._session.log.add(applied.sentence, source=guest.name, accent=accent_of(guest), notice=True)
        return done

    def _heed(self, ident: bytes) -> None:
        """All guests of the profile keep to it from now on."""
        for guest in self._session.guests:
            if guest.profile is not None and guest.profile.file.id == ident:
                guest.look_for_governor()
                guest.keep_order()


async def read_delivery(path: Path) -> bytes:
    """Raises PolicyError."""

    def read() -> bytes:
        try:
            with path.open("rb") as file:
                content = file.read(MAX_DELIVERY + 1)
        except OSError as error:
            raise PolicyError(f"{path} cannot be read: {error.strerror}") from None
        if len(content) > MAX_DELIVERY:
            raise PolicyError(f"{path.name} is too large for what IT delivers")
        return content

    return await asyncio.to_thread(read)


async def write_document(path: Path, document: bytes) -> None:
    """Raises PolicyError."""

    def write() -> None:
        try:
            path.write_bytes(document)
        except OSError as error:
            raise PolicyError(f"{path} cannot be written: {error.strerror}") from None

    await asyncio.to_thread(write)


def text_of(document: bytes) -> str:
    """A policy without its signature, to be edited. Raises PolicyError."""
    return unsigned(document)
