"""What two machines say to each other, inside TLS. `caller` is the one that connected, which has a phone to
give or to ask about; the other is the answerer.

    answerer  Hello                        a nonce
    caller    Introduction                 its certificate, a signature over the nonce and both certificates
    answerer  Welcome, or Stranger, or Refused
    -- to pair: PairMessage both ways, PairProof both ways, Welcome
    caller    Ask                          what became of an earlier move; answered by Answer
    caller    Offer                        a phone; answered by Accepted or Refused
    caller    Round, then Have / Chunks..., EndRound; answered by RoundDone. Again, until the last one
    answerer  Prepared                     after the last round: it stands ready here
    caller    Commit                       you may take it; answered by Answer

Before the Commit the caller may Cancel at any time, and the answerer may refuse. Either side says Busy while
it works on something. Everything is bounded: what is larger, of another type or out of turn ends the
connection.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from pocketvisor.migration.lease import Number, Outcome

PROTOCOL: Final = 1

HANDSHAKE_MAX: Final = 16 << 10
"""Bytes of a message before the other side is trusted."""
MESSAGE_MAX: Final = 7 << 20
MANIFEST_MAX: Final = 6 << 20
IDS_MAX: Final = 4096
ID_SIZE: Final = 32
KNOWN_MAX: Final = 4096
CHUNKS_BYTES: Final = 1 << 20
"""A message of chunks has about so many bytes; a single chunk may be larger."""

Bytes16 = Annotated[bytes, Meta(min_length=16, max_length=16)]
Bytes32 = Annotated[bytes, Meta(min_length=32, max_length=32)]
Sentence = Annotated[str, Meta(max_length=2000)]
Name = Annotated[str, Meta(max_length=64)]


class _Message(Struct, tag=True, forbid_unknown_fields=True):
    """Tagged with its class's name."""


class Hello(_Message):
    protocol: int
    nonce: Bytes32
    name: Name


class Introduction(_Message):
    protocol: int
    certificate: Annotated[bytes, Meta(max_length=4096)]
    signature: Annotated[bytes, Meta(max_length=256)]
    name: Name
    pair: bool = False


class Welcome(_Message):
    pass


class Stranger(_Message):
    """The caller is not trusted. `pairing`: a code is shown here just now."""

    pairing: bool


class Refused(_Message):
    sentence: Sentence


class PairMessage(_Message):
    message: Annotated[bytes, Meta(max_length=256)]


class PairProof(_Message):
    proof: Bytes32


class Busy(_Message):
    """What is to come takes a while."""


class Ask(_Message):
    profile: Bytes16
    move: Bytes16
    number: Number
    give_up: bool = False


class Answer(_Message):
    move: Bytes16
    outcome: Outcome
    sentence: Sentence = ""


class Offer(_Message):
    profile: Bytes16
    move: Bytes16
    number: Number
    name: Name
    header: Annotated[bytes, Meta(max_length=1 << 20)]
    ram_mib: Annotated[int, Meta(ge=0, le=1 << 20)] = 0
    """What it needs to run; 0 for a phone that is off."""
    key: Annotated[str, Meta(max_length=256)] = ""
    """Opens a profile with keys; empty for one without."""


class Accepted(_Message):
    """`known`: generations that are there already, the newest of them where there are many."""

    known: Annotated[list[Number], Meta(max_length=KNOWN_MAX)]


class Round(_Message):
    number: Number
    manifest: Annotated[bytes, Meta(max_length=MANIFEST_MAX)]
    last: bool = False
    runs: bool = True
    """Of the last one: whether it is to run on there, or stood still here as well."""


class Have(_Message):
    """Ids of chunks, one after another; answered by Missing."""

    ids: Annotated[bytes, Meta(max_length=IDS_MAX * ID_SIZE)]


class Missing(_Message):
    """A bit for each id of Have, the lowest first: 1 where it is not here."""

    bits: Annotated[bytes, Meta(max_length=IDS_MAX // 8)]


class Chunks(_Message):
    """As they were asked for, in that order, and no others."""

    parts: Annotated[list[Annotated[bytes, Meta(max_length=2 << 20)]], Meta(max_length=IDS_MAX)]


class EndRound(_Message):
    pass


class RoundDone(_Message):
    number: Number


class Prepared(_Message):
    move: Bytes16


class Cancel(_Message):
    """The phone stays where it is; answered by Refused."""


class Commit(_Message):
    profile: Bytes16
    move: Bytes16
    number: Number


FromCaller = (
    Introduction
    | PairMessage
    | PairProof
    | Busy
    | Ask
    | Offer
    | Round
    | Have
    | Chunks
    | EndRound
    | Cancel
    | Commit
)
FromAnswerer = (
    Hello
    | Welcome
    | Stranger
    | Refused
    | PairMessage
    | PairProof
    | Busy
    | Answer
    | Accepted
    | Missing
    | RoundDone
    | Prepared
)
