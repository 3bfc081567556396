"""What an open workbench, or a run in a terminal, is asked by `pocketvisor debug`, and what it answers.

Addresses and values are texts, in the language of debug/expression.py: the guest's symbols and registers are
known there alone. An answer is DebugShown, whose value is what is asked for, as plain values; the structs
below say which.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from pocketvisor.control.debug_messages import PEEK_MAX, StopKind

_Name = Annotated[str, Meta(max_length=64)]
_Path = Annotated[str, Meta(max_length=4096)]
Text = Annotated[str, Meta(max_length=1000)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]

ROWS_MAX = 10_000
"""Lines of any answer."""


class _OfGuest(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """Tagged with its class's name. `guest`: a name, an id, or the absolute path of its profile. `handset`
    may be empty where the guest's name is on one handset only."""

    guest: _Path
    handset: _Name = ""


# Looking


class AskDebug(_OfGuest):
    """How the guest is to its debugger: Standing."""


class AskRegisters(_OfGuest):
    """Registers, by name."""


class Evaluate(_OfGuest):
    """Value."""

    text: Text


class ReadMemory(_OfGuest):
    """Memory."""

    address: Text
    size: Annotated[int, Meta(ge=1, le=PEEK_MAX)]
    physical: bool = False


class Find(_OfGuest):
    """A list of Found. Without an address: in all of its RAM, as it is mapped now or by physical address."""

    data: Annotated[bytes, Meta(min_length=1, max_length=4096)]
    address: Text = ""
    size: Annotated[int, Meta(ge=1, le=1 << 32)] = 1 << 20
    physical: bool = False
    limit: Annotated[int, Meta(ge=1, le=ROWS_MAX)] = 100


class AskVariables(_OfGuest):
    """Static variables that symbols tell the types of: a list of Variable; with a name, that one's value."""

    name: Text = ""
    limit: Annotated[int, Meta(ge=1, le=ROWS_MAX)] = 1000


class Disassemble(_OfGuest):
    """A list of CodeLine. `thumb`: None for what symbols and CPSR say."""

    address: Text = "$pc"
    count: Annotated[int, Meta(ge=1, le=ROWS_MAX)] = 10
    before: Annotated[int, Meta(ge=0, le=ROWS_MAX)] = 0
    thumb: bool | None = None


class AskStack(_OfGuest):
    """A list of StackFrame, the innermost first. `pid`: of this task of a Linux guest, where it waits."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 64
    pid: Annotated[int, Meta(ge=0, le=1 << 30)] | None = None


class AskSymbols(_OfGuest):
    """A list of Symbol whose names begin like that."""

    prefix: Text = ""
    limit: Annotated[int, Meta(ge=1, le=ROWS_MAX)] = 100


class AskStatics(_OfGuest):
    """A list of Static: variables of static storage whose names begin like that, with their values."""

    prefix: Text = ""
    limit: Annotated[int, Meta(ge=1, le=ROWS_MAX)] = 100


class AddSymbols(_OfGuest):
    """A file with symbols: ELF, System.map, a kernel's debug package. `bias`: how far its addresses are from
    those in memory. Empty path: the guest's own, of its ELF file, or of a Linux kernel out of its memory. A
    list of SymbolLayer."""

    path: _Path = ""
    bias: int = 0


class AskLayers(_OfGuest):
    """A list of SymbolLayer: where symbols are from."""


class AskLinux(_OfGuest):
    """Of a Linux guest: a list of LinuxTask, of LinuxModule, or of LogLine."""

    what: Literal["tasks", "modules", "log"]


class AskPages(_OfGuest):
    """What maps an address: PageWalk; without one, a list of PageRange."""

    address: Text = ""


class AskBoard(_OfGuest):
    """GIC and timers, debug.board_state.BoardState."""


# Changing


class SetRegister(_OfGuest):
    """Value, as it is then."""

    name: _Name
    value: Text


class WriteMemory(_OfGuest):
    address: Text
    data: Annotated[bytes, Meta(min_length=1, max_length=PEEK_MAX)]
    physical: bool = False


# Stopping and going


class AskStops(_OfGuest):
    """A list of Stop."""


class AddStop(_OfGuest):
    """A list of Stop: the new one."""

    kind: StopKind
    place: Text
    size: Annotated[int, Meta(ge=1, le=1 << 20)] = 4
    physical: bool = False
    condition: Text = ""
    ignore: Count = 0
    temporary: bool = False


class ChangeStop(_OfGuest):
    """Those that are None stay. A list of Stop: the changed one."""

    id: int
    condition: Text | None = None
    ignore: Count | None = None
    enabled: bool | None = None


class RemoveStop(_OfGuest):
    """A list of Stop: those that are left. `id` 0: all of the user's."""

    id: int


