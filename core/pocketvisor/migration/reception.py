"""A handset that waits for phones from other machines: the port, who may come, and where they run.

What a front end needs to receive is one of these.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from pocketvisor.guest.guest import Guest
from pocketvisor.handset import Handset
from pocketvisor.migration.arriving import Receiving
from pocketvisor.migration.guests import HandsetLanding
from pocketvisor.migration.identity import load_identity
from pocketvisor.migration.leases import Leases
from pocketvisor.migration.listener import Listener
from pocketvisor.migration.pairing import PairingCode
from pocketvisor.migration.peers import TrustedPeers, shown_fingerprint
from pocketvisor.migration.receive import Receiver
from pocketvisor.profile.ledger import Ledger


class Waiting(Struct, frozen=True):
    """Where it waits, and as whom."""

    address: str
    name: str
    fingerprint: str


class Reception:
    """`arrived` gets a guest when it runs here, and its file; no guest for a phone that is off. `told` gets
    sentences, `progress` where a phone is on its way."""

    def __init__(
        self,
        handset: Handset,
        *,
        arrived: Callable[[Guest | None, Path], None] = lambda guest, path: None,
        told: Callable[[str], None] = lambda sentence: None,
        progress: Callable[[Receiving], None] = lambda receiving: None,
    ) -> None:
        self.handset = handset
        self.waiting: Waiting | None = None
        self._told = told
        self._landing = HandsetLanding(handset, arrived)
        self._progress = progress
        self._receiver: Receiver | None = None
        self._listener: Listener | None = None

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> Waiting:
        """Raises MigrationError where that cannot be had."""
        identity = await asyncio.to_thread(load_identity)
        self._receiver = Receiver(Leases(Ledger()), self._landing, told=self._told, progress=self._progress)
        listener = Listener(identity, TrustedPeers(), self._receiver.session, told=self._told)
        host, port = await listener.open(host, port)
        self._listener = listener
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.waiting = Waiting(address, identity.name, shown_fingerprint(identity.fingerprint))
        return self.waiting

    def show_code(self) -> PairingCode:
        """A new one; until it is used up, or hidden, another machine pairs with it."""
        assert self._listener is not None
        self._listener.code = PairingCode()
        return self._listener.code

    def hide_code(self) -> None:
        assert self._listener is not None
        self._listener.code = None

    async def close(self) -> None:
        """What is on its way goes on at its source, or stands still there until somebody asks again."""
        if self._listener is not None:
            await self._listener.close()
            self._listener = None
        if self._receiver is not None:
            await self._receiver.close()
        self.waiting = None
