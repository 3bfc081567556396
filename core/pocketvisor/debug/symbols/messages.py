"""What is asked of the process that reads a symbol file (reading.py), and what it answers.

Whoever made the file may have taken that process over: what comes from it is checked as a stranger's is.
"""

from typing import Final

import msgspec
from msgspec import Struct

ANSWER_MAX: Final = 96 << 20
REQUEST_MAX: Final = 48 << 20
SYMBOLS_MAX: Final = 1 << 20
STATICS_MAX: Final = 20_000
TYPES_MAX: Final = 50_000
FIELDS_MAX: Final = 2000


class AskFacts(Struct, tag="facts"):
    """What kind of file it is, and its symbols."""


class AskLines(Struct, tag="lines"):
    """The source lines of the compilation units that have code from `start` to `end`."""

    start: int
    end: int


class AskStatics(Struct, tag="statics"):
    """Variables of static storage. `name`: of this name only, which is quicker in a large file."""

    name: str = ""


class AskFrames(Struct, tag="frames"):
    """Where the caller's registers are, at each of these places."""

    places: tuple[int, ...]


class AskLayout(Struct, tag="layout"):
    """Where the fields of structures are, in the compilation unit whose name ends so."""

    unit: str
    structures: tuple[str, ...]


class AskKernel(Struct, tag="kernel"):
    """A kernel's own symbols, and more, out of the beginning of RAM. `digits`: where the digits of its table
    may be, in the order in which to try."""

    image: bytes
    digits: tuple[int, ...]


class Symbols(Struct):
    """By address, which is a u32 for each; so are the sizes. A kind is a byte: one of KINDS."""

    addresses: bytes
    sizes: bytes
    kinds: bytes
    names: str
    """Each ends with a newline, which none can hold."""


class Note(Struct):
    """A piece of the file that has to be in the guest's memory too, if this is what runs there."""

    address: int
    data: bytes


class Facts(Struct, tag="facts"):
    symbols: Symbols
    mapping: bytes
    """Mapping symbols: addresses as u32, and behind all of them a letter for each (a, t or d)."""
    start: int
    end: int
    """Of what it has in memory."""
    build_id: str
    build_id_at: int
    code: list[Note]
    entry: int
    position_independent: bool
    has_symbols: bool
    has_lines: bool
    large: bool
    """Its lines and variables take long to read: they are asked for piece by piece."""
    exidx_at: int
    exidx_size: int
    problems: list[str]


class Lines(Struct, tag="lines"):
    """Rows by address (u32 each), and up to the next row or its end it holds. Line 0: none is known."""

    addresses: bytes
    files: bytes  # u32: number in `names`
    lines: bytes  # u32
    names: list[str]
    ranges: list[tuple[int, int]]
    """Of what was asked for: where all is known now."""


class Field(Struct):
    name: str
    offset: int
    type: int
    bits: int = 0
    """Of a bit field, else 0."""
    first_bit: int = 0


class Type(Struct):
    """`kind`: int, uint, char, bool, float, pointer, array, struct, enum, function or unknown."""

    kind: str
    name: str
    size: int
    of: int = -1
    """What it points to, or is an array of: its number."""
    count: int = 0
    fields: list[Field] = []
    values: dict[str, int] = {}


class Static(Struct):
    name: str
    address: int
    type: int
    file: str
    line: int


class Statics(Struct, tag="statics"):
    statics: list[Static]
    types: list[Type]
    whole: bool
    """False where there are more than fit."""


class Frame(Struct):
    """At one place: the caller's sp is `register` + `offset`; registers are saved at distances from it."""

    place: int
    register: int
    offset: int
    saved: dict[int, int]
    same: bool = True
    """False where the return address is known to be nowhere: this is the outermost frame."""


class Frames(Struct, tag="frames"):
    frames: list[Frame]


class Layout(Struct, tag="layout"):
    """By structure and field, nested ones with a dot: offset and size."""

    structures: dict[str, dict[str, tuple[int, int]]]
    sizes: dict[str, int]


class Kernel(Struct, tag="kernel"):
    symbols: Symbols
    exports: int
    """How many of them are from the table of what modules may use."""
    digits: int
    """Those of the table, as they were asked for."""
    page_offset: int
    """Where the kernel sees the beginning of RAM."""
    crash_notes: str
    """What it would tell a crash dump's reader (vmcoreinfo), if that was in the image."""
    unwind_at: int
    """Its table for the ARM unwinder, 0 where it has none."""
    unwind_size: int


class Failed(Struct, tag="failed"):
    sentence: str


Ask = AskFacts | AskLines | AskStatics | AskFrames | AskLayout | AskKernel
Answer = Facts | Lines | Statics | Frames | Layout | Kernel | Failed

KINDS: Final = {"f": "function", "t": "thumb function", "o": "object", "n": "label"}

_encoder = msgspec.msgpack.Encoder()
_asks: msgspec.msgpack.Decoder[Ask] = msgspec.msgpack.Decoder(Ask)
_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def plain(text: str) -> str:
    """What a guest or a stranger's file named, fit for a terminal."""
    return text if text.isprintable() else "".join(one if one.isprintable() else "?" for one in text)


def encode(message: Ask | Answer) -> bytes:
    return _encoder.encode(message)


def decode_ask(data: bytes) -> Ask:
    return _asks.decode(data)


def decode_answer(data: bytes) -> Answer:
    """Raises msgspec.DecodeError, ValidationError among them."""
    return _answers.decode(data)
