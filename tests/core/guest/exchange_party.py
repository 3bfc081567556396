"""A guest's process as the exchange hears it, with a test for its program: it says whatever it likes."""

import asyncio
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from pocketvisor.devices import vsock_wire as wire
from pocketvisor.devices.vsock_wire import Message
from pocketvisor.errors import Refused
from pocketvisor.guest.exchange import GuestCalls
from pocketvisor.guest.listeners import Listeners
from pocketvisor.guest.options import GuestState
from pocketvisor.guest.vsock_link import Stream, VsockLink
from pocketvisor.images.offers import Offer
from pocketvisor.policies.act import Act

KEYS = Offer("keys", 7000)


class Party:
    """As much of a guest as the exchange knows, with the wire that its process would have."""

    def __init__(self, handset: Any, name: str, *offers: Offer, profile: bytes = b"") -> None:
        self.name, self.id, self.handset, self.state = name, f"{name}1", handset, GuestState.RUNNING
        self.profile = SimpleNamespace(file=SimpleNamespace(id=profile)) if profile else None
        self.refusal = ""
        self.audited: list[str] = []
        self.notes: list[str] = []
        self._listeners = Listeners("state")
        self.calls = GuestCalls(self, offers)  # type: ignore[arg-type]
        self.link = self.calls.link = VsockLink(self._connect)
        self.link.begin()
        self._wire = socket.socket(fileno=socket.dup(self.link.descriptor))
        self._wire.setblocking(False)

    @property
    def offers(self) -> tuple[Offer, ...]:
        return self.calls.offers

    async def _connect(self, stream: Stream, port: int) -> None:
        await self.calls.call(stream, port)
        self.link.drop(stream)

    def on(self, event: str, callback: Callable[..., None]) -> Callable[[], None]:
        return self._listeners.on(event, callback)

    def moved(self, handset: Any) -> None:
        self.handset.guests.remove(self)
        handset.guests.append(self)
        self.handset = handset
        self._listeners.emit("state")

    def run_note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def allows(self, act: Act, **details: str) -> str:
        assert act is Act.CALL_SERVICE
        assert details == {"service": "keys"}
        return self.refusal

    def check(self, act: Act, **details: str) -> None:
        self.audited.append(self.refusal)
        raise Refused(self.refusal)

    async def says(self, *message: object) -> None:
        packet = wire.pack(Message(*message))  # type: ignore[arg-type]
        await asyncio.get_running_loop().sock_sendall(self._wire, packet)

    def says_at_once(self, message: Message) -> None:
        """Raises BlockingIOError where the handset has yet to read."""
        self._wire.send(wire.pack(message))

    async def hears(self, *kinds: int) -> Message:
        """The next message, of these kinds where some are given."""
        async with asyncio.timeout(60):
            while True:
                packet = await asyncio.get_running_loop().sock_recv(self._wire, 1 << 20)
                message = wire.unpack(packet)
                assert message is not None
                if not kinds or message.kind in kinds:
                    return message

    def silent(self) -> bool:
        """Nothing was said to it that it has not heard."""
        try:
            self._wire.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        return False

    async def called(self, accept: bool = True) -> tuple[int, bytes]:
        """A call to this guest: its stream, and how the caller was introduced."""
        message = await self.hears(wire.CONNECT)
        assert message.value == KEYS.port
        if not accept:
            await self.says(wire.CLOSE, message.stream)
            return message.stream, b""
        await self.says(wire.ACCEPT, message.stream)
        return message.stream, (await self.hears(wire.DATA)).data

    async def close(self) -> None:
        self.calls.close()
        await self.link.close()
        self._wire.close()
