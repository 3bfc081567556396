"""One gdb's connection: its packets come in, and each gets its answer.

A connection is *attached* once gdb has asked why the target stands still ('?', or `attach`): from then on it
is the guest's one debugger, and the guest stands still but for what gdb wants it to do. Before, and where a
token is wanted and has not come, nothing of the guest is told or changed.

Left out: non-stop mode, several processes, files, tracepoints.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from pocketvisor.debug.gdb.answers import ANSWERS, Answers, as_output, part_of
from pocketvisor.debug.gdb.motion import VCONT_ACTIONS, Motion, Order, parsed, standing_reply, stop_reply
from pocketvisor.debug.gdb.packet import (
    PACKET_MAX,
    Ack,
    Broken,
    Event,
    Interrupt,
    PacketParser,
    framed,
    from_hex,
    plain,
)
from pocketvisor.debug.gdb.target import DebuggedGuest, Halt, Target
from pocketvisor.debug.gdb.target_xml import target_description
from pocketvisor.errors import DebugError, PocketvisorError
from pocketvisor.guest.options import GuestState

_FIRST_PACKET_SECONDS: Final = 30.0
_READ_SIZE: Final = 64 << 10
_WRONG_TOKENS_MAX: Final = 3
_REFUSAL_MAX: Final = 1000
_GONE: Final = frozenset({GuestState.OFF, GuestState.CRASHED, GuestState.STOPPED})
_TOKEN_WANTED: Final = (
    "A token is wanted: type target extended-remote in place of target remote, then monitor token WORD, "
    "then attach 1"
)
_FEATURES: Final = (
    f"PacketSize={PACKET_MAX:x};QStartNoAckMode+;vContSupported+;swbreak+;hwbreak+;ReverseStep+;"
    "ReverseContinue+;qXfer:features:read+;qXfer:memory-map:read+"
).encode()


class Gate(Protocol):
    """Who may debug the guest; see GdbServer."""

    token: str | None

    def check_free(self) -> None:
        """Raises DebugError where somebody has it."""

    def claim(self, session: "Session") -> None:
        """As check_free(); it is this session's then."""

    def release(self, session: "Session") -> None: ...


