"""One run of a guest: from loading its image into fresh memory to the end of its process.

A reset ends a run and begins another. A run tells its guest what happens and decides nothing.
"""

import asyncio
import itertools
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from msgspec import structs

from pocketvisor.board.config import BoardConfig
from pocketvisor.control import messages
from pocketvisor.control.debug_messages import DebugReply, DebugRequest, StopAt
from pocketvisor.control.isolation import Isolation
from pocketvisor.control.messages import (
    Capture,
    Captured,
    FromHandset,
    HandOver,
    Running,
    Save,
    Saved,
    Start,
    StateAt,
    TookOver,
)
from pocketvisor.control.status import STATE_RUNNING
from pocketvisor.errors import GuestError
from pocketvisor.guest.boot import Boot
from pocketvisor.guest.options import RunOptions
from pocketvisor.guest.script import DEFAULT_PROMPT
from pocketvisor.guest.supervisor import GuestProcess
from pocketvisor.recording import check_replay

_ANSWER_SECONDS: Final = 5.0
_SILENT_SECONDS: Final = 5.0
_PING_SECONDS: Final = 2.0  # more often would wake a guest's process that sleeps, for nothing
_SAVE_SECONDS: Final = 30.0
_DEBUG_SECONDS: Final = 15.0
_LOG_MAX: Final = 256 << 20


class RunObserver(Protocol):
    """What a run tells; all calls come in the handset's loop. `stops`: where its guest is to stop."""

    @property
    def stops(self) -> tuple[StopAt, ...]: ...

    def run_running(self) -> None: ...
    def run_stopped(self, stopped: messages.Stopped) -> None: ...
    def run_ended(self, sentence: str) -> None:
        """The process ended, or was ended because it made no sense."""

    def run_output(self, data: bytes) -> None: ...
    def run_note(self, sentence: str) -> None: ...
    def run_device(self, device: str, data: bytes) -> None:
        """A device of the guest tells something, in its own terms."""


