"""A radio's link takes the time that its numbers say, keeps order, loses its share, bounds its queue."""

import pytest

from pocketvisor.errors import NetworkError
from pocketvisor.network.radio import NO_RADIO, PRESETS, Radio, Way, radio_named


def way(radio: Radio, rate: int = 0, seed: int = 1) -> Way:
    made = Way(seed)
    made.set(radio, rate)
    return made


def test_frames_take_the_time_of_their_bits() -> None:
    link = way(Radio(), rate=8000)
    for number in range(3):
        link.put(bytes([number]) * 500, 10.0)
    assert link.due() == 10.5 and link.take(10.49) == []
    assert link.take(10.5) == [b"\0" * 500]
    assert link.take(11.5) == [b"\1" * 500, b"\2" * 500]


def test_a_delay_is_added_and_does_not_hold_up_what_follows() -> None:
    link = way(Radio(delay_ms=200), rate=8000)
    link.put(bytes(500), 0.0)
    link.put(bytes(500), 0.0)
    assert link.due() == pytest.approx(0.7)
    assert len(link.take(1.2)) == 2


def test_jitter_keeps_the_order() -> None:
    link = way(Radio(delay_ms=100, jitter_ms=90))
    for number in range(200):
        link.put(bytes([number]), number / 1000)
    arrived, now = [], 0.0
    while (due := link.due()) is not None:
        assert due >= now
        now = due
        arrived += link.take(now)
    assert arrived == [bytes([number]) for number in range(200)]


def test_its_share_is_lost_and_the_same_one_each_time() -> None:
    def lost(seed: int) -> list[bytes]:
        link = way(Radio(loss=10), seed=seed)
        for number in range(2000):
            link.put(number.to_bytes(2, "big"), 0.0)
        assert 120 < link.lost < 280
        return link.take(0.0)

    assert lost(1) == lost(1) != lost(2)


def test_the_queue_is_bounded_and_drops_its_tail() -> None:
    link = way(Radio(), rate=60_000)
    for _ in range(100):
        link.put(bytes(1500), 0.0)
    assert 20 <= link.waiting <= 40 and link.dropped == 100 - link.waiting
    idle = way(Radio(delay_ms=60_000))
    for _ in range(5000):
        idle.put(b"x", 0.0)
    assert idle.waiting <= 2048


def test_a_change_is_for_what_comes_next() -> None:
    link = way(Radio(delay_ms=500))
    link.put(b"old", 0.0)
    link.set(NO_RADIO, 0)
    link.put(b"new", 0.1)
    assert link.take(0.4) == [] and link.take(0.5) == [b"old", b"new"]


def test_presets_by_name() -> None:
    assert radio_named("Wi-Fi") is PRESETS["wifi"] and radio_named("3G") is PRESETS["3g"]
    assert not PRESETS["off"].link and not NO_RADIO.shapes
    with pytest.raises(NetworkError, match="no radio '5g': choose one of none, 2g"):
        radio_named("5g")
