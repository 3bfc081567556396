"""What a front end and its network process say to each other: one msgpack message a datagram, over a
SOCK_SEQPACKET pair, with at most one descriptor.

Both sides begin with Hello. A port is a guest's wire; its number is the front end's choice.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from pocketvisor.network.radio import Radio
from pocketvisor.network.rules import NetworkRules

PROTOCOL: Final = 2
DATAGRAM_MAX: Final = 64 << 10
PORTS_MAX: Final = 256

Number = Annotated[int, Meta(ge=0, le=1 << 31)]
SwitchName = Annotated[str, Meta(min_length=1, max_length=40)]


class _Message(Struct, tag=True, forbid_unknown_fields=True):
    """Tagged with its class's name."""


class Hello(_Message):
    protocol: int


class AddPort(_Message):
    port: Number
    mac: Annotated[bytes, Meta(min_length=6, max_length=6)]
    seed: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] = 0


class SetWire(_Message):
    """With the descriptor of the port's new wire."""

    port: Number


class RemovePort(_Message):
    port: Number


class AttachSwitch(_Message):
    """Switches come with their first port, and go with their last."""

    port: Number
    switch: SwitchName


class AttachUser(_Message):
    """With a stream socket whose other end is passt's. Ended(user) names the link by `serial`."""

    port: Number
    serial: Number


class Detach(_Message):
    port: Number


class SetRadio(_Message):
    port: Number
    radio: Radio


class SetRules(_Message):
    """What passes from now on, the frames that are on their way included; None for everything."""

    port: Number
    rules: NetworkRules | None


class StartCapture(_Message):
    """With the descriptor of an empty file."""

    port: Number
    most: Annotated[int, Meta(ge=4096, le=1 << 40)]


class StopCapture(_Message):
    port: Number


ToProcess = (
    Hello
    | AddPort
    | SetWire
    | RemovePort
    | AttachSwitch
    | AttachUser
    | Detach
    | SetRadio
    | SetRules
    | StartCapture
    | StopCapture
)
WITH_DESCRIPTOR: Final = (SetWire, AttachUser, StartCapture)


class Counters(Struct):
    """Of one port. Sent is what the guest sends. A frame counts once in one of the last six if it did not
    arrive."""

    sent_frames: int = 0
    sent_bytes: int = 0
    received_frames: int = 0
    received_bytes: int = 0
    captured: int = 0
    dropped: int = 0
    """A queue was full, or the link down."""
    lost: int = 0
    """On the air."""
    malformed: int = 0
    flooded: int = 0
    """To everybody on the switch, more often than is allowed."""
    unattached: int = 0
    """There was no network to send it to."""
    refused: int = 0
    """The rules do not let it pass."""


class Counted(_Message):
    ports: dict[int, Counters]


class UserEnded(_Message):
    """passt has closed its end."""

    port: Number
    serial: Number


class CaptureEnded(_Message):
    port: Number
    sentence: Annotated[str, Meta(max_length=500)]


class NotPassed(_Message):
    """Where a guest's frames were to go that its rules do not let pass, and how many; now and then."""

    port: Number
    what: Annotated[dict[Annotated[str, Meta(max_length=200)], int], Meta(max_length=64)]


class Refused(_Message):
    """It makes no sense of what it was told, and ends."""

    sentence: Annotated[str, Meta(max_length=2000)]


FromProcess = Hello | Counted | UserEnded | CaptureEnded | NotPassed | Refused

encode = msgspec.msgpack.Encoder().encode
decode_to_process: Final = msgspec.msgpack.Decoder(ToProcess).decode
decode_from_process: Final = msgspec.msgpack.Decoder(FromProcess).decode
