"""All that a modem remembers, in plain values; what the handset says to it, and what it tells."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

MESSAGES_MAX: Final = 50
WAITING_MAX: Final = 32
OUTPUT_MAX: Final = 64 << 10
LINE_MAX: Final = 1 << 10
ASKS_MAX: Final = 20
TYPED_MAX: Final = 2 << 10

Byte = Annotated[int, Meta(ge=0, le=255)]
Number = Annotated[str, Meta(max_length=40)]
Tpdu = Annotated[bytes, Meta(max_length=200)]
Signal = Annotated[int, Meta(ge=0, le=99)]
Registration = Annotated[int, Meta(ge=0, le=5)]
Operator = Annotated[str, Meta(max_length=16)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Text = Annotated[str, Meta(max_length=4096)]

REC_UNREAD, REC_READ, STO_UNSENT, STO_SENT = range(4)
ACTIVE, HELD, DIALING, ALERTING, INCOMING = range(5)
HOME: Final = 1
"""Registered in the home network."""


class StoredMessage(Struct):
    status: Annotated[int, Meta(ge=0, le=3)]
    tpdu: Tpdu


class Call(Struct):
    """State by 3GPP TS 27.007, 7.18."""

    number: Number
    state: Annotated[int, Meta(ge=0, le=5)]
    outgoing: bool


class ModemState(Struct):
    """How the guest has set it up, then what the world is like, then what is on the way."""

    # V.250. Echo is off until asked for: a Linux tty echoes too until told otherwise, and the two would
    # answer each other for ever.
    echo: bool = False
    verbose: bool = True
    quiet: bool = False
    registers: dict[str, int] = {}
    line: Annotated[str, Meta(max_length=LINE_MAX)] = ""
    last_line: Annotated[str, Meta(max_length=LINE_MAX)] = ""
    skips_line: bool = False
    # 3GPP TS 27.007
    functionality: Byte = 1
    errors: Byte = 0
    registration_reports: dict[str, int] = {}
    operator_mode: Byte = 0
    operator_format: Byte = 0
    charset: Annotated[str, Meta(max_length=8)] = "GSM"
    shows_caller: bool = False
    long_ring: bool = False
    call: Call | None = None
    rings: Byte = 0
    ring_at: float = 0.0
    # 3GPP TS 27.005
    text_mode: bool = False
    shows_headers: bool = False
    new_message: list[Byte] = field(default_factory=lambda: [0, 0, 0, 0, 0])
    centre: Number = "+12025550100"
    parameters: list[Byte] = field(default_factory=lambda: [17, 167, 0, 0])
    typing: Annotated[str, Meta(max_length=80)] = ""  # the command that waits for a text
    typed: Annotated[bytes, Meta(max_length=TYPED_MAX)] = b""
    reference: Byte = 0
    concatenation: Byte = 0
    messages: dict[str, StoredMessage] = {}  # by place, from 1
    waiting: Annotated[list[Tpdu], Meta(max_length=WAITING_MAX)] = []  # with the network: the store is full
    # The world
    signal: Signal = 20
    registration: Registration = HOME
    operator: Operator = "Pocketvisor"
    battery: Percent = 80
    charging: bool = False
    asked_at: Annotated[list[float], Meta(max_length=ASKS_MAX)] = []  # the network, of late
    # To the guest
    output: Annotated[bytes, Meta(max_length=OUTPUT_MAX)] = b""
    lost: int = 0


# What the handset says


class _Order(Struct, tag=True, frozen=True):
    pass


class Network(_Order, frozen=True):
    """`signal` as AT+CSQ tells it, 99 for none. `registration` as AT+CREG: 0 none, 1 home, 2 searching,
    3 denied, 5 roaming."""

    signal: Signal
    registration: Registration = HOME
    operator: Operator = "Pocketvisor"


class Charge(_Order, frozen=True):
    percent: Percent
    charging: bool = False


class IncomingMessage(_Order, frozen=True):
    """`seconds`: the service centre's time, since 1970; None for the guest's own clock."""

    number: Number
    text: Text
    seconds: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)] | None = None


class IncomingCall(_Order, frozen=True):
    number: Number


class FarAnswers(_Order, frozen=True):
    """Whom the guest has called picks up."""


class FarHangsUp(_Order, frozen=True):
    pass


Order = Network | Charge | IncomingMessage | IncomingCall | FarAnswers | FarHangsUp


# What it tells


class _Report(Struct, tag=True, frozen=True):
    pass


class MessageSent(_Report, frozen=True):
    """By the guest. Of a text in several messages each comes alone: `part` of `count` with one reference."""

    number: Number
    text: Text
    reference: Byte = 0
    part: Byte = 1
    count: Byte = 1


class Dialled(_Report, frozen=True):
    number: Number


class Answered(_Report, frozen=True):
    number: Number
    by: Literal["guest", "far"]


class CallEnded(_Report, frozen=True):
    """by "nobody": it was never answered; "network": it could not be reached, or is busy."""

    number: Number
    by: Literal["guest", "far", "nobody", "network"]


class MessageLost(_Report, frozen=True):
    """It could be neither stored nor kept with the network."""

    number: Number


Report = MessageSent | Dialled | Answered | CallEnded | MessageLost
