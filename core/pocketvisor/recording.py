"""Recordings: all that entered a guest from outside, each at its tick, so that the run can be had again.

A file, little endian: b"PVREC\\r\\n\\x1a", u32 version, then blocks of {4 bytes tag, u32 length, that many
bytes, u32 crc32 of tag and bytes}. Blocks of unknown tags are skipped.

    HEAD  msgpack of RecordingHead, first
    LOG   a piece of the machine's event log (core/native/events.h); the pieces are one stream
    END   msgpack of RecordingEnd, last: without it the recording was cut off

Left out: the guest's images, which are named by their digests and have to be there for a replay.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct, structs

from pocketvisor.board.config import ConsoleConfig, DevicesConfig
from pocketvisor.devices.phone_state import PhoneState
from pocketvisor.errors import RecordingError
from pocketvisor.network.spec import CardHead

MAGIC: Final = b"PVREC\r\n\x1a"
VERSION: Final = 1
_BLOCK_MAX: Final = 8 << 20
_LOG_MAX: Final = 1 << 30
_VERSION = struct.Struct("<I")
_BLOCK = struct.Struct("<4sI")
_CRC = struct.Struct("<I")


class RecordedDisk(Struct, frozen=True):
    """A disk as its driver is told of it."""

    size: int
    writable: bool


class RecordedParts(Struct, frozen=True):
    """What serves a guest that knows of it: the console's ports, pages wanted for the balloon, CID."""

    rng: bool = False
    balloon: int | None = None
    console: ConsoleConfig | None = None
    vsock: int | None = None


class RecordingHead(Struct, frozen=True):
    """What a replay has to have alike. Digests are those of the image's files, by field."""

    engine: str
    guest: str
    image: str
    model: str
    digests: dict[str, str]
    ram_mib: int
    rtc_epoch: int
    tick_ps: int
    panel: tuple[int, int]
    append: str = ""
    deterministic: bool = False
    phone: PhoneState | None = None
    """What the handset was at the start, for a guest with a phone's own parts."""
    network: CardHead | None = None
    disks: tuple[RecordedDisk, ...] = ()
    drive: int | None = None
    """The size of the medium in its drive at the start, if it has one. What is on disks is in the log."""
    parts: RecordedParts = RecordedParts()
    display: str = "framebuffer"
    legacy_virtio: bool = False
    semihosting: str | None = None
    """The command line that its program is told, if its calls are answered."""


class RecordingEnd(Struct, frozen=True):
    """How it ended: a replay must come out the same. The digest is of the guest's RAM."""

    ticks: int
    digest: str
    reason: str


class Recording(Struct, frozen=True):
    """A whole recording: from a guest's start or reset to where it was stopped."""

    head: RecordingHead
    log: bytes
    end: RecordingEnd


def recorded_parts(devices: DevicesConfig) -> RecordedParts:
    """Without descriptors: nobody is at the other ends in a replay."""
    console = devices.console
    if console is not None:
        ports = tuple(structs.replace(port, wire=-1) for port in console.ports)
        console = structs.replace(console, wire=-1, ports=ports)
    cid = devices.vsock.cid if devices.vsock is not None else None
    return RecordedParts(devices.rng, devices.balloon, console, cid)


def write_recording(path: Path, recording: Recording) -> None:
    """Raises RecordingError where the file cannot be written."""
    try:
        with path.open("wb") as file:
            file.write(MAGIC + _VERSION.pack(VERSION))
            _write_block(file, b"HEAD", msgspec.msgpack.encode(recording.head))
            for at in range(0, len(recording.log), _BLOCK_MAX):
                _write_block(file, b"LOG ", recording.log[at : at + _BLOCK_MAX])
            _write_block(file, b"END ", msgspec.msgpack.encode(recording.end))
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error.strerror}") from error


def _write_block(file: BinaryIO, tag: bytes, data: bytes) -> None:
    file.write(_BLOCK.pack(tag, len(data)) + data + _CRC.pack(zlib.crc32(data, zlib.crc32(tag))))


def read_recording(path: Path) -> Recording:
    """Raises RecordingError, which names the file and what is wrong with it."""
    head: RecordingHead | None = None
    end: RecordingEnd | None = None
    log = bytearray()
    try:
        with path.open("rb") as file:
            _check_start(path, file)
            for tag, data in _blocks(path, file):
                if tag == b"HEAD" and head is None:
                    head = msgspec.msgpack.decode(data, type=RecordingHead)
                elif tag == b"LOG ":
                    log += data
                    if len(log) > _LOG_MAX:
                        raise RecordingError(f"{path}: holds more than {_LOG_MAX >> 20} MiB of events")
                elif tag == b"END ":
                    end = msgspec.msgpack.decode(data, type=RecordingEnd)
                    break
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: is damaged: {error}") from error
    if head is None:
        raise RecordingError(f"{path}: is cut off before it says what was recorded")
    if end is None:
        raise RecordingError(f"{path}: is cut off: it has no end, so it cannot be checked")
    return Recording(head=head, log=bytes(log), end=end)


def check_replay(then: RecordingHead, now: RecordingHead) -> None:
    """Raises RecordingError where the guest that is to be replayed on is not the one that was recorded."""
    if then.engine != now.engine:
        raise RecordingError(f"The recording is of the engine '{then.engine}', this is '{now.engine}'")
    for name in sorted(then.digests.keys() | now.digests.keys()):
        if then.digests.get(name) != now.digests.get(name):
            raise RecordingError(f"The recording was made with another {name} than the one given now")
    for field, what in (
        ("ram_mib", "RAM size"),
        ("panel", "panel size"),
        ("append", "kernel command line"),
    ):
        if getattr(then, field) != getattr(now, field):
            raise RecordingError(
                f"The recording was made with another {what}: "
                f"{getattr(then, field)!r}, now {getattr(now, field)!r}"
            )


def _check_start(path: Path, file: BinaryIO) -> None:
    start = file.read(len(MAGIC) + _VERSION.size)
    if not start.startswith(MAGIC):
        raise RecordingError(f"{path}: is no recording")
    if len(start) < len(MAGIC) + _VERSION.size:
        raise RecordingError(f"{path}: is cut off before it says what was recorded")
    (version,) = _VERSION.unpack(start[len(MAGIC) :])
    if version != VERSION:
        raise RecordingError(f"{path}: is a recording of version {version}, this program reads {VERSION}")


def _blocks(path: Path, file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Whole blocks; ends at the file's end, also where that is in the middle of one."""
    while len(start := file.read(_BLOCK.size)) == _BLOCK.size:
        tag, length = _BLOCK.unpack(start)
        if length > _BLOCK_MAX:
            raise RecordingError(f"{path}: is damaged: a block says that it has {length} bytes")
        data = file.read(length)
        crc = file.read(_CRC.size)
        if len(data) < length or len(crc) < _CRC.size:
            return
        if _CRC.unpack(crc)[0] != zlib.crc32(data, zlib.crc32(tag)):
            raise RecordingError(f"{path}: is damaged: a block's checksum is wrong")
        yield tag, data
