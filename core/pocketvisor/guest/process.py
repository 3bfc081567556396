"""A guest's process, from main() on: a fork of the nursery, with its descriptors in place.

The main thread speaks with the handset and serves the devices' doorbells; one further thread is the vCPU.
It opens no paths: all that it works on was handed in. Whatever it cannot do is told in a sentence.
"""

import os
import selectors
import socket
import sys
import time
from contextlib import suppress
from typing import Any, Final

import msgspec
from msgspec import structs

from pocketvisor.control.channel import BlockingChannel
from pocketvisor.control.messages import (
    CHUNK_SIZE,
    PROTOCOL,
    Capture,
    Console,
    ConsoleInput,
    DebugAnswer,
    DebugAsk,
    EndCapture,
    Flush,
    Flushed,
    FromDevice,
    FromGuest,
    FromHandset,
    GoOn,
    HandOver,
    HardwareKey,
    Hello,
    Key,
    Log,
    Note,
    Pause,
    Ping,
    Pong,
    RamComplete,
    Ready,
    Refused,
    ReplayLog,
    Resume,
    Save,
    ShareRam,
    Start,
    Stopped,
    TakeOver,
    ToDevice,
    TookOver,
    Touch,
    Trim,
    UnshareRam,
)
from pocketvisor.errors import ControlError, GuestError, PocketvisorError
from pocketvisor.storage.descriptors import let_go

_CONSOLE_INTERVAL: Final = 0.008  # output is sent on at most this often,
_CONSOLE_BATCH: Final = 128 << 10  # and this much of it at once: a guest cannot flood its handset
_LOG_INTERVAL: Final = 0.25
_REPLAY_MAX: Final = 1 << 30


