"""A switch sends to whom a frame is for, floods within bounds, and lets no port speak as another's guest."""

from typing import Any

from pocketvisor.devices.net_frame import PLAIN
from pocketvisor.network.messages import Counters
from pocketvisor.network.switch import LEARNED_MAX, Switch

ALL = b"\xff" * 6


class Member:
    def __init__(self, switch: Switch, number: int) -> None:
        self.number = number
        self.mac = bytes((2, 0, 0, 0, 0, number))
        self.counters = Counters()
        self.received: list[bytes] = []
        self.switch = switch
        switch.join(self)

    def deliver(self, message: bytes) -> None:
        self.received.append(message)

    def send(self, target: bytes, source: bytes | None = None, now: float = 0.0) -> bytes:
        message = PLAIN + target + (source or self.mac) + b"\x08\x00" + bytes(46)
        self.switch.send(self, message, now)
        return message


def members(count: int) -> list[Any]:
    switch = Switch()
    return [Member(switch, number) for number in range(1, count + 1)]


def test_a_frame_goes_to_whom_it_is_for() -> None:
    one, two, three = members(3)
    message = one.send(two.mac)
    assert two.received == [message] and not three.received and not one.received


def test_broadcasts_and_strangers_go_to_all_others() -> None:
    one, two, three = members(3)
    sent = [one.send(ALL), one.send(b"\x02\0\0\0\1\1")]
    assert two.received == three.received == sent and not one.received


def test_addresses_behind_a_guest_are_learned_and_forgotten() -> None:
    one, two, three = members(3)
    behind = b"\x02\0\0\0\1\1"
    two.send(one.mac, source=behind)
    one.send(behind)
    assert len(two.received) == 1 and not three.received
    one.send(behind, now=301.0)
    assert len(three.received) == 1, "it is flooded again"


def test_a_guest_cannot_speak_as_another() -> None:
    one, two, three = members(3)
    three.send(ALL, source=two.mac)
    assert not one.received and three.counters.malformed == 1
    one.send(two.mac)
    assert len(two.received) == 1 and not three.received
    three.send(ALL, source=ALL)
    assert three.counters.malformed == 2


def test_floods_are_bounded_for_the_port_that_floods() -> None:
    one, two, three = members(3)
    for _ in range(5000):
        one.send(ALL)
    assert len(two.received) == 500 and one.counters.flooded == 4500
    two.send(ALL)
    assert len(three.received) == 501, "another port's broadcasts go on"
    one.send(three.mac)
    assert len(three.received) == 502, "and so do its own frames to one guest"
    one.send(ALL, now=0.1)
    assert len(two.received) == 501, "in time it may again"


def test_the_table_is_bounded() -> None:
    one, two, _ = members(3)
    for number in range(100_000):
        one.send(two.mac, source=b"\x06" + number.to_bytes(5, "big"))
    assert len(one.switch._table) <= 3 + LEARNED_MAX


def test_who_has_left_gets_nothing_and_leaves_nothing() -> None:
    one, two, three = members(3)
    two.send(one.mac, source=b"\x02\0\0\0\1\1")
    one.switch.leave(two)
    one.send(two.mac)
    assert not two.received and len(three.received) == 1
    assert len(one.switch) == 2 and set(one.switch._table) == {one.mac, three.mac}


def test_two_guests_of_one_address_do_not_stop_the_others() -> None:
    one, two, three = members(3)
    twin = Member(one.switch, 4)
    one.switch.leave(twin)
    twin.mac = two.mac
    one.switch.join(twin)
    twin.send(one.mac)
    one.switch.leave(two)
    one.send(twin.mac)
    assert len(one.received) == 1 and len(twin.received) == 1 and not three.received
