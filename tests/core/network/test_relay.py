"""The network process's work over real sockets: frames between guests, passt's stream, and what a port that
misbehaves costs the others, which is nothing."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.devices.net_frame import GOOD, MESSAGE_MAX, PLAIN
from pocketvisor.network import messages
from pocketvisor.network.poller import Poller
from pocketvisor.network.radio import PRESETS, Radio
from pocketvisor.network.relay import Relay

ALL = b"\xff" * 6


def mac(number: int) -> bytes:
    return bytes((2, 0, 0, 0, 0, number))


def frame(source: int, target: bytes, size: int = 60, fill: int = 0) -> bytes:
    return target + mac(source) + b"\x88\xb5" + bytes([fill]) * (size - 14)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A relay with guests' ends of wires, by port."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.told: list[messages.FromProcess] = []
        self.relay = Relay(Poller(self.clock, lambda: 1.5), self.told.append)
        self.wires: dict[int, socket.socket] = {}
        self._open: list[socket.socket] = []

    def port(self, number: int, switch: str = "") -> socket.socket:
        self.relay.handle(messages.AddPort(number, mac(number), number))
        self.new_wire(number)
        if switch:
            self.relay.handle(messages.AttachSwitch(number, switch))
        return self.wires[number]

    def new_wire(self, number: int) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(0)
        self._open.append(ours)
        self.wires[number] = ours
        self.relay.handle(messages.SetWire(number), theirs.detach())

    def user(self, number: int, serial: int = 1) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        self._open.append(ours)
        self.relay.handle(messages.AttachUser(number, serial), theirs.detach())
        return ours

    def run(self) -> None:
        while self.relay.turn(0):
            pass

    def take(self, number: int) -> list[bytes]:
        """What has come to a guest."""
        self.run()
        taken = []
        while True:
            try:
                taken.append(self.wires[number].recv(MESSAGE_MAX))
            except BlockingIOError:
                return taken
            self.run()

    def counters(self, number: int) -> messages.Counters:
        return self.relay._ports[number].counters

    def close(self) -> None:
        for number in list(self.relay._ports):
            self.relay.handle(messages.RemovePort(number))
        for end in self._open:
            end.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


def test_guests_on_a_switch_hear_each_other_and_nobody_else(bench: Bench) -> None:
    one = bench.port(1, "lab")
    bench.port(2, "lab")
    bench.port(3, "other")
    bench.port(4)
    one.send(PLAIN + frame(1, ALL))
    assert bench.take(2) == [PLAIN + frame(1, ALL)]
    assert bench.take(1) == bench.take(3) == bench.take(4) == []
    bench.wires[4].send(PLAIN + frame(4, ALL))
    bench.run()
    assert bench.counters(4).unattached == 1


def test_switches_come_and_go_with_their_ports(bench: Bench) -> None:
    bench.port(1, "lab")
    bench.relay.handle(messages.AttachSwitch(1, "other"))
    assert set(bench.relay._switches) == {"other"}
    bench.relay.handle(messages.AttachSwitch(1, "other"))
    bench.relay.handle(messages.Detach(1))
    assert not bench.relay._switches


def test_what_is_malformed_is_counted_and_goes_nowhere(bench: Bench) -> None:
    one = bench.port(1, "lab")
    bench.port(2, "lab")
    for message in (b"x", PLAIN, PLAIN + bytes(10), bytes(MESSAGE_MAX + 5), b"\xff" * 90, PLAIN + bytes(60)):
        one.send(message)
    one.send(PLAIN + frame(1, ALL))
    assert bench.take(2) == [PLAIN + frame(1, ALL)]
    assert bench.counters(1).malformed == 5 and bench.counters(1).sent_frames == 2


def test_a_wire_that_closes_costs_its_own_port_alone(bench: Bench) -> None:
    bench.port(1, "lab").close()
    two = bench.port(2, "lab")
    bench.port(3, "lab")
    bench.run()
    two.send(PLAIN + frame(2, ALL))
    assert len(bench.take(3)) == 1
    bench.new_wire(1)
    two.send(PLAIN + frame(2, ALL))
    assert len(bench.take(1)) == 1, "the guest's next run is on the switch as before"


def test_a_guest_that_does_not_read_loses_frames_within_bounds(bench: Bench) -> None:
    one = bench.port(1, "lab")
    bench.port(2, "lab")
    bench.port(3, "lab")
    sent = 0
    while not bench.counters(2).dropped:
        one.send(PLAIN + frame(1, mac(2), 60_000))
        sent += 1
        bench.run()
        assert sent < 500
    one.send(PLAIN + frame(1, mac(3)))
    assert len(bench.take(3)) == 1
    assert len(bench.take(2)) + bench.counters(2).dropped == sent, "what was queued arrives when it reads"


def test_a_flood_is_read_in_turns(bench: Bench) -> None:
    one, two = bench.port(1, "lab"), bench.port(2, "lab")
    bench.port(3, "lab")
    for _ in range(60):
        one.send(PLAIN + frame(1, mac(3)))
    two.send(PLAIN + frame(2, mac(3), fill=9))
    bench.relay.turn(0)
    bench.relay.turn(0)
    arrived = []
    while True:
        try:
            arrived.append(bench.wires[3].recv(MESSAGE_MAX))
        except BlockingIOError:
            break
    assert PLAIN + frame(2, mac(3), fill=9) in arrived[:40]


def test_a_radio_delays_and_cuts_and_off_is_off(bench: Bench) -> None:
    one = bench.port(1, "lab")
    bench.port(2, "lab")
    bench.relay.handle(messages.SetRadio(1, Radio(up=12_000, delay_ms=100)))
    for _ in range(2):
        one.send(PLAIN + frame(1, mac(2), 1500))
    assert bench.take(2) == []
    bench.clock.now += 1.101
    assert len(bench.take(2)) == 1
    bench.relay.handle(messages.SetRadio(1, PRESETS["none"]))
    one.send(PLAIN + frame(1, mac(2), fill=3))
    assert bench.take(2) == [], "the order is kept"
    bench.clock.now += 1.0
    assert len(bench.take(2)) == 2
    bench.relay.handle(messages.SetRadio(1, PRESETS["off"]))
    one.send(PLAIN + frame(1, mac(2)))
    bench.wires[2].send(PLAIN + frame(2, mac(1)))
    assert bench.take(2) == bench.take(1) == [] and bench.counters(1).dropped == 2


def test_a_turn_waits_no_longer_than_the_next_frame_on_the_air(bench: Bench) -> None:
    one = bench.port(1, "lab")
    bench.port(2, "lab")
    bench.relay.handle(messages.SetRadio(1, Radio(delay_ms=5)))
    one.send(PLAIN + frame(1, mac(2)))
    bench.run()
    bench.relay.turn(60.0)  # comes back after 5 ms of waiting, if not at once


def test_frames_to_passt_are_behind_their_length_and_complete(bench: Bench) -> None:
    one = bench.port(1)
    passt = bench.user(1)
    partial = struct.pack("<BBHHHHH", 1, 0, 0, 0, 14, 2, 0) + frame(1, ALL, 64, fill=1)
    one.send(PLAIN + frame(1, ALL))
    one.send(partial)
    bench.run()
    data = passt.recv(65536)
    assert data[:4] == (60).to_bytes(4, "big") and data[4:64] == frame(1, ALL)
    assert (
        data[64:68] == (64).to_bytes(4, "big") and len(data) == 132 and data[68:] != frame(1, ALL, 64, fill=1)
    )


def test_passts_stream_is_cut_into_frames_wherever_it_breaks(bench: Bench) -> None:
    bench.port(1)
    passt = bench.user(1)
    frames = [frame(9, mac(1), size, fill=size % 251) for size in (60, 14, 1514, 30_000)]
    stream = b"".join(len(one).to_bytes(4, "big") + one for one in frames) + b"\0\0\0\5short"
    arrived = []
    for at in range(0, len(stream), 777):
        passt.send(stream[at : at + 777])
        arrived += bench.take(1)
    assert arrived == [GOOD + one for one in frames]


def test_passt_waits_while_the_guest_does_and_nothing_is_lost(bench: Bench) -> None:
    bench.port(1)
    passt = bench.user(1)
    unit = (60_000).to_bytes(4, "big") + frame(9, mac(1), 60_000)
    sent, left = 0, b""
    for _ in range(20_000):
        left = left or unit
        try:
            count = passt.send(left)
        except BlockingIOError:
            if not bench.relay.turn(0):
                break
            continue
        left = left[count:]
        sent += not left
    else:
        pytest.fail("the network process takes all that passt has, guest or no guest")
    assert 30 < sent < 400
    assert len(bench.take(1)) == sent and bench.counters(1).dropped == 0


def test_the_guest_waits_while_passt_does_and_nothing_is_lost(bench: Bench) -> None:
    one = bench.port(1)
    passt = bench.user(1)
    sent = 0
    for _ in range(5000):
        try:
            one.send(PLAIN + frame(1, ALL, 50_000))
            sent += 1
        except BlockingIOError:
            if not bench.relay.turn(0):
                break
    received = 0
    for _ in range(5000):
        bench.run()
        try:
            received += len(passt.recv(1 << 20))
        except BlockingIOError:
            break
    assert sent > 5 and received == sent * 50_004 and bench.counters(1).dropped == 0


@pytest.mark.parametrize("how", ["close", "nonsense"])
def test_the_end_of_passt_is_told_once(bench: Bench, how: str) -> None:
    one = bench.port(1)
    passt = bench.user(1, serial=7)
    if how == "close":
        passt.close()
    else:
        passt.send(b"\xff\xff\xff\xff nonsense")
    bench.run()
    one.send(PLAIN + frame(1, ALL))
    bench.run()
    assert [told for told in bench.told if isinstance(told, messages.UserEnded)] == [messages.UserEnded(1, 7)]
    assert bench.counters(1).unattached == 1


def test_frames_are_captured_and_the_captures_end_is_told(bench: Bench, tmp_path: Path) -> None:
    one = bench.port(1, "lab")
    two = bench.port(2, "lab")
    path = tmp_path / "one.pcap"
    bench.relay.handle(messages.StartCapture(1, 4096), os.open(path, os.O_WRONLY | os.O_CREAT))
    one.send(PLAIN + frame(1, mac(2)))
    two.send(PLAIN + frame(2, mac(1), fill=5))
    bench.take(1)
    data = path.read_bytes()
    assert data[40:100] == frame(1, mac(2)) and data[116:] == frame(2, mac(1), fill=5)
    for _ in range(60):
        one.send(PLAIN + frame(1, mac(2), 100))
        bench.run()
    told = [told for told in bench.told if isinstance(told, messages.CaptureEnded)]
    assert len(told) == 1 and "complete" in told[0].sentence
    assert len(bench.take(2)) == 61, "the frames go on"


@pytest.mark.parametrize("message", [messages.RemovePort(1), messages.StopCapture(1)])
def test_a_capture_has_what_was_sent_before_it_ends(
    bench: Bench, tmp_path: Path, message: messages.ToProcess
) -> None:
    one = bench.port(1, "lab")
    bench.port(2, "lab")
    path = tmp_path / "one.pcap"
    bench.relay.handle(messages.StartCapture(1, 1 << 20), os.open(path, os.O_WRONLY | os.O_CREAT))
    for _ in range(100):  # more than is read at once
        one.send(PLAIN + frame(1, mac(2)))
    bench.relay.handle(message)
    assert path.stat().st_size == 24 + 100 * (16 + 60)
    assert len(bench.take(2)) == 100


def test_counters_are_told_when_they_change_and_not_more_often_than_twice_a_second(bench: Bench) -> None:
    one = bench.port(1, "lab")
    for _ in range(5):
        one.send(PLAIN + frame(1, ALL))
        bench.run()
    bench.clock.now += 1
    bench.run()
    counted = [told for told in bench.told if isinstance(told, messages.Counted)]
    assert len(counted) == 2 and counted[-1].ports[1].sent_frames == 5


@pytest.mark.parametrize(
    "message",
    [
        messages.SetRadio(9, Radio()),
        messages.Detach(9),
        messages.AttachSwitch(9, "x"),
        messages.SetWire(1),
        messages.StartCapture(1, 4096),
        messages.AddPort(1, mac(1)),
        messages.Hello(1),
    ],
)
def test_what_makes_no_sense_is_refused(bench: Bench, message: messages.ToProcess) -> None:
    bench.port(1)
    with pytest.raises(ValueError):
        bench.relay.handle(message)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.binary(min_size=1, max_size=200)), max_size=30))
def test_random_messages_on_all_wires(sent: list[tuple[int, bytes]]) -> None:
    bench = Bench()
    try:
        bench.port(1, "lab")
        bench.port(2, "lab")
        bench.port(3)
        passt = bench.user(3)
        bench.relay.handle(messages.SetRadio(2, PRESETS["2g"]))
        for number, data in sent:
            bench.wires[number].send(data)
            bench.wires[number].send(bytes(12) + data)
            with suppress(BrokenPipeError):  # it has said what makes no sense
                passt.send(data[:1])
            bench.run()
            bench.clock.now += 0.1
        bench.port(4, "lab")
        bench.wires[4].send(PLAIN + frame(4, ALL))
        bench.clock.now += 60
        assert PLAIN + frame(4, ALL) in bench.take(1)
    finally:
        bench.close()
