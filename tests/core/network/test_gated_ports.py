"""Rules on a port of the network process, over real sockets: what a guest sends to passt's stream and to
other guests, what comes back, and what is on its way when the rules change."""

import socket
import struct
from collections.abc import Iterator

import pytest
from frames import GUEST, MAC, RESOLVER, ROUTER, ask, echo, tcp, udp
from test_relay import Bench, frame

from pocketvisor.devices.net_frame import HEADER_SIZE, PLAIN
from pocketvisor.network import messages
from pocketvisor.network.radio import Radio
from pocketvisor.network.rules import HostRule, NetworkRules

ACK = 0x10
RULES = NetworkRules(
    hosts=(HostRule(network="203.0.113.7/32"), HostRule(name="ok.example")),
    address=GUEST,
    gateway=ROUTER,
    resolver=RESOLVER,
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


def framed(message: bytes) -> bytes:
    return struct.pack(">I", len(message) - HEADER_SIZE) + message[HEADER_SIZE:]


def read(bench: Bench, end: socket.socket) -> bytes:
    bench.run()
    try:
        return end.recv(1 << 20)
    except BlockingIOError:
        return b""


def test_passt_sees_what_is_allowed_and_nothing_else(bench: Bench) -> None:
    wire = bench.port(1)
    bench.relay.handle(messages.SetRules(1, RULES))
    end = bench.user(1)
    for message in (tcp("8.8.8.8", 80), udp("9.9.9.9", 53), ask("bad.example"), echo("8.8.8.8")):
        wire.send(message)
    wire.send(tcp("203.0.113.7", 80))
    wire.send(ask("ok.example"))
    assert read(bench, end) == framed(tcp("203.0.113.7", 80)) + framed(ask("ok.example"))
    assert bench.counters(1).refused == 4 and bench.counters(1).sent_frames == 6
    assert len(bench.take(1)) == 4, "what it is told of each"
    bench.clock.now += 1
    bench.run()
    told = [message for message in bench.told if isinstance(message, messages.NotPassed)]
    assert [set(message.what) for message in told] == [
        {"8.8.8.8:80/tcp", "9.9.9.9:53/udp", "the name bad.example", "8.8.8.8"}
    ]


def test_what_comes_in_is_judged_too(bench: Bench) -> None:
    bench.port(1)
    bench.relay.handle(messages.SetRules(1, RULES))
    end = bench.user(1)
    good = tcp(GUEST, 40000, source="203.0.113.7", source_port=80, flags=ACK, inwards=True)
    for message in (
        udp(GUEST, 40000, source="8.8.8.8", inwards=True),
        good,
        tcp(GUEST, 22, source="203.0.113.7"),
    ):
        end.send(framed(message))
    assert [message[HEADER_SIZE:] for message in bench.take(1)] == [good[HEADER_SIZE:]]
    assert bench.counters(1).refused == 2


def test_without_rules_all_is_as_ever(bench: Bench) -> None:
    wire = bench.port(1)
    end = bench.user(1)
    wire.send(tcp("8.8.8.8", 80))
    assert read(bench, end) == framed(tcp("8.8.8.8", 80))
    bench.relay.handle(messages.SetRules(1, NetworkRules()))
    wire.send(tcp("203.0.113.7", 80))
    assert read(bench, end) == b""
    bench.relay.handle(messages.SetRules(1, None))
    wire.send(tcp("8.8.8.8", 80))
    assert read(bench, end) == framed(tcp("8.8.8.8", 80))


@pytest.mark.parametrize("rules", [RULES, NetworkRules()])
def test_between_guests_nothing_passes_either_way(bench: Bench, rules: NetworkRules) -> None:
    """Not even to an address that is allowed: a neighbour can claim it."""
    one, two = bench.port(1, "lab"), bench.port(2, "lab")
    bench.relay.handle(messages.SetRules(1, rules))
    for message in (tcp("203.0.113.7", 80), PLAIN + frame(1, b"\xff" * 6), ask("ok.example")):
        one.send(message)
    assert bench.take(2) == []
    two.send(PLAIN + frame(2, MAC))
    two.send(PLAIN + frame(2, b"\xff" * 6))
    assert bench.take(1) == [] and bench.counters(1).refused == 5


def test_what_is_on_its_way_does_not_arrive_under_other_rules(bench: Bench) -> None:
    wire = bench.port(1)
    end = bench.user(1)
    bench.relay.handle(messages.SetRadio(1, Radio(delay_ms=1000)))
    wire.send(tcp("8.8.8.8", 80))
    end.send(framed(udp(GUEST, 9, source="8.8.8.8", inwards=True)))
    bench.run()
    bench.relay.handle(messages.SetRules(1, RULES))
    wire.send(tcp("203.0.113.7", 80))
    bench.run()
    bench.clock.now += 2
    assert read(bench, end) == framed(tcp("203.0.113.7", 80))
    assert bench.take(1) == []


def test_a_guest_that_is_gone_while_it_is_answered_costs_nobody(bench: Bench) -> None:
    wire = bench.port(1)
    bench.port(2, "lab"), bench.port(3, "lab")
    bench.relay.handle(messages.SetRules(1, RULES))
    bench.user(1)
    for _ in range(40):
        wire.send(tcp("8.8.8.8", 80))
    wire.close()
    bench.run()
    bench.wires[2].send(PLAIN + frame(2, bytes((2, 0, 0, 0, 0, 3))))
    assert len(bench.take(3)) == 1
