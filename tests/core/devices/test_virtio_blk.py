"""virtio-blk: what a driver asks is done on the disk, what it gets wrong is its own, what fails is told."""

import errno
import os
import struct
from typing import Any

import msgspec
import pytest
from disk_bench import CONTENT, DONE, FAILED, SECTOR, SECTORS, UNKNOWN, Drive, new_file
from hypothesis import given, settings
from hypothesis import strategies as st
from queue_bench import Bench

from pocketvisor.devices import virtio_blk as blk
from pocketvisor.devices.disk_requests import DISCARD, FLUSH, GET_ID, IN, OUT, WRITE_ZEROES
from pocketvisor.devices.virtio_blk import Medium, VirtioBlock
from pocketvisor.devices.virtqueue import WRITE
from pocketvisor.storage.files import FileStore


def ranges(*items: tuple[int, int, int]) -> bytes:
    return b"".join(struct.pack("<QII", *item) for item in items)


def test_reads_and_writes() -> None:
    drive = Drive()
    assert drive.ask(IN, 3, room=1024) == (1025, CONTENT[1536:2560], DONE)
    assert drive.ask(OUT, 2047, b"z" * 512) == (1, b"", DONE)
    assert drive.content() == CONTENT[:-512] + b"z" * 512


def test_the_configuration_tells_size_and_bounds() -> None:
    drive = Drive()
    fields = struct.unpack("<QIIHBBIBBHIB3xIIIIIB3x", drive.device.config)
    assert fields[:3] == (SECTORS, 0, 254)
    assert fields[6:10] == (512, 3, 0, 8)
    assert all(fields[12:])
    assert not any(struct.unpack("<QIIHBBIBBHIB3xIIIIIB3x", Drive(read_only=True).device.config)[12:])


def test_its_name() -> None:
    assert Drive().ask(GET_ID, room=20) == (21, b"serial-1".ljust(20, b"\0"), DONE)
    assert Drive().ask(GET_ID, room=4) == (5, b"seri", DONE)


def test_header_and_status_may_be_cut_anywhere() -> None:
    drive = Drive()
    header = struct.pack("<IIQ", OUT, 0, 1)
    drive.bench.give(0, [header[:5], header[5:] + b"a" * 100, b"a" * 412], [0, 1])
    header = struct.pack("<IIQ", IN, 0, 1)
    drive.bench.give(0, [header[:1], header[1:]], [100, 413])
    drive.bench.kick(0)
    assert drive.statuses == [DONE, DONE]
    assert drive.bench.used[0][1][2][16:-1] == b"a" * 512


@pytest.mark.parametrize(
    ("kind", "sector", "data", "room", "status"),
    [
        (IN, SECTORS, b"", 512, FAILED),
        (IN, SECTORS - 1, b"", 1024, FAILED),
        (IN, (1 << 64) - 1, b"", 512, FAILED),
        (IN, 0, b"", 511, FAILED),
        (OUT, SECTORS, b"x" * 512, 0, FAILED),
        (OUT, 0, b"x" * 513, 0, FAILED),
        (DISCARD, 0, b"", 0, FAILED),
        (DISCARD, 0, b"x" * 15, 0, FAILED),
        (DISCARD, 0, ranges((SECTORS, 1, 0)), 0, FAILED),
        (DISCARD, 0, ranges((0, 8, 1)), 0, UNKNOWN),
        (DISCARD, 0, ranges(*[(0, 8, 0)] * 17), 0, FAILED),
        (WRITE_ZEROES, 0, ranges((0, 0xFFFFFFFF, 0)), 0, FAILED),
        (WRITE_ZEROES, 0, ranges((8, 8, 0), (0, 8, 2)), 0, UNKNOWN),
        (2, 0, b"", 512, UNKNOWN),
        (99, 0, b"", 0, UNKNOWN),
    ],
)
def test_what_cannot_be_asked(kind: int, sector: int, data: bytes, room: int, status: bytes) -> None:
    drive = Drive()
    length, _, answer = drive.ask(kind, sector, data, room)
    assert (length, answer) == (1, status)
    assert drive.content() == CONTENT
    assert drive.bench.resets == 0


@pytest.mark.parametrize(
    ("readable", "writable"), [([], [1]), ([b"x" * 16], []), ([b"x" * 15], [1]), ([b"x" * 16], [0])]
)
def test_what_cannot_be_answered_needs_a_reset(readable: list[bytes], writable: list[int]) -> None:
    drive = Drive()
    drive.bench.give(0, readable, writable)
    drive.bench.kick(0)
    assert drive.bench.resets == 1
    drive.bench.reset()
    drive.bench.start()
    assert drive.ask(IN, room=512)[2] == DONE


def test_a_disk_that_is_only_read() -> None:
    drive = Drive(read_only=True)
    assert drive.device.features & blk.F_RO
    assert not drive.device.features & blk.F_FLUSH
    assert drive.ask(OUT, 0, b"x" * 512)[2] == FAILED
    assert drive.ask(DISCARD, 0, ranges((0, 8, 0)))[2] == UNKNOWN
    assert drive.ask(FLUSH)[2] == DONE
    assert drive.content() == CONTENT


def test_discarded_and_zeroed_ranges() -> None:
    drive = Drive()
    assert drive.ask(DISCARD, 0, ranges((8, 8, 0), (24, 8, 0)))[2] == DONE
    assert drive.ask(WRITE_ZEROES, 0, ranges((1, 3, 0), (100, 1, 1)))[2] == DONE
    for first, count in ((1, 3), (8, 8), (24, 8), (100, 1)):
        assert drive.content()[first * 512 : (first + count) * 512] == bytes(count * 512)
    assert drive.content()[4 * 512 : 8 * 512] == CONTENT[4 * 512 : 8 * 512]


