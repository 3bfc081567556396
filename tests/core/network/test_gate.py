"""What of a governed guest's frames passes, seen frame by frame: to the hosts that its policy names and what
it takes to find them, and nothing else, however a frame is made."""

import ipaddress
import struct

import pytest
from frames import (
    ACK,
    GUEST,
    GUEST6,
    MAC,
    RESOLVER,
    ROUTER,
    RST,
    SYN,
    answer,
    arp,
    ask,
    dhcp,
    echo,
    ip,
    name_bytes,
    query,
    reply,
    tcp,
    udp,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.devices.net_frame import HEADER_SIZE, PLAIN
from pocketvisor.devices.net_frame import problem as frame_problem
from pocketvisor.network import dns, messages, packet
from pocketvisor.network.gate import LEARNED_MAX, LINGER_SECONDS, REFUSED, Gate
from pocketvisor.network.packet import Packet
from pocketvisor.network.policy import rules_of
from pocketvisor.network.rules import NetworkRules
from pocketvisor.policies.document import HOSTS_MAX, Network

HOSTS = ("intranet.acme.example:443", "*.cdn.example", "203.0.113.7", "198.51.100.0/24:22", "2001:db8::/64")
SERVER = "203.0.113.80"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def gate_of(clock: Clock, network: Network) -> Gate:
    rules = rules_of(network)
    assert rules is not None
    return Gate(told(rules), MAC, clock)


def told(rules: NetworkRules) -> NetworkRules:
    return NetworkRules(hosts=rules.hosts, address=GUEST, gateway=ROUTER, resolver=RESOLVER)


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return gate_of(clock, Network(mode="hosts", hosts=HOSTS))


def passes(gate: Gate, message: bytes) -> bool:
    assert not frame_problem(message), "the port would not have taken it"
    return gate.out(message).passes == message


def learn(gate: Gate, name: str, addresses: list[str], identity: int = 7, **words: object) -> bool:
    """It asks, and is answered."""
    kind = 28 if ":" in addresses[0] else 1
    assert gate.out(ask(name, kind, identity)).passes is not None
    return gate.into(answer(name, addresses, identity, kind=kind, **words))


def test_addresses_and_networks_with_their_ports(gate: Gate) -> None:
    assert passes(gate, tcp("203.0.113.7", 9999)) and passes(gate, udp("203.0.113.7", 1))
    assert passes(gate, tcp("198.51.100.200", 22)) and passes(gate, tcp("2001:db8::42", 80))
    assert passes(gate, echo("203.0.113.7")) and passes(gate, echo("2001:db8::1"))
    for other in (
        tcp("198.51.100.200", 23),
        tcp("203.0.113.8", 80),
        udp("8.8.8.8", 53),
        tcp("2001:db9::1", 80),
        echo("198.51.100.200"),  # one of its ports is not all of a host
        echo("8.8.8.8"),
    ):
        assert gate.out(other).passes is None


def test_what_it_takes_to_be_on_a_network_at_all(gate: Gate) -> None:
    assert passes(gate, arp()) and passes(gate, arp(source="0.0.0.0")) and passes(gate, dhcp())
    solicitation = bytes((135, 0, 0, 0, 0, 0, 0, 0)) + bytes(16)
    assert passes(gate, ip(GUEST6, "ff02::1:ff00:1", 58, solicitation))
    assert passes(gate, ip("fe80::1", "ff02::2", 58, bytes((133, 0, 0, 0, 0, 0, 0, 0))))
    assert passes(gate, udp("ff02::1:2", 547, bytes(80), source="fe80::1", source_port=546))
    # ... and as much of it as that takes.
    assert gate.out(arp(source="10.0.0.9")).passes is None
    assert gate.out(dhcp("8.8.8.8")).passes is None
    assert gate.out(udp("255.255.255.255", 67, bytes(1600), source="0.0.0.0", source_port=68)).passes is None
    assert gate.out(ip(GUEST6, "2001:db9::1", 58, solicitation)).passes is None
    assert gate.out(ip(GUEST6, "ff02::1:ff00:1", 58, solicitation + bytes(300))).passes is None


def test_a_name_is_good_when_the_resolver_has_answered(gate: Gate) -> None:
    assert gate.out(tcp(SERVER, 443)).passes is None
    assert learn(gate, "intranet.acme.example", [SERVER])
    assert passes(gate, tcp(SERVER, 443))
    assert gate.out(tcp(SERVER, 80)).passes is None, "its port is not all of them"
    assert gate.into(tcp(GUEST, 40000, source=SERVER, source_port=443, flags=SYN | ACK, inwards=True))
    assert not gate.into(tcp(GUEST, 40000, source=SERVER, source_port=80, flags=SYN | ACK, inwards=True))
    assert learn(gate, "intranet.acme.example", ["2001:db9::5"]) and passes(gate, tcp("2001:db9::5", 443))


def test_names_below_a_name(gate: Gate) -> None:
    assert learn(gate, "a.b.cdn.example", [SERVER]) and passes(gate, udp(SERVER, 4433))
    assert gate.out(ask("cdn.example")).passes is None, "it is none below itself"
    assert gate.out(ask("evilcdn.example")).passes is None


def test_aliases_are_followed_and_strangers_are_not(gate: Gate) -> None:
    chain = (("intranet.acme.example", "edge.other.example"), ("edge.other.example", "x.y.example"))
    assert learn(gate, "intranet.acme.example", [SERVER], aliases=chain, owner="x.y.example")
    assert passes(gate, tcp(SERVER, 443))
    assert learn(gate, "intranet.acme.example", ["192.0.2.77"], 8, owner="bank.example")
    assert gate.out(tcp("192.0.2.77", 443)).passes is None


def test_an_answer_counts_that_was_asked_for(gate: Gate, clock: Clock) -> None:
    name = "intranet.acme.example"
    wrong = (
        answer(name, [SERVER]),  # nobody asked
        answer(name, [SERVER], identity=9),
        answer(name, [SERVER], source="203.0.113.7"),
        answer("www.cdn.example", [SERVER]),
    )
    assert not gate.into(wrong[0])
    for message in wrong[1:]:
        assert gate.out(ask(name)).passes is not None
        gate.into(message)
        assert gate.out(tcp(SERVER, 443)).passes is None
    assert gate.out(ask(name)).passes is not None
    clock.now += 11
    assert not gate.into(answer(name, [SERVER])), "it comes too late"


def test_an_allowed_name_makes_nothing_of_this_machines_one_of_its_own(gate: Gate) -> None:
    for number, address in enumerate(
        (
            "127.0.0.1",
            ROUTER,
            RESOLVER,
            GUEST,
            "169.254.1.1",
            "224.0.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "240.0.0.1",
        )
    ):
        learn(gate, "www.cdn.example", [address], number)
        assert gate.out(tcp(address, 80)).passes is None, address
    for number, address in enumerate(("::1", "fe80::1", "ff02::1", "::ffff:8.8.8.8", "::")):
        learn(gate, "www.cdn.example", [address], 100 + number)
        assert gate.out(tcp(address, 80)).passes is None, address


def test_what_was_learned_ends_unless_it_is_used(gate: Gate, clock: Clock) -> None:
    assert learn(gate, "intranet.acme.example", [SERVER], seconds=1)
    for _ in range(10):
        clock.now += LINGER_SECONDS - 1
        assert passes(gate, tcp(SERVER, 443)), "a connection goes on"
    clock.now += LINGER_SECONDS + 1
    assert gate.out(tcp(SERVER, 443)).passes is None
    assert not gate.into(tcp(GUEST, 40000, source=SERVER, source_port=443, flags=ACK, inwards=True))


def test_what_was_learned_is_bounded(gate: Gate, clock: Clock) -> None:
    for number in range(LEARNED_MAX + 50):
        clock.now += 1
        learn(gate, f"n{number}.cdn.example", [str(ipaddress.ip_address(0x0B000000 + number))], number)
    assert len(gate._learned) <= LEARNED_MAX
    assert passes(gate, tcp(str(ipaddress.ip_address(0x0B000000 + LEARNED_MAX + 49)), 80))


def test_a_question_says_a_name_and_nothing_else(gate: Gate) -> None:
    """Capitals, options, more questions, and bytes behind them would carry what somebody wants to send."""
    plain = gate.out(ask("intranet.acme.example")).passes
    assert plain is not None
    option = b"\0" + struct.pack(">HHIH", 41, 4096, 0, 20) + b"secretsecretsecretse"
    for data in (
        query("InTrAnEt.AcMe.ExAmPlE"),
        query("intranet.acme.example", flags=0x01FF & 0x87FF | 0x0100),
        query("intranet.acme.example", more=option),
        query("intranet.acme.example") + b"and something else",
    ):
        assert gate.out(udp(RESOLVER, 53, data)).passes == plain
    for data in (
        query("intranet.acme.example", flags=0x2900),
        struct.pack(">HHHHHH", 7, 0x0100, 2, 0, 0, 0) + query("intranet.acme.example")[12:] * 2,
        struct.pack(">HHHHHH", 7, 0x0100, 1, 1, 0, 0) + query("intranet.acme.example")[12:] + bytes(20),
        struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + b"\xc0\x0c" + struct.pack(">HH", 1, 1),
        b"",
        b"x" * 500,
    ):
        assert gate.out(udp(RESOLVER, 53, data)).passes is None


def test_other_names_are_refused_at_once_by_an_answer(gate: Gate) -> None:
    verdict = gate.out(ask("secret-data-in-a-name.tunnel.example", identity=77))
    assert verdict.passes is None and verdict.reply is not None
    assert not frame_problem(verdict.reply)
    body = verdict.reply[HEADER_SIZE + 42 :]
    assert dns.read_answer(body) == dns.Answer(
        dns.Question(77, "secret-data-in-a-name.tunnel.example", 1), ()
    )
    assert body[3] & 15 == 5, "refused"
    for kind in (16, 10, 255, 65, 12):  # TXT and the like, also of a name that is allowed
        verdict = gate.out(ask("intranet.acme.example", kind))
        assert verdict.passes is None and verdict.reply is not None
        assert verdict.reply[HEADER_SIZE + 42 + 3] & 15 == 0


def test_questions_are_few(gate: Gate, clock: Clock) -> None:
    """A name below an allowed one is the most that a question can carry, and not often."""
    sent = 0
    for number in range(5000):
        clock.now += 0.001
        sent += gate.out(ask(f"d{number}.cdn.example", identity=number)).passes is not None
    assert 20 <= sent <= 100


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({20: 0x20}, id="more fragments"),
        pytest.param({21: 0x01}, id="a later fragment"),
        pytest.param({20: 0x80}, id="the evil bit"),
        pytest.param({14: 0x46}, id="options"),
        pytest.param({14: 0x65}, id="another version"),
        pytest.param({17: 0x00}, id="a short length"),
        pytest.param({16: 0xFF}, id="a long length"),
        pytest.param({23: 0x2F}, id="GRE"),
        pytest.param({23: 0x29}, id="IPv6 in IPv4"),
        pytest.param({23: 0x02}, id="IGMP"),
        pytest.param({29: 0x77}, id="another source"),
        pytest.param({26: 0x7F}, id="a loopback source"),
        pytest.param({6 + 5: 0x44}, id="another card's address"),
        pytest.param({6: 0x03}, id="the address of many"),
        pytest.param({12: 0x81, 13: 0x00}, id="VLAN"),
        pytest.param({12: 0x88, 13: 0xA8}, id="VLAN in VLAN"),
        pytest.param({12: 0x88, 13: 0x64}, id="PPPoE"),
        pytest.param({46: 0x40}, id="a TCP header that is short"),
        pytest.param({46: 0xF0}, id="a TCP header that is long"),
    ],
)
def test_frames_that_are_not_what_they_seem(gate: Gate, change: dict[int, int]) -> None:
    good = tcp("203.0.113.7", 80)
    assert passes(gate, good)
    frame = bytearray(good[HEADER_SIZE:])
    for at, value in change.items():
        frame[at] = value
    assert gate.out(PLAIN + bytes(frame)).passes is None
    assert gate.refusals.take(1000.0)