class Move(_OfGuest):
    """Halt, where it stands then; for "continue" with `wait` false, Standing at once. `place`: for "until" an
    address, for "last-write" the data's, for "goto" a position, or a time of the guest's such as 2.5s."""

    how: Literal[
        "pause",
        "continue",
        "step",
        "until",
        "reverse-step",
        "reverse-continue",
        "last-write",
        "goto",
        "present",
    ]
    count: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    place: Text = ""
    size: Annotated[int, Meta(ge=1, le=1 << 20)] = 4
    physical: bool = False
    wait: bool = True


# Tracing


class SetTracing(_OfGuest):
    """Standing. `kinds` of debug.trace; none: it ends."""

    kinds: Annotated[list[_Name], Meta(max_length=16)] = []


class AskTrace(_OfGuest):
    """What was noted: a list of rows, or with a `path` Written (in a format of `what`'s own)."""

    what: Literal["mmio", "exceptions", "coverage", "profile", "counters"]
    limit: Annotated[int, Meta(ge=1, le=ROWS_MAX)] = 100
    path: _Path = ""
    format: _Name = ""


# A recording


class Record(_OfGuest):
    """RecordingShown. `path`: of "export"; `name`: of "branch", what the new guest is called."""

    how: Literal["status", "start", "stop", "keep", "export", "branch"]
    path: _Path = ""
    name: _Name = ""


# gdb


class SetGdb(_OfGuest):
    """GdbShown. `address`: a port, HOST:PORT on loopback or a socket's path; empty: a port of its choice."""

    open: bool = True
    address: _Path = ""
    token: _Name = ""


DebugRequest = (
    AskDebug
    | AskRegisters
    | Evaluate
    | ReadMemory
    | Find
    | AskVariables
    | Disassemble
    | AskStack
    | AskSymbols
    | AskStatics
    | AddSymbols
    | AskLayers
    | AskLinux
    | AskPages
    | AskBoard
    | SetRegister
    | WriteMemory
    | AskStops
    | AddStop
    | ChangeStop
    | RemoveStop
    | Move
    | SetTracing
    | AskTrace
    | Record
    | SetGdb
)


class DebugShown(Struct, tag=True, forbid_unknown_fields=True):
    """`value` is one of the structs below (or others that are named above) as plain values."""

    value: Any


class GuestAbsent(Struct, tag=True, forbid_unknown_fields=True):
    """Whoever was asked has no such guest: the caller asks the next one."""

    sentence: str


DebugAnswer = DebugShown | GuestAbsent


class Standing(Struct):
    """`position` is exact within a block, a quarter of a tick; None where nobody has looked yet."""

    guest: str
    state: str
    position: int | None
    ticks: int
    clock_ns: int
    in_past: bool
    recording: bool
    gdb: str = ""
    sentence: str = ""


class Value(Struct):
    value: int
    label: str = ""


class Memory(Struct):
    """`data` may be shorter than was asked for: what is mapped."""

    address: int
    physical: bool
    data: bytes


class Found(Struct):
    address: int
    label: str


class Variable(Struct):
    name: str
    address: int
    size: int
    type: str
    file: str
    line: int
    value: str = ""


class CodeLine(Struct):
    address: int
    raw: str
    text: str
    label: str
    here: bool
    """The guest stands there."""
    stop: bool
    """There is a breakpoint."""
    file: str = ""
    line: int = 0


class StackFrame(Struct):
    pc: int
    sp: int
    label: str
    file: str = ""
    line: int = 0
    how: str = ""


class Symbol(Struct):
    name: str
    address: int
    size: int
    kind: str


class Static(Struct):
    name: str
    address: int
    size: int
    type: str
    value: str
    """Empty where its file does not tell what it is."""
    file: str
    line: int


class SymbolLayer(Struct):
    name: str
    start: int
    end: int
    symbols: int
    sentence: str = ""


class LinuxTask(Struct):
    pid: int
    parent: int
    state: str
    name: str
    address: int
    current: bool


class LinuxModule(Struct):
    name: str
    base: int
    size: int


class LogLine(Struct):
    seconds: float
    text: str


class PageStep(Struct):
    level: int
    address: int
    descriptor: int
    meaning: str


class PageWalk(Struct):
    address: int
    physical: int | None
    size: int
    privileged: str
    user: str
    sentence: str
    domain: int | None
    domain_access: str
    memory: str
    tables: str
    steps: list[PageStep]


class PageRange(Struct):
    address: int
    physical: int
    size: int
    page: int
    privileged: str
    user: str
    memory: str


class Halt(Struct):
    """Where the guest stands, and why."""

    reason: str
    position: int
    pc: int
    sentence: str
    label: str = ""
    code: str = ""
    """The instruction there."""
    stop: int = 0
    in_past: bool = False


class Written(Struct):
    path: str
    bytes: int


class Moment(Struct):
    position: int
    clock_ns: int


class RecordingShown(Struct):
    recording: bool
    begin: int
    end: int
    position: int | None
    in_past: bool
    size_bytes: int
    moments: list[Moment]
    sentence: str = ""


class GdbShown(Struct):
    address: str
    command: str
    """For a terminal on this machine."""
