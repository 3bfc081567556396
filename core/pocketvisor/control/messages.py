"""What a handset and a guest's process say to each other.

Both sides begin with Hello; a side that meets another version says so in a sentence and goes no further,
since the two always come from one installation. The handset then sends Start; all else follows Ready.
Screens, memory and counters are not here: they go through shared memory.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from pocketvisor.board.config import BoardConfig

PROTOCOL: Final = 2

Chunk = Annotated[bytes, Meta(max_length=4 << 20)]
CHUNK_SIZE: Final = 1 << 20
Sentence = Annotated[str, Meta(max_length=2000)]
Unsigned32 = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
# msgspec bounds an integer by a signed 64-bit number; a tick that large is 70 years at 4000 MIPS.
Unsigned64 = Annotated[int, Meta(ge=0)]


class _Message(Struct, tag=True, forbid_unknown_fields=True):
    """Tagged with its class's name."""


class Hello(_Message):
    protocol: int
    engine: str = ""


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
    state: Chunk | None = None


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
    """Only for a paused guest."""


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
    | Flush
)


# From the guest's process


class Ready(_Message):
    pass


class Refused(_Message):
    """The guest cannot be started, or cannot do what was asked; the sentence says why."""

    sentence: Sentence


class Running(_Message):
    pass


class Stopped(_Message):
    """The vCPU stands still. Reasons: paused, limit, until, power-off, exit, reset, dead, diverged, error.
    `code`: the exit code, where the program gave one."""

    reason: str
    ticks: Unsigned64
    detail: Sentence = ""
    code: Unsigned32 | None = None


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
    state: Chunk


class Flushed(_Message):
    pass


class Note(_Message):
    """Something worth a line among the handset's events."""

    sentence: Sentence


FromGuest = (
    Hello | Ready | Refused | Running | Stopped | Console | Log | FromDevice | Pong | Saved | Flushed | Note
)