class Session:
    def __init__(
        self,
        guest: DebuggedGuest,
        target: Target,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        gate: Gate,
    ) -> None:
        self._guest = guest
        self._target = target
        self._reader = reader
        self._writer = writer
        self._gate = gate
        self._answers = Answers(guest, target)
        self._motion = Motion(target, self._answers.breakpoints)
        self._going: asyncio.Task[bytes] | None = None
        self._attached = False
        self._goes_on = False  # whether the guest runs when gdb has gone
        self._acks = True
        self._last = b""
        self._trusted = gate.token is None
        self._wrong_tokens = 0
        self._extended = False
        self._leaving = False

    async def run(self) -> None:
        """Until either side hangs up. What gdb held is let go then."""
        parser = PacketParser()
        reading: asyncio.Task[bytes] | None = None
        seconds: float | None = _FIRST_PACKET_SECONDS
        try:
            while not self._leaving:
                reading = reading or asyncio.create_task(self._reader.read(_READ_SIZE))
                waiting = {reading} if self._going is None else {reading, self._going}
                done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    return  # whoever it is, it is no debugger
                if self._going in done:
                    await self._arrived()
                if reading in done:
                    data, reading = reading.result(), None
                    if not data:
                        return
                    for event in parser.feed(data):
                        seconds = None
                        await self._handle(event)
        except ConnectionError:
            pass
        finally:
            if reading is not None:
                reading.cancel()
            await self._release("a debugger has gone without a word")

    async def _handle(self, event: Event) -> None:
        if self._leaving:
            return
        if isinstance(event, Ack):
            if not event.positive and self._acks:
                await self._send(self._last)
        elif isinstance(event, Interrupt):
            if self._going is not None:
                with suppress(PocketvisorError):
                    await self._motion.interrupt()
        elif isinstance(event, Broken):
            if self._acks:
                await self._send(b"-")
            else:
                await self._reply(_refusal(event.sentence))
        else:
            if self._acks:
                self._writer.write(b"+")
            answer = await self._answer(event.body)
            if answer is not None:
                await self._reply(answer)

    async def _reply(self, body: bytes) -> None:
        self._last = framed(body)
        await self._send(self._last)

    async def _send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def _answer(self, body: bytes) -> bytes | None:
        """None where the answer comes later, or never."""
        try:
            if self._going is not None:
                raise DebugError("The guest runs: interrupt it first")
            for prefix, method in _ANY_TIME:
                if body.startswith(prefix):
                    return await method(self, body[len(prefix) :])
            for prefix, answer in ANSWERS:
                if body.startswith(prefix):
                    self._check_attached()
                    return await answer(self._answers, body[len(prefix) :])
            order = parsed(body)
            if order is None:
                return b""
            self._check_attached()
            self._goes_on |= order.verb == "c"
            self._motion.begin()
            self._going = asyncio.create_task(self._journey(order))
            return None
        except ValueError as error:
            return _refusal(f"The packet cannot be understood: {error}")
        except PocketvisorError as error:
            return _refusal(str(error))

    def _check_attached(self) -> None:
        if not self._trusted:
            raise DebugError(_TOKEN_WANTED)
        if not self._attached:
            raise DebugError("Nothing is attached: type attach 1")

    # What is answered at any time

    async def _supported(self, _: bytes) -> bytes:
        """The first question, and the one whose refusal gdb shows."""
        if not self._attached:
            try:
                self._gate.check_free()
                self._check_alive()
            except DebugError:
                self._leaving = True
                raise
        return _FEATURES

    async def _no_acks(self, _: bytes) -> None:
        await self._reply(b"OK")
        self._acks = False

    async def _extend(self, _: bytes) -> bytes:
        self._extended = True
        return b"OK"

    async def _description(self, packet: bytes) -> bytes:
        return part_of(target_description(), packet)

    async def _fine(self, _: bytes) -> bytes:
        return b"OK"

    async def _thread(self, which: bytes) -> bytes:
        """There is one, of number 1; 0 is any and -1 all."""
        if which.lstrip(b"gc") not in (b"0", b"1", b"-1"):
            raise ValueError("there is one thread, 1")
        return b"OK"

    async def _this_thread(self, _: bytes) -> bytes:
        return b"QC1"

    async def _threads(self, _: bytes) -> bytes:
        return b"m1" if self._attached else b"l"

    async def _no_more_threads(self, _: bytes) -> bytes:
        return b"l"

    async def _attached_before(self, _: bytes) -> bytes:
        return b"1"  # so that gdb detaches when its user quits, and does not kill

    async def _actions(self, _: bytes) -> bytes:
        return VCONT_ACTIONS

    async def _not_understood(self, _: bytes) -> bytes:
        return b""

    async def _command(self, digits: bytes) -> bytes:
        line = from_hex(digits).decode("utf-8", "replace").strip()
        word, _, rest = line.partition(" ")
        if word == "token":
            return as_output(self._take_token(rest.strip()))
        try:
            if word not in ("", "help"):
                self._check_attached()
        except DebugError as error:
            return as_output(f"{error}\n")  # gdb takes no refusal of a command
        return await self._answers.command(digits)

    def _take_token(self, word: str) -> str:
        token = self._gate.token
        if token is None:
            return "No token is wanted\n"
        if not hmac.compare_digest(word.encode(), token.encode()):
            self._wrong_tokens += 1
            self._leaving = self._wrong_tokens >= _WRONG_TOKENS_MAX
            return "That is not the token\n"
        self._trusted = True
        return "Now type: attach 1\n"

    # Coming and going

    async def _why(self, _: bytes) -> bytes:
        """Where there is nothing to attach to, or not yet: as if nothing ran here. gdb says so then, or stays
        (extended-remote) and can be told the token; any other refusal here it would wait on for ever."""
        try:
            return await self._attach(b"1")
        except PocketvisorError:
            return b"W00"

    async def _attach(self, _: bytes) -> bytes:
        if not self._trusted:
            raise DebugError(_TOKEN_WANTED)
        self._check_alive()
        if not self._attached:
            self._gate.claim(self)
            self._goes_on = self._guest.state is GuestState.RUNNING
            try:
                await self._target.pause()
            except PocketvisorError:
                self._gate.release(self)
                raise
            self._attached = True
            self._guest.run_note("a debugger has attached")
        await self._target.pause()
        return standing_reply(await self._target.registers())

    def _check_alive(self) -> None:
        if self._guest.state in _GONE:
            raise DebugError(f"{self._guest.name} is {self._guest.state.value}")

    async def _detach(self, _: bytes) -> bytes:
        self._goes_on = True
        await self._release("the debugger has detached")
        self._leaving = not self._extended
        return b"OK"

    async def _kill(self, _: bytes) -> bytes:
        self._check_attached()
        await self._guest.power_off()
        await self._release("the debugger has ended it")
        return b"OK"

    async def _kill_silently(self, _: bytes) -> None:
        await self._kill(b"")
        self._leaving = not self._extended

    async def _release(self, sentence: str) -> None:
        """What gdb held is let go: its breakpoints, and the guest, which runs on if it ran."""
        if self._going is not None:
            self._going.cancel()
            await asyncio.wait({self._going})
            self._going = None
        if not self._attached:
            return
        self._attached = False
        self._answers.breakpoints.clear()
        how = ""
        try:
            if self._target.in_past:
                await self._target.return_to_present()
            if self._guest.state is GuestState.PAUSED and self._goes_on:
                await self._target.resume()
            elif self._guest.state is GuestState.RUNNING and not self._goes_on:
                await self._target.pause()  # it was in the midst of a step
            if self._guest.state is GuestState.PAUSED:
                how = "; it stands still, as it did before"
        except PocketvisorError as error:
            how = f"; it stands still: {error}"
        finally:
            self._gate.release(self)
            self._guest.run_note(f"{sentence}{how}")

    # In motion

    async def _journey(self, order: Order) -> bytes:
        """The answer once the guest stands still again, or has gone."""
        moving = asyncio.create_task(self._motion.run(order))
        gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def look() -> None:
            if self._guest.state in _GONE and not gone.done():
                gone.set_result(None)

        forget = self._guest.on("state", look)
        try:
            both: set[asyncio.Future[Any]] = {moving, gone}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            return await self._stopped(moving.result()) if moving.done() else self._gone()
        except PocketvisorError as error:
            return self._gone() if self._guest.state in _GONE else _refusal(str(error))
        finally:
            forget()
            moving.cancel()
            await asyncio.wait({moving})  # a step that is given up pauses the guest: what follows knows it

    async def _stopped(self, halt: Halt) -> bytes:
        words = self._answers.breakpoints.words(halt)
        if not words and halt.reason not in ("pause", "step", "position") and halt.sentence:
            # gdb would call it a SIGTRAP; a line of ours on its terminal says more.
            await self._send(framed(b"O" + f"{halt.sentence}\n".encode().hex().encode()))
        return stop_reply(halt, await self._target.registers(), words)

    def _gone(self) -> bytes:
        return b"X09" if self._guest.state is GuestState.CRASHED else b"W00"

    async def _arrived(self) -> None:
        assert self._going is not None
        answer = self._going.result()
        self._going = None
        if answer[:1] in (b"W", b"X"):
            await self._release("the debugger saw its end")
        await self._reply(answer)


_ANY_TIME: Final[tuple[tuple[bytes, Callable[[Session, bytes], Awaitable[bytes | None]]], ...]] = (
    (b"qSupported", Session._supported),
    (b"QStartNoAckMode", Session._no_acks),
    (b"qXfer:features:read:target.xml:", Session._description),
    (b"qSymbol:", Session._fine),
    (b"qAttached", Session._attached_before),
    (b"qfThreadInfo", Session._threads),
    (b"qsThreadInfo", Session._no_more_threads),
    (b"qCRC:", Session._not_understood),
    (b"qC", Session._this_thread),
    (b"qRcmd,", Session._command),
    (b"vCont?", Session._actions),
    (b"vAttach;", Session._attach),
    (b"vKill;", Session._kill),
    (b"H", Session._thread),
    (b"T", Session._thread),
    (b"!", Session._extend),
    (b"?", Session._why),
    (b"D", Session._detach),
    (b"k", Session._kill_silently),
)
"""By how a packet begins; the first that fits."""


def _refusal(sentence: str) -> bytes:
    return b"E." + plain(sentence)[:_REFUSAL_MAX]
