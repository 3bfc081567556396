"""What a guest's process may tell its handset that is not so. Only for one that has a handset."""

import gc
import os
import struct
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from pocketvisor.attack.probes.tally import Tally, open_descriptors

FLOOD_PIECE: Final = 16 << 10
_LEAST: Final = 64
"""Attempts at least, however little of the processor this process has meanwhile."""


def _one(kind: str) -> Any:
    """The one object of a class, by its name: whoever is in a process finds what he looks for."""
    return next(found for found in gc.get_objects() if type(found).__name__ == kind)


def forge_status(tally: Tally) -> None:
    """Impossible values in the page that the handset reads, for a while: sizes, damage, counters, states."""
    rate = 0x800
    for fd in open_descriptors():
        if os.fstat(fd).st_size == 4096 and os.pread(fd, 4, 0) == b"PVST":
            was = os.pread(fd, rate, 0)
            until = time.monotonic() + 0.6
            extremes = (0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x10000, 480)
            seed = 1
            while tally.attempts < _LEAST or time.monotonic() < until:
                tally.attempts += 1
                seed = seed * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
                a, b, c, d = (
                    extremes[seed >> shift & 7 if (seed >> shift & 7) < 6 else 3] for shift in (8, 16, 24, 32)
                )
                os.pwrite(fd, struct.pack("<QQ", seed if seed & 1 else tally.attempts, seed), 0x200)
                os.pwrite(fd, struct.pack("<IIIII", seed >> 60 & 3, a, b, c, seed >> 40 & 2), 0x210)
                corners = struct.pack(
                    "<QHHHH", tally.attempts, a & 0xFFFF, b & 0xFFFF, c & 0xFFFF, d & 0xFFFF
                )
                os.pwrite(fd, corners, 0x240 + tally.attempts % 64 * 16)
                os.pwrite(fd, struct.pack("<QQQQII", seed, ~seed & (1 << 64) - 1, a, b, c, d), 8)
                if tally.attempts % 16 == 0:
                    time.sleep(0.001)
            os.pwrite(fd, was, 0)
            tally.stopped["checked by its reader"] = tally.attempts


def forge_messages(tally: Tally) -> None:
    """Messages that are well made and make no sense: answers to what nobody asked, of devices it has not."""
    channel = _one("BlockingChannel")
    encoder = msgspec.msgpack.Encoder()
    devices = ("gpu", "phone", "modem", "clipboard", "network", "battery", "", "no such device")
    payloads = (b"", b"\0", b"\xff" * 64, b"{}", b"\x80", b"\x93\x01\x02\x03", b'{"type":"x"}', b"\xc1" * 9)
    big = (1 << 62) + 1
    saved = {"size": 1 << 20, "ticks": big, "dirty": b"\xff" * 100, "flash": True, "ran": True, "at_ns": big}
    odd: list[dict[str, Any]] = [
        {"type": "Pong", "token": -1},
        {"type": "Pong", "token": big},
        {"type": "Flushed"},
        {"type": "TookOver", "at_ns": 0},
        {"type": "Log", "data": b"\xff" * 512},
        {"type": "Saved"} | saved,
        {"type": "Captured", "saved": saved, "pause_ns": big, "blocks": b"\xff" * 64},
        {"type": "Note", "sentence": "\x1b[2J\x00\u202e" * 20},
        {"type": "Refused", "sentence": "the guest says that nothing can be done any more"},
        {"type": "Console", "data": b"\x1b]0;owned\x07\x1b[8;9999;9999t" * 10},
        {"type": "Running", "at_ns": big},
        {"type": "Ready"},
        {"type": "Hello", "protocol": 9999},
        {"type": "DebugAnswer", "token": 1, "reply": {"type": "Done"}},
    ]
    odd += [{"type": "FromDevice", "device": name, "data": data} for name in devices for data in payloads]
    for message in odd * 4:
        data = encoder.encode(message)
        channel._socket.sendall(struct.pack("<I", len(data)) + data)
        tally.held("taken for what it is")


def flood_handset(tally: Tally) -> None:
    """As many messages as it takes, for a second."""
    channel = _one("BlockingChannel")
    data = msgspec.msgpack.encode(
        {"type": "FromDevice", "device": "attack-flood", "data": bytes(FLOOD_PIECE)}
    )
    piece = struct.pack("<I", len(data)) + data
    until = time.monotonic() + 1.0
    while tally.attempts < _LEAST or time.monotonic() < until:
        channel._socket.sendall(piece)
        tally.attempts += 1
    tally.stopped["read at its handset's pace"] = tally.attempts


def send_garbage(tally: Tally) -> None:
    """What is no message: its handset ends this process, so nothing comes back. `number` says which."""
    channel = _one("BlockingChannel")
    wrong = (
        b"\xff" * 4096,
        struct.pack("<I", 0x7FFFFFFF) + bytes(1 << 20),
        struct.pack("<I", (8 << 20) + 1) + bytes(1 << 20),
        struct.pack("<I", 4) + b"\xc1\xc1\xc1\xc1",
        struct.pack("<I", 1 << 20) + b"\x91" * (1 << 20),
        struct.pack("<I", 5) + b"\xdf\xff\xff\xff\xff",
        struct.pack("<I", 20) + msgspec.msgpack.encode({"type": "NoSuchOne"}).ljust(20, b"\xc0"),
        struct.pack("<I", 17) + msgspec.msgpack.encode({"type": "Stopped"}).ljust(17, b"\xc0"),
    )[tally.ask.number]
    channel._socket.sendall(wrong)
    for _ in range(64):
        channel._socket.sendall(bytes(1 << 20))


PROBES: Final[dict[str, Callable[[Tally], None]]] = {
    "status-forgery": forge_status,
    "message-forgery": forge_messages,
    "message-flood": flood_handset,
    "message-garbage": send_garbage,
}