def test_ipv6_with_headers_between(gate: Gate) -> None:
    inner = tcp("2001:db8::1", 80)[HEADER_SIZE + 54 :]
    for header in (0, 43, 44, 50, 51, 60, 135, 41, 4, 59):
        carried = bytes((6, 0, 0, 0, 0, 0, 0, 0)) + inner
        message = ip(GUEST6, "2001:db8::1", header, carried)
        assert gate.out(message).passes is None and not gate.into(message)
    for source in ("::1", "::", "ff02::5", "::ffff:192.0.2.2"):
        assert gate.out(tcp("2001:db8::1", 80, source=source)).passes is None


@pytest.mark.parametrize("four", [True, False])
def test_who_sends_in_fragments_is_told_once(gate: Gate, four: bool) -> None:
    """Not for the later ones, nor in another's name, nor to many."""
    target, own = ("203.0.113.7", GUEST) if four else ("2001:db8::1", GUEST6)

    def fragment(offset: int, target: str = target, source: str = own) -> bytes:
        if not four:
            message = bytearray(ip(source, target, 44, bytes((17, 0)) + bytes(38)))
            struct.pack_into(">H", message, HEADER_SIZE + 56, offset | 1)
        else:
            message = bytearray(ip(source, target, 17, bytes(32)))
            struct.pack_into(">H", message, HEADER_SIZE + 20, 0x2000 | offset // 8)
        return bytes(message)

    first = gate.out(fragment(0))
    assert first.passes is None and first.reply is not None
    told = packet.read(first.reply)
    assert isinstance(told, Packet) and told.kind == (3 if four else 1)
    assert fragment(0)[HEADER_SIZE + 14 :][:40] in first.reply, "its sender knows it again"
    assert gate.out(fragment(1480)) == REFUSED
    assert gate.out(fragment(0, source="192.0.2.77" if four else "::1")) == REFUSED
    assert gate.out(fragment(0, "224.0.0.5" if four else "ff02::5")) == REFUSED
    cut = fragment(0)[: HEADER_SIZE + 14 + (20 if four else 42)]
    assert gate.out(cut).passes is None
    assert f"a fragment for {target}" in gate.refusals.take(1000.0)


def test_bytes_behind_a_packet_are_no_part_of_it(gate: Gate) -> None:
    assert gate.out(tcp("203.0.113.7", 80, data=b"x" * 60) + b"hidden" * 20).passes is None
    padded = tcp("203.0.113.7", 80)
    assert passes(gate, padded + bytes(HEADER_SIZE + 60 - len(padded)))


def test_nobody_connects_to_the_guest(gate: Gate) -> None:
    assert not gate.into(tcp(GUEST, 22, source="203.0.113.7", flags=SYN, inwards=True))
    assert gate.into(tcp(GUEST, 40000, source="203.0.113.7", source_port=80, flags=SYN | ACK, inwards=True))
    assert not gate.into(udp(GUEST, 40000, source="8.8.8.8", inwards=True))
    assert not gate.into(echo(GUEST, source="203.0.113.7", inwards=True))
    assert gate.into(echo(GUEST, source="203.0.113.7", kind=0, inwards=True))
    assert not gate.into(echo(GUEST, source="8.8.8.8", kind=0, inwards=True))
    assert gate.into(echo(GUEST, source="8.8.8.8", kind=3, inwards=True)), (
        "what went wrong on the way it hears"
    )


def test_a_vpn_is_its_endpoint_alone(clock: Clock) -> None:
    gate = gate_of(clock, Network(mode="vpn", vpn="vpn.acme.example:51820/udp"))
    assert gate.out(udp(SERVER, 51820)).passes is None
    assert learn(gate, "vpn.acme.example", [SERVER]) and passes(gate, udp(SERVER, 51820, b"x" * 1300))
    assert gate.into(udp(GUEST, 40000, source=SERVER, source_port=51820, inwards=True))
    for other in (udp(SERVER, 51821), tcp(SERVER, 51820), echo(SERVER), ask("intranet.acme.example")):
        assert gate.out(other).passes is None
    plain = gate_of(clock, Network(mode="vpn", vpn="203.0.113.9:1194/tcp"))
    assert passes(plain, tcp("203.0.113.9", 1194)) and plain.out(udp("203.0.113.9", 1194)).passes is None


def test_off_is_off(clock: Clock) -> None:
    gate = gate_of(clock, Network(mode="off"))
    for message in (arp(), dhcp(), tcp("203.0.113.7", 80), ask("intranet.acme.example"), echo(ROUTER)):
        assert gate.out(message).passes is None
    for message in (arp(2), tcp(GUEST, 1, source="203.0.113.7", flags=ACK, inwards=True)):
        assert not gate.into(message)
    assert rules_of(Network(mode="any")) is None


def test_a_program_need_not_wait_for_what_will_not_come(gate: Gate) -> None:
    def told_of(message: bytes) -> bytes:
        reply = gate.out(message).reply
        assert reply is not None and not frame_problem(reply)
        return reply[HEADER_SIZE:]

    refused = told_of(tcp("8.8.8.8", 80))
    assert refused[:6] == MAC and refused[23] == 1 and refused[34:36] == b"\3\x0d"
    assert refused[42 + 16 : 42 + 20] == bytes((8, 8, 8, 8)), "which packet it was"
    assert told_of(tcp("2001:db9::1", 80))[54:56] == b"\1\1"
    ended = told_of(tcp("8.8.8.8", 80, flags=ACK, data=b"more"))
    assert ended[23] == 6 and ended[47] == RST
    assert ended[26:30] == bytes((8, 8, 8, 8))
    assert struct.unpack_from(">I", ended, 38)[0] == 2000, "where the guest expects it"
    for quiet in (udp("224.0.0.251", 5353), tcp("8.8.8.8", 80, flags=RST), echo("8.8.8.8", kind=0)):
        assert gate.out(quiet).reply is None


def test_answers_to_a_flood_are_few(gate: Gate) -> None:
    replies = sum(gate.out(tcp("8.8.8.8", 80)).reply is not None for _ in range(5000))
    assert replies <= 60


def test_refusals_are_told_once_a_minute_and_are_few(gate: Gate, clock: Clock) -> None:
    for _ in range(3):
        gate.out(tcp("8.8.8.8", 443))
    gate.out(udp("2001:db9::1", 53))
    gate.out(ask("tunnel.example"))
    assert gate.refusals.take(clock.now) == {
        "8.8.8.8:443/tcp": 3,
        "[2001:db9::1]:53/udp": 1,
        "the name tunnel.example": 1,
    }
    gate.out(tcp("8.8.8.8", 443))
    assert gate.refusals.take(clock.now + 59) == {}
    assert gate.refusals.take(clock.now + 61) == {"8.8.8.8:443/tcp": 1}
    for number in range(10_000):
        gate.out(tcp(f"9.9.{number >> 8}.{number & 255}", 80))
    told_now = gate.refusals.take(clock.now + 130)
    assert len(told_now) <= 8 and len(gate.refusals._waiting) <= 65


def test_other_rules_are_in_force_at_once_and_keep_what_they_allow_too(gate: Gate) -> None:
    learn(gate, "intranet.acme.example", [SERVER])
    learn(gate, "www.cdn.example", ["203.0.113.81"], 8)
    rules = rules_of(Network(mode="hosts", hosts=("intranet.acme.example:443",)))
    assert rules is not None
    gate.set(told(rules))
    assert passes(gate, tcp(SERVER, 443))
    for message in (tcp("203.0.113.81", 80), tcp("203.0.113.7", 80), ask("www.cdn.example")):
        assert gate.out(message).passes is None


def test_the_longest_policy_fits_into_one_message() -> None:
    longest = tuple(f"{number:03}{'n' * 50}.{'x' * 55}.example:65535" for number in range(HOSTS_MAX))
    rules = rules_of(Network(mode="hosts", hosts=longest))
    assert rules is not None and len(rules.hosts) == HOSTS_MAX
    message = messages.SetRules(1 << 31, told(rules))
    data = messages.encode(message)
    assert len(data) <= messages.DATAGRAM_MAX and messages.decode_to_process(data) == message


# Whatever a guest makes up: judged by another reading of the frame, as simple as can be.

ALLOWED = {ipaddress.ip_address("203.0.113.7").packed}
FRAMES = st.sampled_from(
    [
        tcp("203.0.113.7", 80),
        udp("203.0.113.7", 9),
        tcp("2001:db8::1", 5),
        ask("intranet.acme.example"),
        arp(),
        dhcp(),
        arp(source="10.0.0.9"),
        echo("203.0.113.7"),
        tcp("8.8.8.8", 80),
        udp("198.51.100.3", 22, b"x" * 100),
        udp("ff02::1:2", 547, b""),
    ]
)


@settings(max_examples=400)
@given(FRAMES, st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=6), st.integers(0, 40))
def test_whatever_passes_goes_where_it_may(message: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    frame = bytearray(message[HEADER_SIZE:])
    for at, value in changes:
        if at < len(frame):
            frame[at] = value
    message = PLAIN + bytes(frame[: max(14, len(frame) - cut)])
    gate = gate_of(Clock(), Network(mode="hosts", hosts=HOSTS))
    verdict = gate.out(message)
    gate.into(message)
    if verdict.reply is not None:
        assert not frame_problem(verdict.reply)
    if verdict.passes is None:
        return
    sent = verdict.passes[HEADER_SIZE:]
    assert sent[6:12] == MAC
    kind = sent[12:14]
    if kind == b"\x08\x06":
        assert len(sent) <= 64
    elif kind == b"\x08\x00":
        assert sent[14] == 0x45 and not (sent[20] & 0xBF or sent[21])
        target, protocol = sent[30:34], sent[23]
        port = int.from_bytes(sent[36:38], "big")
        if protocol == 17 and port == 67:
            assert target in (b"\xff" * 4, ipaddress.ip_address(ROUTER).packed)
        elif target == ipaddress.ip_address(RESOLVER).packed:
            assert protocol == 17 and port == 53
            assert sent[42 + 12 :] == name_bytes("intranet.acme.example") + sent[-4:]
        else:
            within = target[:3] == bytes((198, 51, 100)) and protocol in (6, 17) and port == 22
            assert target in ALLOWED or within or (protocol == 1 and sent[34] in (3, 11, 12))
            assert sent[26:30] == ipaddress.ip_address(GUEST).packed
    else:
        assert kind == b"\x86\xdd"
        near = sent[38:40] in (b"\xff\x02", b"\xfe\x80")
        assert near or sent[38:46] == ipaddress.ip_address("2001:db8::").packed[:8]


@given(st.binary(max_size=600))
def test_answers_of_any_kind_are_read_or_not(data: bytes) -> None:
    read = dns.read_answer(data)
    assert read is None or len(read.addresses) <= 128
    asked = dns.read_question(data)
    assert asked is None or dns.read_question(dns.question(asked)) == asked._replace(identity=asked.identity)


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=8))
def test_answers_that_were_changed_on_their_way(changes: list[tuple[int, int]]) -> None:
    data = bytearray(
        reply(
            "a.example",
            [SERVER, "203.0.113.9"],
            aliases=(("a.example", "b.example"), ("b.example", "a.example")),
        )
    )
    for at, value in changes:
        if at < len(data):
            data[at] = value
    dns.read_answer(bytes(data))
