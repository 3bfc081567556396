"""A connection of virtio-vsock and its accounting of credit (VIRTIO 1.1, 5.10.6.3), and a packet's header."""

import struct
from typing import Final, NamedTuple

from pocketvisor.devices.vsock_wire import WINDOW

HOST_CID: Final = 2
STREAM: Final = 1
OP_REQUEST, OP_RESPONSE, OP_RST, OP_SHUTDOWN, OP_RW, OP_CREDIT_UPDATE, OP_CREDIT_REQUEST = range(1, 8)
SHUT_RECEIVE, SHUT_SEND, SHUT_ALL = 1, 2, 3

_PACKED: Final = struct.Struct("<QQIIIHHIII")
_MASK: Final = 0xFFFFFFFF
HEADER_SIZE: Final = _PACKED.size


class Header(NamedTuple):
    source_cid: int
    destination_cid: int
    source_port: int
    destination_port: int
    length: int
    kind: int
    operation: int
    flags: int
    buffer: int
    forwarded: int

    def pack(self) -> bytes:
        return _PACKED.pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> "Header":
        return cls(*_PACKED.unpack_from(data))

    def with_length(self, length: int) -> "Header":
        return self._replace(length=length)


class Stream:
    """Counts of bytes are those since its beginning; the standard has them modulo 2**32."""

    def __init__(self, number: int, host_port: int, guest_port: int) -> None:
        self.number = number
        self.host_port = host_port
        self.guest_port = guest_port
        self.open = False
        self.waiting = bytearray()  # for the guest
        self.sent = 0  # to the guest
        self.got = 0  # from the guest
        self.taken = 0  # of that, what has left the handset
        self.told = 0  # of that, what the guest knows of
        self.owed = 0  # bytes that went to the guest, and the handset does not know of
        self.owes_update = False
        self.asked = False
        self.guest_shut = 0
        self.host_shuts = 0  # what is to be told
        self.host_shut = 0  # what was told
        self._buffer = 0
        self._forwarded = 0

    def heard_credit(self, header: Header) -> None:
        self._buffer, self._forwarded = header.buffer, header.forwarded
        self.asked = False

    def room(self) -> int:
        """Bytes that the guest takes now. One that says impossible things takes none."""
        on_the_way = (self.sent - self._forwarded) & _MASK
        return max(0, self._buffer - on_the_way) if on_the_way <= _MASK // 2 else 0

    def received(self, count: int) -> bool:
        """False where the guest sends more than it was allowed to."""
        self.got += count
        return self.got - self.taken <= WINDOW

    def passed_on(self, count: int) -> None:
        self.taken = min(self.got, self.taken + count)

    def needs_update(self) -> bool:
        """Half of its window is not known to be free, or it asked."""
        return self.owes_update or self.taken - self.told >= WINDOW // 2
