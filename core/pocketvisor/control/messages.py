"""What a handset and a guest's process say to each other.

Both sides begin with Hello; a side that meets another version says so in a sentence and goes no further,
since the two always come from one installation. The handset then sends Start; all else follows Ready.
Screens, memory and counters are not here: they go through shared memory.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from pocketvisor.board.config import BoardConfig, Descriptor
from pocketvisor.control.debug_messages import STOPS_MAX, DebugReply, DebugRequest, Hit, StopAt
from pocketvisor.control.isolation import Isolation

PROTOCOL: Final = 5

Chunk = Annotated[bytes, Meta(max_length=4 << 20)]
CHUNK_SIZE: Final = 1 << 20
STATE_MAX: Final = 256 << 20
"""Bytes of a saved state, without memory and disks."""
Sentence = Annotated[str, Meta(max_length=2000)]
Unsigned32 = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
# msgspec bounds an integer by a signed 64-bit number; a tick that large is 70 years at 4000 MIPS.
Unsigned64 = Annotated[int, Meta(ge=0)]


class _Message(Struct, tag=True, forbid_unknown_fields=True):
    """Tagged with its class's name."""


class Hello(_Message):
    protocol: int
    engine: str = ""


class StateAt(Struct, frozen=True):
    """Where a state is, msgpack: a memfd, and how many bytes of it."""

    fd: Descriptor
    size: Annotated[int, Meta(ge=0, le=STATE_MAX)] = 0


# From the handset


class Start(_Message):
    """The board, and how to run it. Descriptors inside are numbers that the process inherited."""

    board: BoardConfig
    handover: int = -1  # the socket of descriptors
    record: bool = False
    replay: bool = False  # ReplayLog messages follow, up to the empty one
    sync: bool = False
    script: tuple[Sentence, ...] = ()
    prompt: Sentence = ""
    until: Sentence | None = None
    tick_limit: Unsigned64 | None = None
    paused: bool = False
    state: StateAt | None = None
    baton: Descriptor = -1
    """Not to begin before TakeOver comes here; the state is at its descriptor then."""
    stops: Annotated[tuple[StopAt, ...], Meta(max_length=STOPS_MAX)] = ()


class ReplayLog(_Message):
    data: Chunk


class Pause(_Message):
    pass


class Resume(_Message):
    until_tick: Unsigned64 | None = None


class ConsoleInput(_Message):
    data: Annotated[bytes, Meta(max_length=64 << 10)]


class Touch(_Message):
    x: int
    y: int
    phase: str
    slot: Annotated[int, Meta(ge=0, le=15)] = 0


class Key(_Message):
    code: Annotated[int, Meta(ge=0, le=0x2FF)]
    pressed: bool


class HardwareKey(_Message):
    name: str
    pressed: bool


class ToDevice(_Message):
    """What a device of the guest is told, in the device's own terms. With `fd` a descriptor goes with it, on
    the socket of descriptors, sent before."""

    device: Annotated[str, Meta(max_length=64)]
    data: Annotated[bytes, Meta(max_length=1 << 20)]
    fd: bool = False


class Ping(_Message):
    token: int


class Save(_Message):
    """Only for a paused guest: its state goes to the descriptor that was sent before. Answered by Saved."""


class HandOver(_Message):
    """As Save, for a guest that may run: it stands still from then on, and nothing enters or leaves it. A
    second descriptor goes with it, the baton: on it TakeOver goes straight to the process that waits, and
    that goes on, or this one after GoOn."""


class GoOn(_Message):
    """Nothing came of HandOver."""


class TakeOver(_Message):
    """To a process that waits, on its baton: the state is there, `size` bytes of it. It runs, unless
    `paused`. The handset gets TookOver."""

    size: Annotated[int, Meta(ge=0, le=STATE_MAX)]
    paused: bool
    until_tick: Unsigned64 | None = None


class Capture(_Message):
    """Save the state as it is at a moment of its choice, without a pause that is seen; from that moment on,
    what is overwritten is kept as it was, up to EndCapture. Descriptors, sent before: for the state, the RAM,
    the framebuffer, the flash, and the `disks` in their order. Answered by Captured.

    `record`: what enters it is logged from that moment on; what was logged before is sent before Captured.
    `freeze`: the descriptor for the RAM is the new own memory of the guest, and what it had stays as it is
    for ever. `flash`: its content is wanted even if this process has not written it."""

    disks: tuple[Annotated[str, Meta(max_length=64)], ...] = ()
    freeze: bool = False
    flash: bool = False
    record: bool = False