def test_requests_larger_than_a_step_come_whole() -> None:
    """Firmware reads a kernel with one request."""
    drive = Drive()
    size = blk.STEP + 3 * SECTOR
    drive.fd = new_file(CONTENT * 3)
    drive.device._store = FileStore(drive.fd, 3 * len(CONTENT), read_only=False)
    length, data, status = drive.ask(IN, 1, room=size)
    assert (length, status) == (size + 1, DONE)
    assert data == (CONTENT * 3)[512 : 512 + size]
    assert drive.ask(OUT, 5, b"y" * size)[2] == DONE
    assert os.pread(drive.fd, size + 1, 5 * 512)[:size] == b"y" * size


def test_a_turn_is_bounded_and_the_rest_follows() -> None:
    drive = Drive(size=1024)
    for _ in range(300):
        drive.give(GET_ID)
    drive.bench.kick(0)
    assert len(drive.statuses) == blk.CHAINS
    drive.bench.pass_time()
    assert drive.statuses == [DONE] * 300


def test_a_full_queue_of_events_is_waited_for() -> None:
    drive = Drive()
    drive.bench.full = True
    for sector in range(3):
        drive.give(OUT, sector, bytes([sector + 1]) * 512)
    drive.give(FLUSH)
    drive.bench.kick(0)
    drive.bench.pass_time()
    assert drive.statuses == []
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(drive.bench.save()))
    drive.bench.full = False
    drive.bench.restore(VirtioBlock(FileStore(drive.fd, len(CONTENT), read_only=False)), state)
    assert drive.statuses == [DONE] * 4
    drive.bench.used[0].clear()
    assert drive.ask(IN, 2, room=512)[1] == b"\3" * 512


def test_a_file_that_becomes_shorter_is_an_error_and_a_note() -> None:
    drive = Drive()
    os.ftruncate(drive.fd, 1000)
    assert drive.ask(IN, 0, room=512)[2] == DONE
    assert drive.ask(IN, 1, room=512)[2] == FAILED
    assert drive.ask(IN, 100, room=512)[2] == FAILED
    assert [report.kind for report in drive.bench.reports] == ["short"]


def test_a_full_disk_is_an_error_and_a_note_and_harms_nothing() -> None:
    drive = Drive()
    limited = Limited(drive.device._store)
    drive.device._store = limited  # type: ignore[assignment]
    assert drive.ask(OUT, 0, b"a" * 512)[2] == FAILED
    assert drive.ask(OUT, 0, b"a" * 512)[2] == FAILED
    assert [report.kind for report in drive.bench.reports] == ["full"]
    limited.full = False
    assert drive.ask(OUT, 0, b"a" * 512)[2] == DONE


class Limited:
    """A store whose host has no room."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.full = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write(self, offset: int, pieces: Any, length: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._store.write(offset, pieces, length)


def test_only_a_disk_that_is_read_or_has_an_overlay_is_captured() -> None:
    fd = new_file()
    Drive(read_only=True).device.begin_capture(fd)
    with pytest.raises(ValueError, match="directly"):
        Drive().device.begin_capture(fd)


def test_media_come_and_go() -> None:
    device = VirtioBlock(None, removable=True)
    bench = Bench(device)
    bench.start()

    def read() -> bytes:
        bench.give(0, [struct.pack("<IIQ", IN, 0, 0)], [512, 1])
        bench.kick(0)
        return bench.used[0].pop()[2]

    assert struct.unpack_from("<Q", bench.config_space) == (0,)
    assert read()[-1:] != DONE
    device.control(msgspec.msgpack.encode(Medium(len(CONTENT))), new_file())
    assert struct.unpack_from("<Q", bench.config_space) == (SECTORS,)
    assert read()[16:] == CONTENT[:512] + DONE
    device.control(msgspec.msgpack.encode(Medium()), None)
    assert struct.unpack_from("<Q", bench.config_space) == (0,)
    assert read()[-1:] != DONE


@pytest.mark.parametrize("data", [b"", b"\xff", msgspec.msgpack.encode(Medium(512)), b"\x81\xa4size\x01"])
def test_what_makes_no_medium_is_refused_and_closed(data: bytes) -> None:
    fd = new_file()
    device = VirtioBlock(None, removable=data == b"")
    Bench(device)
    with pytest.raises(ValueError):
        device.control(data, fd)
    with pytest.raises(OSError):
        os.fstat(fd)


Piece = tuple[int, int, int]


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.lists(
            st.tuples(
                st.sampled_from((0x40100000, 0x40100010, 0x40200000, 0x403FFFFF, 0x0, 0x40000000)),
                st.sampled_from((0, 1, 15, 16, 17, 512, 1024, 4096, 1 << 20, 0xFFFFFFFF)),
                st.sampled_from((0, 0, WRITE)),
            ),
            min_size=1,
            max_size=4,
        ),
        max_size=4,
    ),
    st.sampled_from((IN, OUT, FLUSH, GET_ID, DISCARD, WRITE_ZEROES, 7)),
    st.integers(0, 3000),
)
def test_no_chain_does_anything_but_an_answer_or_a_reset(
    chains: list[list[Piece]], kind: int, sector: int
) -> None:
    drive = Drive()
    struct.pack_into("<IIQ", drive.bench.ram, 0x100000, kind, 0, sector)
    for chain in chains:
        drive.bench.give_raw(0, chain)
    drive.bench.kick(0)
    for _ in range(3):
        drive.bench.pass_time()
    assert drive.bench.resets or len(drive.bench.used[0]) == len(chains)
    assert len(drive.content()) == len(CONTENT)
