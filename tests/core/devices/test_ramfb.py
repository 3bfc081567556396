"""A picture in the guest's RAM is shown as it changes; one that cannot be is named and left out."""

import os
import struct
import threading
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.devices.loop import DeviceLoop
from pocketvisor.devices.ramfb import AR24, CONFIG, XR24, Picture, Ramfb, picture
from pocketvisor.devices.virtqueue import GuestMemory

BASE = 0x4000_0000
SIZE = 1 << 20
AT = BASE + 0x1000
SECONDS = 60.0
LOCK = threading.Lock()


def config(
    address: int = AT, fourcc: int = XR24, width: int = 64, height: int = 48, stride: int = 0, flags: int = 0
) -> bytes:
    return CONFIG.pack(address, fourcc, flags, width, height, stride)


class Pane:
    """What is published, waited for."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.scanouts: list[tuple[int, int, int]] = []
        self.damage: list[tuple[int, int, int, int]] = []
        self.notes: list[str] = []
        self.count = 0

    def publish_scanout(self, width: int, height: int, stride: int) -> None:
        with self.changed:
            self.scanouts.append((width, height, stride))
            self.changed.notify_all()

    def publish_damage(self, rectangles: Sequence[tuple[int, int, int, int]]) -> None:
        with self.changed:
            self.damage += rectangles
            self.changed.notify_all()

    def note(self, sentence: str) -> None:
        with self.changed:
            self.notes.append(sentence)
            self.changed.notify_all()

    def ticks(self) -> int:
        self.count += 1
        return self.count


class Bench:
    def __init__(self) -> None:
        self.ram = bytearray(SIZE)
        self.scanout = bytearray(1 << 20)
        self.pane = Pane()
        memory = GuestMemory(memoryview(self.ram), BASE)
        self.loop = DeviceLoop(LOCK)
        self.loop.start()
        with LOCK:
            self.ramfb = Ramfb(self.loop, memory, memoryview(self.scanout), self.pane, self.pane.note)

    def close(self) -> None:
        self.loop.close()
        os.close(self.ramfb._changed_fd)

    def wait(self, what: str, count: int = 1) -> None:
        with self.pane.changed:
            assert self.pane.changed.wait_for(lambda: len(getattr(self.pane, what)) >= count, SECONDS)

    def draw(self, x: int, y: int, pixel: bytes, stride: int = 64 * 4) -> None:
        at = AT - BASE + y * stride + x * 4
        self.ram[at : at + 4] = pixel


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


def test_a_picture_is_shown_from_its_first_frame_on(bench: Bench) -> None:
    bench.draw(3, 2, b"\1\2\3\4")
    bench.ramfb.configure(config())
    bench.wait("scanouts")
    assert bench.pane.scanouts == [(64, 48, 256)]
    assert bench.scanout[2 * 256 + 12 : 2 * 256 + 16] == b"\1\2\3\4"


def test_only_what_changes_is_damage(bench: Bench) -> None:
    bench.ramfb.configure(config())
    bench.wait("scanouts")
    with LOCK:  # so that both are seen at one look
        bench.draw(0, 20, b"\xff" * 4)
        bench.draw(63, 47, b"\xff" * 4)
    bench.wait("damage", 2)
    assert bench.pane.damage == [(0, 16, 64, 24), (0, 40, 64, 48)]
    assert bench.scanout[20 * 256 : 20 * 256 + 4] == b"\xff" * 4


def test_rows_with_a_gap_are_packed(bench: Bench) -> None:
    bench.draw(1, 47, b"\5\6\7\0", stride=300)
    bench.ramfb.configure(config(fourcc=AR24, stride=300))
    bench.wait("scanouts")
    assert bench.pane.scanouts == [(64, 48, 256)]
    assert bench.scanout[47 * 256 + 4 : 47 * 256 + 8] == b"\5\6\7\0"


def test_nothing_is_shown_again_when_it_is_taken_back(bench: Bench) -> None:
    bench.ramfb.configure(config())
    bench.wait("scanouts")
    bench.ramfb.configure(bytes(CONFIG.size))
    bench.wait("scanouts", 2)
    assert bench.pane.scanouts[-1] == (0, 0, 0)


@pytest.mark.parametrize(
    "content, cause",
    [
        (config()[:-1], "27 bytes"),
        (config(fourcc=int.from_bytes(b"RG16", "little")), "RG16"),
        (config(width=15), "15 by 48"),
        (config(height=2049), "64 by 2049"),
        (config(width=0xFFFFFFFF), "by 48"),
        (config(stride=255), "255 bytes apart"),
        (config(stride=0xFFFFFFFC), "apart"),
        (config(address=BASE - 4), "outside of RAM"),
        (config(address=BASE + SIZE - 64 * 48 * 4 + 4), "outside of RAM"),
        (config(address=(1 << 64) - 4096), "outside of RAM"),
        (config(address=1 << 32), "outside of RAM"),
    ],
)
def test_what_cannot_be_shown_is_named(bench: Bench, content: bytes, cause: str) -> None:
    bench.ramfb.configure(config())
    bench.wait("scanouts")
    bench.ramfb.configure(content)
    bench.wait("notes")
    assert cause in bench.pane.notes[0]
    assert bench.pane.scanouts == [(64, 48, 256)]  # and the last good one stays


_NUMBERS = st.one_of(st.integers(0, 0xFFFFFFFF), st.integers(0, 4096))


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=40),
        st.tuples(
            st.one_of(st.integers(BASE - 4096, BASE + SIZE), st.integers(0, (1 << 64) - 1)),
            st.sampled_from([XR24, AR24, 0]),
            _NUMBERS,
            _NUMBERS,
            _NUMBERS,
            _NUMBERS,
        ).map(lambda fields: CONFIG.pack(*fields)),
    )
)
def test_a_hostile_configuration_is_refused_or_lies_in_ram(content: bytes) -> None:
    memory = GuestMemory(memoryview(bytes(SIZE)), BASE)
    try:
        found = picture(content, memory)
    except ValueError:
        return
    if found is not None:
        assert found.width * 4 <= found.stride
        memory.read(found.address, found.stride * (found.height - 1) + found.width * 4)


def test_zero_stride_means_no_gap() -> None:
    memory = GuestMemory(memoryview(bytes(SIZE)), BASE)
    assert picture(config(), memory) == Picture(AT, 64, 48, 256)
    assert struct.calcsize(">QIIIII") == 28