class EndCapture(_Message):
    pass


class RamComplete(_Message):
    """No block of RAM is absent any more."""


class ShareRam(_Message):
    """So many more `layers` of RAM, their descriptors sent before; then own `blocks` (their numbers, 32 bits
    each) become those of the layers `numbers`, one for each, if they are the same, and what is zeros of
    `zeros` is given back. Answered by RamShared."""

    layers: Annotated[int, Meta(ge=0, le=16)]
    blocks: Chunk
    numbers: Chunk
    zeros: Chunk


class UnshareRam(_Message):
    """Blocks of layers become own ones. Answered by RamShared."""

    blocks: Chunk


class Trim(_Message):
    """Give back the memory behind translated code. Answered by Trimmed."""


class DebugAsk(_Message):
    """Answered by DebugAnswer with the same token."""

    token: int
    request: DebugRequest


class Flush(_Message):
    """Send what is left of console and log, then Flushed."""


FromHandset = (
    Hello
    | Start
    | ReplayLog
    | Pause
    | Resume
    | ConsoleInput
    | Touch
    | Key
    | HardwareKey
    | ToDevice
    | Ping
    | Save
    | HandOver
    | GoOn
    | Capture
    | EndCapture
    | RamComplete
    | ShareRam
    | UnshareRam
    | Trim
    | DebugAsk
    | Flush
)


# From the guest's process


class Ready(_Message):
    """`isolation`: what the process has given up by now."""

    isolation: Isolation = Isolation()


class Refused(_Message):
    """The guest cannot be started, or cannot do what was asked; the sentence says why."""

    sentence: Sentence


class Running(_Message):
    """The vCPU begins, at this time of CLOCK_MONOTONIC."""

    at_ns: Unsigned64 = 0


class Stopped(_Message):
    """The vCPU stands still. Reasons: paused, limit, until, power-off, exit, reset, dead, diverged, error;
    for a debugger also breakpoint, watchpoint, step, position. `code`: the exit code, where the program gave
    one. `hit`: of a breakpoint or watchpoint."""

    reason: str
    ticks: Unsigned64
    detail: Sentence = ""
    code: Unsigned32 | None = None
    position: Unsigned64 = 0
    hit: Hit | None = None


class Console(_Message):
    data: Chunk


class Log(_Message):
    data: Chunk


class FromDevice(_Message):
    """What a device tells its handset, in its own terms."""

    device: Annotated[str, Meta(max_length=64)]
    data: Annotated[bytes, Meta(max_length=1 << 20)]


class Pong(_Message):
    token: int


class Saved(_Message):
    """`size` bytes of state. `dirty`: the dirty log of RAM, one bit a page, since it was last told; `flash`:
    whether that was written since. `until_tick`: what it was running to; `ran`: whether it ran; `at_ns`: when
    it stood still, of CLOCK_MONOTONIC."""

    size: Annotated[int, Meta(ge=0, le=STATE_MAX)]
    ticks: Unsigned64
    dirty: Chunk
    flash: bool
    ran: bool
    at_ns: Unsigned64
    until_tick: Unsigned64 | None = None


class Captured(_Message):
    """As Saved, for Capture; `pause_ns`: how long it stood still for it; `blocks`: of one that was frozen,
    where each block of its RAM was then."""

    saved: Saved
    pause_ns: Unsigned64
    blocks: Chunk = b""
    position: Unsigned64 = 0
    clock_ns: Unsigned64 = 0


class RamShared(_Message):
    """A byte for each block of ShareRam, 1 where it is the layer's now; how many bytes of zeros were given
    back."""

    shared: Chunk = b""
    zeros: Annotated[int, Meta(ge=0, le=1 << 32)] = 0


class Trimmed(_Message):
    """`gave`: whether there was something to give."""

    gave: bool


class TookOver(_Message):
    """What another process has handed over is here, and runs if it did; `at_ns` of CLOCK_MONOTONIC."""

    at_ns: Unsigned64


class Flushed(_Message):
    pass


class DebugAnswer(_Message):
    token: int
    reply: DebugReply


class Note(_Message):
    """Something worth a line among the handset's events."""

    sentence: Sentence


FromGuest = (
    Hello
    | Ready
    | Refused
    | Running
    | Stopped
    | Console
    | Log
    | FromDevice
    | Pong
    | Saved
    | Captured
    | RamShared
    | Trimmed
    | TookOver
    | Flushed
    | DebugAnswer
    | Note
)
