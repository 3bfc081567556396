"""Rounds of a phone on its way here, into a profile's file: what is asked for, and nothing else.

Left out: whose the phone is then (receive.py).
"""

import asyncio
from collections.abc import Callable

import msgspec
from msgspec import Struct

from pocketvisor.errors import MigrationError, ProfileError
from pocketvisor.migration import messages
from pocketvisor.migration.link import Link
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.transfer import RawManifest
from pocketvisor.to_the_end import in_thread

ROUND_SECONDS = 120.0


class Receiving(Struct, kw_only=True):
    """How far a phone is on its way here."""

    name: str
    peer: str
    words: str
    bytes: int = 0
    round: int = 0


class Arriving:
    """Rounds into a profile's file."""

    def __init__(
        self,
        link: Link,
        file: ProfileFile,
        offer: messages.Offer,
        check_room: Callable[[], None],
        progress: Callable[[Receiving], None],
    ) -> None:
        self._link = link
        self._file = file
        self._check_room = check_room
        self._progress = progress
        self._state = Receiving(name=offer.name, peer=link.peer.name, words="On its way")

    async def run(self) -> messages.Round:
        """The last one, when all of it is here."""
        while True:
            head = await self._link.receive(messages.Round, seconds=ROUND_SECONDS)
            self._state.round += 1
            await self._chunks()
            await self._link.working(asyncio.ensure_future(in_thread(self._adopt, head)))
            self._link.send(messages.RoundDone(head.number))
            if head.last:
                await in_thread(self._go_on_from, head.number)
                return head

    async def _chunks(self) -> None:
        missing: list[bytes] = []  # the next one at the end
        while True:
            message = await self._link.receive(messages.Have, messages.Chunks, messages.EndRound)
            if isinstance(message, messages.Chunks):
                if len(message.parts) > len(missing):
                    raise MigrationError("Chunks came that nobody has asked for")
                some = [(missing.pop(), part) for part in message.parts]
                await in_thread(self._store, some)
                self._progress(self._state)
            elif missing:
                raise MigrationError("Chunks that were asked for did not come")
            elif isinstance(message, messages.EndRound):
                return
            else:
                asked = _ids(message.ids)
                here = await in_thread(self._file.has, asked)
                bits = sum(1 << at for at, own in enumerate(asked) if own not in here)
                self._link.send(messages.Missing(bits.to_bytes(-(-len(asked) // 8), "little")))
                missing = [own for own in reversed(asked) if own not in here]

    def _store(self, some: list[tuple[bytes, bytes]]) -> None:
        self._check_room()
        for own, body in some:
            self._file.store_raw(own, body)
            self._state.bytes += len(body)

    def _adopt(self, head: messages.Round) -> None:
        try:
            raw = msgspec.msgpack.decode(head.manifest, type=RawManifest)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ProfileError(f"A generation's manifest makes no sense: {error}") from error
        if raw.number != head.number:
            raise ProfileError("A generation came under another number")
        self._file.adopt(raw)

    def _go_on_from(self, number: int) -> None:
        """A phone that is off may go on from an older generation than its newest."""
        if self._file.head != number:
            self._file.set_head(number)


def _ids(joined: bytes) -> list[bytes]:
    size = messages.ID_SIZE
    ids = [joined[at : at + size] for at in range(0, len(joined), size)]
    if len(joined) % size or len(set(ids)) != len(ids):
        raise MigrationError("A list of chunks makes no sense")
    return ids
