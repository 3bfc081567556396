"""What a guest's user copied in it last, asked for and given from outside: `guest.clipboard`.

A program in the guest has to speak the protocol of clipboard_wire.py. What its user copies goes to the
phone's clipboard (phone_clipboard.py), and what he pastes comes from there, as far as policies allow it.
"""

import asyncio
import itertools
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pocketvisor.board.config import PortConfig
from pocketvisor.errors import GuestError, Refused
from pocketvisor.guest.clipboard_wire import PORT, VERSION, Line, Reader, encoded, problem
from pocketvisor.guest.listeners import Callback, Listeners, Unsubscribe
from pocketvisor.guest.options import GuestState
from pocketvisor.policies.act import Act

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

HELLO_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 10.0
_PIECE: Final = 64 << 10
_UNSENT_MAX: Final = 512 << 10
_ASKS_AT_ONCE: Final = 10.0
_ASKS_A_SECOND: Final = 2.0
_BYTES_A_SECOND: Final = 1 << 20
_REST_SECONDS: Final = 0.1
_TOLD_AT_ONCE: Final = 8.0
"""Refusals that are told and audited in a minute: who goes on asking pushes nothing else out of a log."""


class GuestClipboard:
    """The handset's end of one guest's channel. Event: "changed", where a program in the guest has come."""

    def __init__(self, guest: "Guest") -> None:
        self._guest = guest
        self._listeners = Listeners("changed")
        self._ours: socket.socket | None = None
        self._theirs: socket.socket | None = None
        self._reader = Reader()
        self._unsent = bytearray()
        self._greeted = asyncio.Event()
        self._has_greeted = False
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Line]] = {}
        self._asks = _ASKS_AT_ONCE
        self._bytes = float(_BYTES_A_SECOND)
        self._tells = _TOLD_AT_ONCE
        self._looked_at = 0.0
        self._rest: asyncio.TimerHandle | None = None
        self._own_at = -1.0  # when something was copied here that stayed here

    def on(self, event: str, callback: Callback) -> Unsubscribe:
        return self._listeners.on(event, callback)

    @property
    def available(self) -> bool:
        """Whether a program in the guest has said that it is there."""
        return self._greeted.is_set()

    async def copy(self) -> str:
        """What the guest's user copied last, for use outside. Raises Refused, GuestError."""
        self._guest.check(Act.COPY_OUT)
        answer = await self._ask(Act.COPY_OUT, "get")
        self._guest.check(Act.COPY_OUT)  # the policy may have changed while the guest thought about it
        if answer.verb != "text":
            raise GuestError(answer.text[:200] or f"Nothing is copied in {self._guest.name}")
        return answer.text

    async def paste(self, text: str) -> None:
        """Gives the guest this text, from outside, as what is pasted next. Raises Refused, GuestError."""
        if sentence := problem(text):
            raise GuestError(sentence)
        self._guest.check(Act.COPY_IN)
        answer = await self._ask(Act.COPY_IN, "put", text)
        if answer.verb != "done":
            raise GuestError(answer.text[:200] or f"{self._guest.name} does not take the text")
        self._own_at = time.monotonic()

    # For guest/ports.py

    def begin(self) -> PortConfig:
        """A fresh channel for the next run."""
        self.end()
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        asyncio.get_running_loop().add_reader(self._ours, self._readable)
        self._send(b"\n" + encoded("hello", VERSION))
        return PortConfig(name=PORT, wire=self.descriptor, connected=True)

    @property
    def descriptor(self) -> int:
        assert self._theirs is not None
        return self._theirs.fileno()

    def end(self) -> None:
        """The run is over."""
        self._stop_reading()
        self._greeted.clear()
        self._reader = Reader()
        self._unsent.clear()
        self._own_at = -1.0
        self.give_up()
        for end in (self._ours, self._theirs):
            if end is not None:
                end.close()
        self._ours = self._theirs = None

    def give_up(self) -> None:
        """Nobody answers any more."""
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(GuestError(f"{self._guest.name} has ended"))
        self._waiting.clear()

    # To the guest

    async def _ask(self, act: Act, verb: str, text: str = "") -> Line:
        guest = self._guest
        if guest.state is not GuestState.RUNNING:
            raise GuestError(f"{guest.name} is {guest.state.value}: it cannot be asked for what is copied")
        # One that goes on from somewhere, or has greeted before, has to be heard again first.
        known = self._has_greeted or guest.options.origin is not None
        with suppress(TimeoutError):  # a loop that was held up for longer hears of both at once
            async with asyncio.timeout(ANSWER_SECONDS if known else HELLO_SECONDS):
                await self._greeted.wait()
        if not self._greeted.is_set():
            raise GuestError(f"No program in {guest.name} speaks for its clipboard")
        guest.check(act)  # the policy may have changed while nobody was there
        if len(self._unsent) >= _UNSENT_MAX:
            raise GuestError(f"{guest.name} does not read what it is told of its clipboard")
        number = next(self._numbers)
        future: asyncio.Future[Line] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._send(encoded(verb, number, text))
        try:
            done, _ = await asyncio.wait([future], timeout=ANSWER_SECONDS)
        finally:
            self._waiting.pop(number, None)
        if not done:
            raise GuestError(f"{guest.name} does not answer about its clipboard")
        return future.result()

    def _send(self, data: bytes) -> None:
        if self._ours is not None and len(self._unsent) < _UNSENT_MAX:
            self._unsent += data
            self._writable()

    def _writable(self) -> None:
        assert self._ours is not None
        loop = asyncio.get_running_loop()
        try:
            del self._unsent[: self._ours.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self._unsent.clear()
        if self._unsent:
            loop.add_writer(self._ours, self._writable)
        else:
            loop.remove_writer(self._ours)

    # From the guest

    def _readable(self) -> None:
        """A guest that never stops is read so fast and no faster: the front end has other things to do."""
        assert self._ours is not None
        try:
            data = self._ours.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        loop = asyncio.get_running_loop()
        if not data:
            loop.remove_reader(self._ours)
            return
        self._refill()
        self._bytes -= len(data)
        if self._bytes < 0:
            loop.remove_reader(self._ours)
            self._rest = loop.call_later(_REST_SECONDS, self._read_on)
        for line in self._reader.feed(data):
            self._heard(line)

    def _read_on(self) -> None:
        self._rest = None
        if self._ours is not None:
            asyncio.get_running_loop().add_reader(self._ours, self._readable)

    def _stop_reading(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if self._ours is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._ours)
            loop.remove_writer(self._ours)

    def _refill(self) -> None:
        now = time.monotonic()
        passed, self._looked_at = now - self._looked_at, now
        self._tells = min(_TOLD_AT_ONCE, self._tells + passed * _TOLD_AT_ONCE / 60)
        self._asks = min(_ASKS_AT_ONCE, self._asks + passed * _ASKS_A_SECOND)
        self._bytes = min(float(_BYTES_A_SECOND), self._bytes + passed * _BYTES_A_SECOND)

    def _heard(self, line: Line) -> None:
        match line.verb:
            case "hello" if line.number == VERSION:
                if not self._greeted.is_set():
                    self._has_greeted = True
                    self._greeted.set()
                    self._listeners.emit("changed")
            case "text" | "done" | "no":
                future = self._waiting.get(line.number)
                if future is not None and not future.done():
                    future.set_result(line)
            case "copied" | "paste":
                if self._asks < 1:
                    return
                self._asks -= 1
                if line.verb == "copied":
                    self._copied(line.text)
                else:
                    self._pasted(line.number)
            case _:
                self._reader.nonsense += 1

    def _copied(self, text: str) -> None:
        guest = self._guest
        why = self._untold(guest.allows(Act.COPY_OUT))
        try:
            if not why:
                guest.handset.clipboard.copied(guest, text)
        except Refused as error:
            why = self._told(error)
        if why:
            self._own_at = time.monotonic()
            self._say_no(0, why)

    def _pasted(self, number: int) -> None:
        guest = self._guest
        clipboard = guest.handset.clipboard
        if self._own_at > clipboard.changed_at:
            self._send(encoded("no", number))
            return
        why = self._untold(clipboard.why_not(guest))
        try:
            if not why:
                self._send(encoded("text", number, clipboard.take(guest)))
        except Refused as error:
            why = self._told(error)
        if why:
            self._say_no(number, why)

    def _untold(self, why: str) -> str:
        """Where it was refused often lately: then nobody else hears of it."""
        return why if self._tells < 1 else ""

    def _told(self, error: Refused) -> str:
        self._tells -= 1
        self._guest.run_note(str(error))
        return str(error)

    def _say_no(self, number: int, why: str) -> None:
        self._send(encoded("no", number, why[:500]))
