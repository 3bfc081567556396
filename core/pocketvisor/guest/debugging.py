"""In a guest's process: what a debugger outside asks of it. See control/debug_messages.py.

A guest that runs is held at a block start while it is looked at, which it cannot notice.
"""

import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final

import msgspec

from pocketvisor import _native
from pocketvisor.board.board import Board
from pocketvisor.control import debug_messages as wire
from pocketvisor.control.debug_messages import DebugReply, DebugRequest
from pocketvisor.errors import GuestError
from pocketvisor.guest.vcpu_thread import VcpuThread

_NATIVE_KINDS: Final = {
    "execute": _native.STOP_EXECUTE,
    "write": _native.STOP_WRITE,
    "read": _native.STOP_READ,
    "access": _native.STOP_ACCESS,
}


class DebugServer:
    """One guest's."""

    def __init__(
        self,
        board: Board,
        vcpu: VcpuThread,
        recording: Callable[[bool], None],
        take_descriptor: Callable[[], int],
    ) -> None:
        """`recording` is called when the log of what enters the guest is wanted, or not any more."""
        self._board = board
        self._machine = board.machine
        self._vcpu = vcpu
        self._recording = recording
        self._take_descriptor = take_descriptor

    def answer(self, request: DebugRequest) -> DebugReply:
        try:
            with ExitStack() as held:
                trace = self._trace_memory(request, held)
                if not isinstance(request, wire.Go):
                    running = self._vcpu.hold()
                    held.callback(self._vcpu.release)
                    return self._held(request, running, trace)
                if self._vcpu.running:
                    raise GuestError("it runs already")
                if request.again:
                    self._vcpu.resume_again()
                    return wire.Done()
                self._vcpu.resume(None, steps=request.steps, position=request.position or None)
                return wire.Done()
        except (ValueError, OverflowError, RuntimeError, OSError, GuestError, msgspec.MsgspecError) as error:
            return wire.Failed(str(error)[:2000] or type(error).__name__)

    def set_stops(self, stops: Sequence[wire.StopAt]) -> None:
        """Of a guest that stands still. Raises ValueError."""
        self._machine.set_stops(
            [(one.id, _NATIVE_KINDS[one.kind], one.address, one.size, one.physical) for one in stops]
        )

    def _trace_memory(self, request: DebugRequest, held: ExitStack) -> int:
        """The descriptor that came with it, or -1; it is closed in the end."""
        if not isinstance(request, wire.SetTrace) or not request.kinds:
            return -1
        fd = self._take_descriptor()
        held.callback(os.close, fd)
        return fd

    def _held(self, request: DebugRequest, running: bool, trace: int = -1) -> DebugReply:
        machine = self._machine
        match request:
            case wire.Sample(reads, registers):
                return wire.Sampled(
                    machine.position,
                    machine.now_ns(),
                    running,
                    machine.registers() if registers else {},
                    tuple(machine.peek(one.address, one.size, physical=one.physical) for one in reads),
                )
            case wire.SetRegisters(values):
                machine.set_cpu(values)
            case wire.Poke(address, data, physical):
                written = machine.poke(address, data, physical=physical)
                if written < len(data):
                    raise ValueError(f"there is no memory at 0x{(address + written) & 0xFFFFFFFF:08x}")
            case wire.Translate(address):
                found = machine.translate(address)
                return wire.Translated(*found) if found is not None else wire.Translated()
            case wire.SetStops(stops, note):
                machine.note_stops(note)
                self.set_stops(stops)
            case wire.TakeNoted():
                count, hits = machine.noted()
                return wire.Noted(
                    count,
                    tuple(
                        wire.Hit(own, at, pc, address, size, write)
                        for own, at, pc, address, size, write in hits
                    ),
                )
            case wire.FindBefore(position, count):
                return self._find_before(position, count)
            case wire.SetPace(watched):
                machine.set_watched_pace(watched)
            case wire.SetRecording(on):
                self._recording(on)
            case wire.BoardState():
                state: dict[str, Any] = machine.save()
                shown = {name: part for name, part in state.items() if isinstance(part, dict)}
                return wire.Opaque(msgspec.msgpack.encode(shown))
            case wire.SetTrace(kinds, period):
                if kinds:
                    machine.start_trace(
                        trace, sum(wire.TRACE_KINDS.get(name, 0) for name in set(kinds)), period
                    )
                else:
                    machine.stop_trace()
            case wire.TakeTrace("devices"):
                return wire.Opaque(msgspec.msgpack.encode(machine.device_counts()))
            case _:
                raise ValueError(f"{type(request).__name__} is not known here")
        return wire.Done()

    def _find_before(self, position: int, count: int) -> DebugReply:
        machine = self._machine
        places: deque[int] = deque(maxlen=count)
        while (here := machine.position) < position:
            reason = machine.run(steps=1)
            if reason == _native.RUN_STOPPED and machine.position == here:
                continue  # a stop() that came when it stood still already
            places.append(here)
            if (
                reason != _native.RUN_STEP and machine.position < position
            ):  # at its log's end it waits, in WFI
                raise ValueError(f"it does not go on to {position}: it is at {machine.position} ({reason})")
        return wire.Found(places[0] if places else 0, len(places))
