"""What a guest's vsock device and its handset say to each other: one message a packet of a SOCK_SEQPACKET
socket. A stream is a connection; whoever opens it numbers it, the handset from FROM_HANDSET on.

Each side may have WINDOW bytes of a stream on the way to the other; CREDIT gives back what was passed on.
"""

import struct
from typing import Final, NamedTuple

WINDOW: Final = 64 << 10
STREAMS_MAX: Final = 64
"""Of a guest at a time, those that are not yet accepted included."""
FROM_HANDSET: Final = 1 << 31
MESSAGE_MAX: Final = WINDOW + 12

CONNECT, ACCEPT, DATA, SHUTDOWN, CLOSE, CREDIT, RESET = range(7)
"""CONNECT: value is the port. SHUTDOWN: no more data from this side. CLOSE: the stream is gone, or refused.
CREDIT: value bytes. RESET: all streams are gone."""

_HEADER: Final = struct.Struct("<III")


class Message(NamedTuple):
    kind: int
    stream: int = 0
    value: int = 0
    data: bytes = b""


def pack(message: Message) -> bytes:
    return _HEADER.pack(message.kind, message.stream, message.value) + message.data


def unpack(packet: bytes) -> Message | None:
    """None where it is none."""
    if len(packet) < _HEADER.size or len(packet) > MESSAGE_MAX:
        return None
    kind, stream, value = _HEADER.unpack_from(packet)
    if kind > RESET:
        return None
    return Message(kind, stream, value, packet[_HEADER.size :])