class GuestMain:
    """The main thread, from Start on."""

    def __init__(
        self, channel: BlockingChannel[FromHandset, FromGuest], start: Start, replay: bytes | None
    ) -> None:
        from pocketvisor import _native
        from pocketvisor.board.board import Board
        from pocketvisor.devices.user_device import preload
        from pocketvisor.guest import sandbox
        from pocketvisor.guest.debugging import DebugServer
        from pocketvisor.guest.saver import Saver
        from pocketvisor.guest.script import Script, ScriptPlan
        from pocketvisor.guest.sharer import Sharer
        from pocketvisor.guest.vcpu_thread import VcpuThread

        self._channel = channel
        self._native = _native
        self._sync = start.sync
        self._record = start.record
        self._handover = socket.socket(fileno=start.handover) if start.handover >= 0 else None
        self._board = Board(start.board, sync=start.sync, replay=replay is not None)
        self._machine = machine = self._board.machine
        if replay is not None:
            machine.replay(replay)
        elif start.record:
            machine.record()
        script = None
        if start.script or start.until is not None:
            script = Script(ScriptPlan(lines=start.script, prompt=start.prompt, until=start.until))
        preload()
        isolation = sandbox.enter()  # before other threads begin, so that they are bound
        self._board.add_user_devices(start.board.devices.user)
        self._vcpu = VcpuThread(machine, self._board, sync=start.sync, script=script)
        self._saver = Saver(start.board, self._board, self._vcpu)
        self._sharer = Sharer(machine, self._vcpu)
        self._debug = DebugServer(
            self._board, self._vcpu, self._set_recording, lambda: self._take_descriptors(1)[0]
        )
        if start.stops:
            self._debug.set_stops(start.stops)
        self._late: list[FromHandset] = []
        self._state_fd = start.state.fd if start.state is not None else -1
        self._baton = socket.socket(fileno=start.baton) if start.baton >= 0 else None
        if start.state is not None and self._baton is None:
            self._restore(start.state.size)
        if self._baton is not None:
            self._board.loop.prepare()
        else:
            self._board.loop.start()
        self._output = bytearray()
        self._console_pending = False
        self._console_due = 0.0
        self._log_due = 0.0
        self._tick_limit = start.tick_limit
        if start.board.devices.disks and not start.sync:
            self._board.loop.begin_offloading()
        if sandbox.seal_threads():  # all that it needs have begun
            isolation = structs.replace(isolation, no_new_threads=True)
        channel.send(Ready(isolation))
        if not start.paused and self._baton is None:
            self._vcpu.resume(start.tick_limit)

    def run(self) -> None:
        """Until the handset closes the channel; usually it ends this process before."""
        selector = self._selector = selectors.DefaultSelector()
        if self._baton is not None:
            selector.register(self._baton, selectors.EVENT_READ, self._take_over)
        selector.register(self._channel, selectors.EVENT_READ, self._receive)
        selector.register(self._vcpu.wake_fd, selectors.EVENT_READ, self._send_outbox)
        selector.register(self._board.report_fd, selectors.EVENT_READ, self._send_reports)
        if not self._sync:
            selector.register(self._machine.console_fd, selectors.EVENT_READ, self._console_ready)
        self._open = True
        while self._open:
            for key, _ in selector.select(self._patience()):
                key.data()
            now = time.monotonic()
            if now >= self._console_due and (self._output or self._console_pending):
                self._send_console(now)
            if self._record and now >= self._log_due:
                self._log_due = now + _LOG_INTERVAL
                self._send_log()

    def _patience(self) -> float | None:
        due = [self._log_due] if self._record else []
        if self._output or self._console_pending:
            due.append(self._console_due)
        return max(0.0, min(due) - time.monotonic()) if due else None

    # From the handset

    def _receive(self) -> None:
        messages = self._channel.receive()
        if messages is None:
            self._open = False
            return
        for message in messages:
            if self._saver.handed_over and not isinstance(message, GoOn | Ping):
                self._late.append(message)
            else:
                self._handle(message)

    def _handle(self, message: FromHandset) -> None:
        match message:
            case Pause():
                if self._vcpu.running:
                    self._vcpu.pause()
                else:
                    self._channel.send(Stopped("paused", self._machine.ticks()))
            case Resume(until_tick):
                self._vcpu.resume(self._tick_limit if until_tick is None else until_tick)
            case ConsoleInput(data):
                if not self._machine.post(self._native.EVENT_CONSOLE_INPUT, 0, data):
                    self._channel.send(Note("The console takes no more input: the guest does not read it"))
            case Touch(x, y, phase, slot):
                self._board.touch(x, y, phase, slot)
            case Key(code, pressed):
                self._board.key(code, pressed)
            case HardwareKey(name, pressed):
                self._board.hardware_key(name, pressed)
            case ToDevice(device, data, with_fd):
                self._tell(device, data, self._take_descriptors(1)[0] if with_fd else None)
            case Ping(token):
                self._channel.send(Pong(token))
            case Save() | HandOver() | Capture():
                self._save(message)
            case EndCapture():
                self._saver.end_capture()
            case RamComplete():
                self._machine.ram_complete()
            case ShareRam() | UnshareRam() | Trim():
                self._share(message)
            case GoOn():
                self._saver.go_on()
                late, self._late = self._late, []
                for waiting in late:
                    self._handle(waiting)
            case DebugAsk(token, request):
                self._channel.send(DebugAnswer(token, self._debug.answer(request)))
            case Flush():
                self._send_outbox()
                self._flush()
                self._channel.send(Flushed())
            case _:
                raise ControlError(f"{type(message).__name__} is out of place here")

    def _tell(self, device: str, data: bytes, fd: int | None) -> None:
        try:
            self._board.control(device, data, fd)
        except (ValueError, msgspec.MsgspecError) as error:
            self._channel.send(Note(f"What was said to its {device} was not understood: {error}"[:2000]))

    def _take_descriptors(self, count: int) -> list[int]:
        assert self._handover is not None
        _, fds, _, _ = socket.recv_fds(self._handover, 16, count)
        if len(fds) != count:
            raise ControlError("A descriptor was announced and not sent")
        return fds

    def _save(self, message: Save | HandOver | Capture) -> None:
        fds: list[int] = []
        try:
            match message:
                case Capture(disks):
                    fds = self._take_descriptors(4 + len(disks))
                    captured = self._saver.capture(message, fds)
                    for at in range(0, len(captured.log), CHUNK_SIZE):
                        self._channel.send(Log(captured.log[at : at + CHUNK_SIZE]))
                    self._record |= message.record
                    self._channel.send(captured.answer)
                case HandOver():
                    fds = self._take_descriptors(2)
                    saved = self._saver.hand_over(fds[0])
                    self._send_outbox()
                    self._flush()
                    self._send_reports()
                    self._channel.send(saved)
                    take_over = TakeOver(saved.size, not saved.ran, saved.until_tick)
                    os.write(fds[1], msgspec.msgpack.encode(take_over))
                case Save():
                    fds = self._take_descriptors(1)
                    if self._vcpu.running:
                        raise GuestError("A guest is saved when it is paused")
                    self._channel.send(self._saver.save(fds[0]))
        except (ValueError, OSError, PocketvisorError) as error:
            self._channel.send(Refused(f"It could not be saved: {error}"[:2000]))
        finally:
            for fd in fds:
                os.close(fd)

    def _share(self, message: ShareRam | UnshareRam | Trim) -> None:
        layers = message.layers if isinstance(message, ShareRam) else 0
        fds = self._take_descriptors(layers) if layers else []
        try:
            match message:
                case ShareRam():
                    self._channel.send(self._sharer.share(message, fds))
                case UnshareRam():
                    self._channel.send(self._sharer.unshare(message))
                case Trim():
                    self._channel.send(self._sharer.trim())
        except (ValueError, RuntimeError) as error:
            self._channel.send(Refused(f"Its memory could not be shared: {error}"[:2000]))
        finally:
            for fd in fds:
                os.close(fd)

    def _set_recording(self, on: bool) -> None:
        if on:
            self._machine.record()
        else:
            self._machine.stop_recording()
        self._send_log()
        self._record = on

    def _restore(self, size: int) -> None:
        """Raises ValueError where it is no state of this board."""
        from pocketvisor.guest.saver import read_state

        self._board.restore(read_state(self._state_fd, size))
        self._state_fd = let_go([self._state_fd])

    def _take_over(self) -> None:
        """The process that the guest is in now says that its state is there."""
        assert self._baton is not None
        try:
            message = msgspec.msgpack.decode(self._baton.recv(4096), type=TakeOver)
            self._restore(message.size)
        except (ValueError, OSError, msgspec.MsgspecError) as error:
            self._channel.send(Refused(f"It could not be taken over: {error}"[:2000]))
            return
        finally:
            self._selector.unregister(self._baton)
            self._baton.close()
            self._baton = None
        if message.paused:
            self._channel.send(Stopped("paused", self._machine.ticks()))
        else:
            self._handle(Resume(message.until_tick))
        self._channel.send(TookOver(time.monotonic_ns()))
        self._board.loop.start()

    # To the handset

    def _send_outbox(self) -> None:
        for report in self._vcpu.take_outbox():
            if isinstance(report, Console):
                self._output += report.data
                continue
            if isinstance(report, Stopped):  # what it printed and what entered it comes before its end
                self._flush()
            self._channel.send(report)

    def _send_reports(self) -> None:
        for device, data in self._board.take_reports():
            self._channel.send(FromDevice(device, data) if device else Note(data.decode()))

    def _console_ready(self) -> None:
        """There is output; it waits in the machine, which bounds it, until it is due."""
        self._console_pending = True
        with suppress(BlockingIOError):
            os.eventfd_read(self._machine.console_fd)

    def _send_console(self, now: float) -> None:
        self._console_due = now + _CONSOLE_INTERVAL
        if not self._output and not self._sync:
            self._console_pending = False
            self._output += self._machine.take_console(0)
        if self._output:
            self._channel.send(Console(bytes(self._output[:_CONSOLE_BATCH])))
            del self._output[:_CONSOLE_BATCH]

    def _flush(self) -> None:
        """All output and all of the log up to now."""
        if not self._sync:
            self._output += self._machine.take_console(0)
        while self._output:
            self._send_console(time.monotonic())
        self._send_log()

    def _send_log(self) -> None:
        if self._record:
            log = self._machine.take_log()
            for at in range(0, len(log), CHUNK_SIZE):
                self._channel.send(Log(log[at : at + CHUNK_SIZE]))


