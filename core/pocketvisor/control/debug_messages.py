"""What a debugger asks a guest's process, and what that answers.

Each request goes in a DebugAsk with a token and is answered by a DebugAnswer with the same one. A guest that
runs is held at a block start for it, for some microseconds. Positions are clock bytes: a quarter of a tick,
exact within a block.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

PEEK_MAX: Final = 1 << 20
STOPS_MAX: Final = 1024
READS_MAX: Final = 64
FIND_MAX: Final = 4096

Address = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
Position = Annotated[int, Meta(ge=0)]
StopKind = Literal["execute", "write", "read", "access"]
TRACE_KINDS: Final = {"mmio": 1, "exceptions": 2, "coverage": 4, "profile": 8}
"""What can be traced, and its bit in the machine."""
STOP_KINDS: Final[tuple[StopKind, ...]] = ("execute", "write", "read", "access")


class _Tagged(Struct, tag=True, forbid_unknown_fields=True):
    """Tagged with its class's name."""


class Read(Struct, frozen=True):
    """Memory at a virtual address of the current context, or at a physical one."""

    address: Address
    size: Annotated[int, Meta(ge=0, le=PEEK_MAX)]
    physical: bool = False


class StopAt(Struct, frozen=True):
    """A place to stop at: an instruction, or data of `size` bytes that is written, read or either."""

    id: Annotated[int, Meta(ge=0, le=0x7FFFFFFF)]
    kind: StopKind
    address: Address
    size: Annotated[int, Meta(ge=1, le=1 << 20)] = 4
    physical: bool = False


class Hit(Struct, frozen=True):
    """A stop was met: before the instruction at `position`, which accesses `address` if it watches data."""

    id: int
    position: Position
    pc: Address
    address: Address
    size: int
    write: bool


# Requests


class Sample(_Tagged):
    """Registers, if wanted, and memory, all of one moment."""

    reads: Annotated[tuple[Read, ...], Meta(max_length=READS_MAX)] = ()
    registers: bool = True


class SetRegisters(_Tagged):
    values: Annotated[dict[str, int], Meta(max_length=256)]


class Poke(_Tagged):
    """Writes whatever the guest's tables allow, but no device."""

    address: Address
    data: Annotated[bytes, Meta(max_length=PEEK_MAX)]
    physical: bool = False


class Translate(_Tagged):
    address: Address


class SetStops(_Tagged):
    """All of them, in place of those before."""

    stops: Annotated[tuple[StopAt, ...], Meta(max_length=STOPS_MAX)] = ()
    note: bool = False
    """They are noted, and nothing stops at them."""


class TakeNoted(_Tagged):
    """What was noted since the last SetStops."""


class Go(_Tagged):
    """Runs on, so many instructions, or to the instruction at a position or the first behind it; 0 for
    neither. Stopped tells when it stands still again. `again`: towards what it was to run to before."""

    steps: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    position: Position = 0
    again: bool = False


class FindBefore(_Tagged):
    """Steps from where it stands, up to `position`: answered by Found, with where the instruction begins that
    is `count` before it, or the first that there was."""

    position: Position
    count: Annotated[int, Meta(ge=1, le=FIND_MAX)] = 1


class SetPace(_Tagged):
    """Of a replay: at real time's pace, or as fast as it can."""

    watched: bool


class SetRecording(_Tagged):
    """From here on what enters the guest is logged, or it is not."""

    on: bool


class BoardState(_Tagged):
    """Of the parts of the machine by name, such as "gic" and "timer", as they would be saved."""


class SetTrace(_Tagged):
    """What is written down of what the guest does, of TRACE_KINDS, in place of what was; none: nothing. With
    some, a descriptor comes before it: the memory to write to, see debug/trace/ring.py."""

    kinds: Annotated[tuple[Annotated[str, Meta(max_length=16)], ...], Meta(max_length=16)] = ()
    period: Annotated[int, Meta(ge=0)] = 0
    """Ticks between two samples of the profile; 0: as many as a millisecond has."""


class TakeTrace(_Tagged):
    """Counts of "devices": each (name, base, size, reads, writes)."""

    what: Annotated[str, Meta(max_length=32)]


DebugRequest = (
    Sample
    | SetRegisters
    | Poke
    | Translate
    | SetStops
    | TakeNoted
    | Go
    | FindBefore
    | SetPace
    | SetRecording
    | BoardState
    | SetTrace
    | TakeTrace
)


# Answers


class Done(_Tagged):
    pass


class Sampled(_Tagged):
    """`data`: for each read what is mapped of it, from its beginning on. `clock_ns`: the guest's time."""

    position: Position
    clock_ns: Annotated[int, Meta(ge=0)]
    running: bool
    registers: dict[str, int]
    data: tuple[bytes, ...]


class Translated(_Tagged):
    """`rights`: 1 read, 2 write, 4 execute; 0 where nothing maps it."""

    physical: Address = 0
    rights: int = 0


class Found(_Tagged):
    """`count`: so many instructions before, 0 where there was none."""

    position: Position
    count: Annotated[int, Meta(ge=0, le=FIND_MAX)]


class Noted(_Tagged):
    """How many there were, and the last of them, oldest first."""

    count: int
    hits: tuple[Hit, ...]


class Opaque(_Tagged):
    """msgpack, of its own form."""

    data: bytes


class Failed(_Tagged):
    sentence: Annotated[str, Meta(max_length=2000)]


DebugReply = Done | Sampled | Translated | Found | Noted | Opaque | Failed
