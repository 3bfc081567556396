"""Random numbers: bytes for each request, within bounds, and a stream that repeats where it must."""

import pytest
from queue_bench import BASE, Bench

from pocketvisor.devices.virtio_rng import RATE, REQUEST_MAX, VirtioRng


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def asked(bench: Bench, *sizes: int) -> list[bytes]:
    for size in sizes:
        bench.give(0, writable=[size])
    bench.kick(0)
    return [data for _, data in bench.take(0)]


def test_requests_are_filled_with_other_bytes_each() -> None:
    bench = Bench(VirtioRng())
    bench.start()
    first, second = asked(bench, 64, 64)
    assert (len(first), len(second)) == (64, 64)
    assert first != second
    bench.give(0, writable=[3, 100])
    bench.kick(0)
    assert [length for length, _ in bench.take(0)] == [103]


def test_a_request_is_bounded() -> None:
    bench = Bench(VirtioRng())
    bench.start()
    assert [len(data) for data in asked(bench, 1 << 20)] == [REQUEST_MAX]


def test_a_second_is_bounded() -> None:
    clock = Clock()
    bench = Bench(VirtioRng(clock=clock))
    bench.start()
    got = 0
    while pieces := asked(bench, *[REQUEST_MAX] * 8):
        got += sum(map(len, pieces))
    assert got == RATE
    assert asked(bench) == [], "and waits, though it is kicked"
    clock.now += 0.5
    bench.pass_time()
    assert sum(length for length, _ in bench.take(0)) == 8 * REQUEST_MAX


def test_a_stream_repeats_and_goes_on_after_a_restore() -> None:
    whole = Bench(VirtioRng(b"seed"))
    whole.start()
    expected = b"".join(asked(whole, 1000, 4000, 17, 4096))
    assert expected.count(0) < 200

    bench = Bench(VirtioRng(b"seed"))
    bench.start()
    begun = b"".join(asked(bench, 1000, 4000))
    bench.restore(VirtioRng(b"seed"), bench.save())
    assert begun + b"".join(asked(bench, 17, 4096)) == expected
    other = Bench(VirtioRng(b"other"))
    other.start()
    assert asked(other, 1000) != [expected[:1000]]


def test_what_does_not_fit_into_the_queue_of_events_is_tried_again() -> None:
    bench = Bench(VirtioRng(b"seed"))
    bench.start()
    bench.full = True
    assert asked(bench, 64) == []
    bench.full = False
    bench.pass_time()
    (late,) = [data for _, data in bench.take(0)]
    other = Bench(VirtioRng(b"seed"))
    other.start()
    assert asked(other, 64) == [late], "nothing of the stream was lost"


@pytest.mark.parametrize("pieces", [[(BASE, 8, 0)], [(BASE, 0, 2)], [(0, 64, 2)]])
def test_impossible_requests_need_a_reset(pieces: list[tuple[int, int, int]]) -> None:
    bench = Bench(VirtioRng())
    bench.start()
    bench.give_raw(0, pieces)
    bench.kick(0)
    assert bench.resets == 1
    bench.reset()
    bench.start()
    assert len(asked(bench, 8)[0]) == 8