class GuestRun:
    """Made by begin()."""

    def __init__(self, observer: RunObserver, boot: Boot) -> None:
        self._observer = observer
        self._process: GuestProcess | None = None
        self._handover: socket.socket | None = None
        self._answers: dict[type, asyncio.Future[Any]] = {}
        self._debug_asked: dict[int, asyncio.Future[DebugReply]] = {}
        self._tokens = itertools.count(1)
        self._ping_sent: float | None = None
        self._pinged_at = 0.0
        self._moved_at = 0.0
        self._seen_ticks = -1
        self._looked_at = 0.0
        self._reported = asyncio.Event()
        self._last_words = ""
        self.engine = ""
        """Of its process, also when that has ended."""
        self.saved_ticks: int | None = None
        """Where it stood still to be handed over."""
        self.boot = boot
        self.log = bytearray()
        self.log_complete = True
        self.keeps_log = False
        """What enters the guest is kept here, up to a bound,"""
        self.log_taker: Callable[[bytes], None] | None = None
        """and told to a timeline; so is the moment of a capture, between two pieces of it."""
        self.captured_taker: Callable[[Captured], None] | None = None

    @classmethod
    async def begin(
        cls, observer: RunObserver, boot: Boot, options: RunOptions, state: StateAt | None = None
    ) -> "GuestRun":
        """Takes over the boot. With a state the guest goes on from where that was saved.

        Raises GuestError or RecordingError with the sentence to show.
        """
        try:
            run = await cls._spawned(
                observer, boot, options, _start_message(boot, boot.board, options, state)
            )
        except BaseException:
            boot.close()
            raise
        return run

    @classmethod
    async def wait(
        cls,
        observer: RunObserver,
        boot: Boot,
        options: RunOptions,
        board: BoardConfig,
        state_fd: int,
        baton: int,
    ) -> "GuestRun":
        """A second process for a boot that runs, which waits at the baton. The boot stays the caller's."""
        start = _start_message(boot, board, options, StateAt(state_fd))
        return await cls._spawned(observer, boot, options, structs.replace(start, baton=baton))

    @classmethod
    async def _spawned(
        cls, observer: RunObserver, boot: Boot, options: RunOptions, start: Start
    ) -> "GuestRun":
        run = cls(observer, boot)
        try:
            run._handover, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            run._handover.setblocking(False)
            with theirs:
                descriptors = [*boot.descriptors, start.board.descriptors.status, theirs.fileno()]
                descriptors += [start.state.fd] if start.state is not None else []
                descriptors += [start.baton] if start.baton >= 0 else []
                descriptors = list(dict.fromkeys(descriptors))
                process = await GuestProcess.spawn(descriptors, run._message, run._process_ended)
                start = structs.replace(start, handover=theirs.fileno(), stops=observer.stops)
            run._process = process
            run.engine = process.engine
            run.keeps_log = options.record
            replay, log = options.replay, options.follow
            if replay is not None:
                check_replay(replay.head, boot.head(process.engine))
                log = replay.log
            await process.start(start, log)
        except BaseException:
            await run.end()
            raise
        return run

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    @property
    def isolation(self) -> Isolation | None:
        return self._process.isolation if self._process is not None else None

    @property
    def crash_report(self) -> str:
        """The last of what the process said to its standard error."""
        return self._process.stderr_tail if self._process is not None else self._last_words

    def send(self, message: FromHandset) -> None:
        if self._process is not None:
            self._process.send(message)

    def hand_over(self, message: messages.ToDevice, fd: int) -> None:
        """Sends a message with a descriptor, which stays open here. Raises GuestError where it cannot be."""
        self._send_descriptors([fd])
        self.send(message)

    def _send_descriptors(self, fds: Sequence[int]) -> None:
        if self._handover is None or self._process is None:
            raise GuestError("its process has gone")
        try:
            socket.send_fds(self._handover, [b"fd"], fds)
        except OSError as error:
            raise GuestError(f"its process takes no descriptor: {error.strerror}") from error

    async def save(self, message: Save | HandOver | Capture, fds: Sequence[int]) -> Any:
        """What it answers: Saved or Captured. The descriptors stay open here. Raises GuestError."""
        self._send_descriptors(fds)
        answer = Captured if isinstance(message, Capture) else Saved
        return await self.ask(message, answer, _SAVE_SECONDS)

    async def ask_with(self, message: FromHandset, answer: type, fds: Sequence[int]) -> Any:
        """As ask(), with descriptors that stay open here, if there are some."""
        if fds:
            self._send_descriptors(fds)
        return await self.ask(message, answer)

    async def pass_on(self, other: "GuestRun", fds: Sequence[int]) -> tuple[Saved, int]:
        """The guest goes on in the other's process, which waits; and when it began there, of CLOCK_MONOTONIC.
        `fds`: for the state, and the end of the baton. Raises GuestError where it does not."""
        took, running = other._expect(TookOver), other._expect(Running)
        saved: Saved = await self.save(HandOver(), fds)
        self.saved_ticks = saved.ticks
        taken = await self._answer(took, _SAVE_SECONDS)
        if saved.ran:
            taken = await self._answer(running, _SAVE_SECONDS)
        return saved, taken.at_ns

    async def ask(self, message: FromHandset, answer: type, seconds: float = _ANSWER_SECONDS) -> Any:
        """Sends, and waits for a message of type `answer`. Raises GuestError where none comes."""
        waiting = self._expect(answer)
        self.send(message)
        return await self._answer(waiting, seconds)

    async def debug(
        self, request: DebugRequest, seconds: float = _DEBUG_SECONDS, *, fds: Sequence[int] = ()
    ) -> DebugReply:
        """The descriptors go before it, and stay open here. Raises GuestError where no answer comes."""
        if self._process is None:
            raise GuestError("its process has gone")
        token = next(self._tokens)
        waiting = self._debug_asked[token] = asyncio.get_running_loop().create_future()
        try:
            if fds:
                self._send_descriptors(fds)
            self.send(messages.DebugAsk(token, request))
            reply: DebugReply = await self._answer(waiting, seconds)
        finally:
            self._debug_asked.pop(token, None)
        return reply

    @property
    def debugs(self) -> bool:
        """A debugger waits for an answer."""
        return bool(self._debug_asked)

    def _expect(self, answer: type) -> asyncio.Future[Any]:
        waiting = self._answers.get(answer)
        if waiting is None:
            waiting = self._answers[answer] = asyncio.get_running_loop().create_future()
        return waiting

    @staticmethod
    async def _answer(waiting: asyncio.Future[Any], seconds: float) -> Any:
        done, _ = await asyncio.wait([waiting], timeout=seconds)
        if not done:
            raise GuestError("its process does not answer")
        return waiting.result()

    async def first_report(self) -> None:
        """Waits until the vCPU has begun, or it is known that it did not."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._reported.wait()
        except TimeoutError:
            if not self._reported.is_set():  # a loop that was held up for longer hears of both at once
                raise GuestError("The guest's process does not answer") from None

    async def end(self) -> None:
        """The process is gone when this comes back; memory stays for whoever wants to look."""
        process, self._process = self._process, None
        if process is not None:
            await process.kill()
            self._last_words = process.stderr_tail
        self._close_handover()
        self._release_askers("its process has gone")

    def watch(self, now: float, should_run: bool) -> str:
        """Called now and then: a sentence where the guest shows no sign of life, else nothing."""
        if now - self._looked_at > 1.0 + _SILENT_SECONDS / 2:  # we were asleep ourselves: judge nobody
            self._moved_at, self._ping_sent = now, None
        self._looked_at = now
        head = self.boot.status.head()
        if head.ticks != self._seen_ticks or head.state != STATE_RUNNING or not should_run:
            self._seen_ticks, self._moved_at = head.ticks, now
        if self._ping_sent is None and now - self._pinged_at >= _PING_SECONDS:
            self.send(messages.Ping(next(self._tokens)))
            self._ping_sent = self._pinged_at = now
        if self._ping_sent is not None and now - self._ping_sent > _SILENT_SECONDS:
            return f"its process has not answered for {now - self._ping_sent:.0f} s"
        if now - self._moved_at > _SILENT_SECONDS:
            return f"its vCPU has not moved for {now - self._moved_at:.0f} s"
        return ""

    def _message(self, process: GuestProcess, message: Any) -> None:
        if process is not self._process:
            return
        match message:
            case messages.Console(data):
                self._observer.run_output(data)
            case messages.Running():
                self._reported.set()
                self._observer.run_running()
            case messages.Stopped():
                self._observer.run_stopped(message)
            case messages.Log(data):
                self._keep_log(data)
            case Captured():
                if self.captured_taker is not None:
                    self.captured_taker(message)
            case messages.FromDevice(device, data):
                self._observer.run_device(device, data)
            case messages.Pong():
                self._ping_sent = None
            case messages.DebugAnswer(token, reply):
                asked = self._debug_asked.get(token)
                if asked is not None and not asked.done():
                    asked.set_result(reply)
            case messages.Note(sentence):
                self._observer.run_note(sentence)
            case messages.Refused(sentence):
                self._observer.run_note(sentence)
                self._release_askers(sentence)
        waiting = self._answers.pop(type(message), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    def _keep_log(self, data: bytes) -> None:
        if self.log_taker is not None:
            self.log_taker(data)
        if not self.keeps_log:
            return
        if len(self.log) + len(data) > _LOG_MAX:
            if self.log_complete:
                self._observer.run_note(f"The recording is over {_LOG_MAX >> 20} MiB and was given up")
            self.log_complete = False
            self.log.clear()
        elif self.log_complete:
            self.log += data

    def _process_ended(self, process: GuestProcess, sentence: str) -> None:
        if process is not self._process:
            return
        self._process = None
        self._close_handover()
        self.boot.ended()
        self._last_words = process.stderr_tail
        self._reported.set()
        self._release_askers(sentence)
        self._observer.run_ended(sentence)

    def _close_handover(self) -> None:
        if self._handover is not None:
            self._handover.close()
            self._handover = None

    def _release_askers(self, sentence: str) -> None:
        answers, self._answers = self._answers, {}
        for waiting in (*answers.values(), *self._debug_asked.values()):
            if not waiting.done():
                waiting.set_exception(GuestError(sentence))
                waiting.exception()  # whoever asked may have given up since: no complaint then


def _start_message(boot: Boot, board: BoardConfig, options: RunOptions, state: StateAt | None) -> Start:
    script = options.script
    limit = options.tick_limit
    if limit is None and options.replay is not None:
        limit = options.replay.end.ticks
    return Start(
        board=board,
        record=options.record,
        replay=options.replay is not None or options.follow is not None,
        sync=options.deterministic or script is not None,
        script=script.lines if script is not None else (),
        prompt=script.prompt if script is not None else DEFAULT_PROMPT,
        until=script.until if script is not None else None,
        tick_limit=limit,
        paused=options.paused,
        state=state,
    )
