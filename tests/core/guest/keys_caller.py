"""The keys service's protocol from a caller's side (sample_guests/keys/PROTOCOL.md)."""

import struct

from exchange_party import KEYS, Party
from msgspec import Struct

from pocketvisor.devices import vsock_wire as wire
from pocketvisor.guest.call_wire import framed

ABOUT, PROTECT, LICENSE, PLAY, BILL, REVOKE = range(1, 7)
DONE, MALFORMED, NOT_YOURS, OTHER_KEY, DAMAGED, USED_UP, FULL = range(7)
HEADER, LICENCE, TAG = 80, 96, 16


class Bill(Struct, frozen=True):
    owed: int
    earned: int
    plays: int
    licences: int
    refused: int


class KeysError(Exception):
    """What the service refuses: its status and its sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class KeysCaller:
    """One call of a party to the service."""

    def __init__(self, party: Party, stream: int) -> None:
        self.party = party
        self.stream = stream
        self._got = bytearray()
        self._tag = 0

    @classmethod
    async def connect(cls, party: Party, stream: int = 1) -> "KeysCaller":
        """Again where it is refused: a guest that has just started its device resets what came before."""
        for attempt in range(stream, stream + 100, 10):
            await party.says(wire.CONNECT, attempt, KEYS.port)
            if (await party.hears(wire.ACCEPT, wire.CLOSE)).kind == wire.ACCEPT:
                return cls(party, attempt)
        raise AssertionError(party.notes)

    async def send(self, message: bytes) -> None:
        framed_message = framed(message)
        for at in range(0, len(framed_message), 60000):
            await self.party.says(wire.DATA, self.stream, 0, framed_message[at : at + 60000])

    async def receive(self) -> bytes:
        """The next message. Raises EOFError where the call is over."""
        while len(self._got) < 4 or len(self._got) < 4 + struct.unpack_from("<I", self._got)[0]:
            reply = await self.party.hears(wire.DATA, wire.CLOSE)
            if reply.kind == wire.CLOSE:
                raise EOFError
            await self.party.says(wire.CREDIT, self.stream, len(reply.data))
            self._got += reply.data
        end = 4 + struct.unpack_from("<I", self._got)[0]
        message = bytes(self._got[4:end])
        del self._got[:end]
        return message

    async def ask(self, operation: int, body: bytes = b"") -> bytes:
        self._tag += 1
        await self.send(struct.pack("<B3xI", operation, self._tag) + body)
        answer = await self.receive()
        status, tag = struct.unpack_from("<B3xI", answer)
        assert tag == self._tag
        if status != DONE:
            raise KeysError(status, answer[8:].decode())
        return answer[8:]

    async def about(self) -> tuple[int, int, bytes, bytes]:
        """Version, the most that content has, the key's name, this caller's account."""
        version, most, key, account = struct.unpack("<II8s16s", await self.ask(ABOUT))
        return version, most, key, account

    async def protect(self, content: bytes) -> bytes:
        return await self.ask(PROTECT, content)

    async def license(self, protected: bytes, player: bytes, plays: int = 1, price: int = 0) -> bytes:
        return await self.ask(LICENSE, struct.pack("<II16s", plays, price, player) + protected[:HEADER])

    async def play(self, licence: bytes, protected: bytes) -> tuple[int, int, bytes]:
        """Plays left, what it cost, the content."""
        answer = await self.ask(PLAY, licence + protected)
        return (*struct.unpack_from("<II", answer), answer[8:])

    async def revoke(self, licence: bytes) -> None:
        assert await self.ask(REVOKE, licence) == b""

    async def bill(self) -> Bill:
        return Bill(*struct.unpack("<QQIII", await self.ask(BILL)))
