"""The balloon: what goes in becomes zeros, what the guest says of its memory is told, nothing is believed."""

import random
import struct

import msgspec
import pytest
from queue_bench import BASE, RAM_SIZE, Bench

from pocketvisor.devices.virtio_balloon import (
    DEFLATE,
    F_REPORTING,
    F_STATS_VQ,
    INFLATE,
    PFNS_MAX,
    STATS,
    AskStatistics,
    BalloonReport,
    SetTarget,
    VirtioBalloon,
)

PAGES = RAM_SIZE // 4096
FIRST = BASE // 4096
REPORTING = 4


def made(target: int = 0, features: int | None = None) -> Bench:
    bench = Bench(VirtioBalloon(target, PAGES), features)
    bench.start()
    bench.reports.clear()
    return bench


def tell(bench: Bench, message: object) -> None:
    bench.device.control(msgspec.msgpack.encode(message), None)


def numbers(*pages: int) -> bytes:
    return struct.pack(f"<{len(pages)}I", *[FIRST + page for page in pages])


def test_pages_in_the_balloon_are_zero() -> None:
    bench = made()
    for page in range(600, 610):
        bench.page(page)[:] = b"x" * 4096
    bench.send(INFLATE, numbers(605, 601, 602), numbers(603))
    assert bench.take(INFLATE) == [(0, b"")]
    for page in range(600, 610):
        assert bytes(bench.page(page)) == (bytes(4096) if page in (601, 602, 603, 605) else b"x" * 4096)
    bench.send(DEFLATE, numbers(601))
    assert bench.take(DEFLATE) == [(0, b"")]


def test_target_and_actual() -> None:
    bench = made(target=10)
    assert struct.unpack("<II", bench.config_space) == (10, 0)
    tell(bench, SetTarget(64))
    assert struct.unpack("<II", bench.config_space) == (64, 0)
    bench.write_config(4, struct.pack("<I", 30))
    tell(bench, SetTarget(40))
    assert struct.unpack("<II", bench.config_space) == (40, 30), "what the driver wrote stays"
    assert bench.reports == [BalloonReport(64, 0), BalloonReport(64, 30), BalloonReport(40, 30)]
    tell(bench, SetTarget(0xFFFFFFFF))
    bench.write_config(4, b"\xff\xff\xff\xff")
    assert bench.reports[-1] == BalloonReport(PAGES, PAGES), "no more than there is"


def statistics(*values: tuple[int, int]) -> bytes:
    return b"".join(struct.pack("<HQ", *value) for value in values)


def test_statistics_are_asked_for() -> None:
    bench = made()
    bench.send(STATS, statistics((4, 1000), (5, 2000), (99, 1), (0, (1 << 64) - 1)))
    assert bench.reports.pop() == BalloonReport(0, 0, {"free": 1000, "total": 2000})
    assert bench.take(STATS) == [], "the buffer stays with the device"
    tell(bench, AskStatistics())
    assert bench.take(STATS) == [(0, b"")]
    tell(bench, AskStatistics())
    assert bench.take(STATS) == [], "one question at a time"
    bench.send(STATS, statistics((4, 900)))
    assert bench.reports.pop() == BalloonReport(0, 0, {"free": 900})


def test_the_buffer_of_statistics_is_there_after_a_restore() -> None:
    bench = made(target=7)
    bench.send(STATS, statistics((4, 1000)))
    bench.restore(VirtioBalloon(0, PAGES), bench.save())
    assert bench.reports[-1] == BalloonReport(7, 0, {"free": 1000})
    tell(bench, AskStatistics())
    assert bench.take(STATS) == [(0, b"")]


@pytest.mark.parametrize(
    ("features", "queue"), [(F_REPORTING | F_STATS_VQ, 3), (F_REPORTING | F_STATS_VQ, 4), (F_REPORTING, 2)]
)
def test_free_memory_that_is_reported(features: int, queue: int) -> None:
    bench = made(features=features)
    for page in range(600, 604):
        bench.page(page)[:] = b"x" * 4096
    at = BASE + 600 * 4096
    bench.give_raw(queue, [(at, 4096, 2), (at + 8192, 4096, 2)])
    bench.kick(queue)
    assert [length for length, _ in bench.take(queue)] == [0]
    shown = [bench.page(page)[0] for page in range(600, 604)]
    assert shown == [0, ord("x"), 0, ord("x")]


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<I", FIRST - 1),
        struct.pack("<I", FIRST + PAGES),
        struct.pack("<I", 0xFFFFFFFF),
        b"odd",
        bytes(4 * PFNS_MAX + 4),
    ],
    ids=["below", "above", "far", "odd", "many"],
)
def test_impossible_pages_need_a_reset(data: bytes) -> None:
    bench = made()
    bench.send(INFLATE, data)
    assert bench.resets == 1
    bench.reset()
    bench.start()
    bench.send(INFLATE, numbers(600))
    assert bench.take(INFLATE) == [(0, b"")]


def test_what_does_not_fit_is_tried_again() -> None:
    bench = made()
    bench.full = True
    bench.send(INFLATE, numbers(600))
    bench.full = False
    bench.pass_time()
    assert bench.take(INFLATE) == [(0, b"")]


def test_random_requests() -> None:
    dice = random.Random(5)
    bench = made()
    for _ in range(3000):
        queue = dice.randrange(5)
        count = dice.choice([1, 1, 2, 9])
        if len(bench._free[queue]) >= count:
            pieces = [
                (
                    dice.choice([BASE + dice.randrange(1 << 21, RAM_SIZE), 0, dice.getrandbits(33)]),
                    dice.choice([0, 4, 8, 10, 4096, 70000, 0xFFFFFFFF]),
                    dice.choice([0, 0, 2]),
                )
                for _ in range(count)
            ]
            bench.give_raw(queue, pieces)
        bench.kick(queue)
        tell(bench, dice.choice([AskStatistics(), SetTarget(dice.getrandbits(32))]))
        bench.pass_time()
        if bench.slot.queue(0) is None:
            bench.reset()
            bench.start()
        bench.reports.clear()
    assert bench.resets > 10
    with pytest.raises(msgspec.MsgspecError):
        bench.device.control(b"nonsense", None)