def _shake_hands(channel: BlockingChannel[FromHandset, FromGuest]) -> GuestMain | None:
    """None where the handset has gone; raises PocketvisorError with the sentence to answer with."""
    try:
        from pocketvisor import _native
    except ImportError as error:
        raise PocketvisorError(f"The engine is not built, or not for this Python: {error}") from error
    problem = _native.overrides_problem()
    if problem is not None:
        raise PocketvisorError(f"The engine cannot be used: {problem}")
    channel.send(Hello(PROTOCOL, _native.ENGINE))
    start: Start | None = None
    replay = bytearray()
    greeted = False
    while True:
        messages: list[Any] | None = channel.receive()
        if messages is None:
            return None
        for message in messages:
            if isinstance(message, Hello) and not greeted:
                if message.protocol != PROTOCOL:
                    raise PocketvisorError(f"The handset speaks version {message.protocol} of the protocol")
                greeted = True
            elif isinstance(message, Start) and greeted and start is None:
                start = message
                if not start.replay:
                    return GuestMain(channel, start, None)
            elif isinstance(message, ReplayLog) and start is not None:
                if not message.data:
                    return GuestMain(channel, start, bytes(replay))
                replay += message.data
                if len(replay) > _REPLAY_MAX:
                    raise PocketvisorError("The recording is too long to be replayed")
            else:
                raise ControlError(f"{type(message).__name__} is out of place here")


def main(control: int) -> int:
    """Its exit code. `control` is its end of the channel."""
    channel: BlockingChannel[FromHandset, FromGuest] = BlockingChannel(
        socket.socket(fileno=control), FromHandset
    )
    try:
        try:
            guest = _shake_hands(channel)
        except (PocketvisorError, RuntimeError, ValueError, OSError, msgspec.MsgspecError) as error:
            channel.send(Refused(str(error)[:2000] or type(error).__name__))
            return 1
        if guest is not None:
            guest.run()
    except ControlError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
