"""A guest's card, the network process with a policy's rules, a real passt, and real peers behind it, in a
network namespace of their own: `unshare -nm python vpn_bench.py FOLDER`. It prints as JSON what was tried and
what arrived where; test_vpn_peer.py judges it.

The peers are sockets at addresses of this namespace, so that the kernel's own network is between them and
passt. The guest's side is frames, so that it can say what no sound guest would.
"""

import asyncio
import json
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from frames import ACK, MAC, SYN, arp, echo, ip, packed, query, tcp, udp
from msgspec import structs

from pocketvisor.devices.net_frame import HEADER_SIZE, PLAIN, checksum, from_guest
from pocketvisor.network import messages, packet
from pocketvisor.network import passt as passt_module
from pocketvisor.network.packet import ICMP, ICMPV6, IPV6, TCP, UDP, Packet
from pocketvisor.network.passt import Passt
from pocketvisor.network.policy import rules_of
from pocketvisor.network.sidecar import Sidecar
from pocketvisor.policies.document import Network

HOST, HOST6 = "198.51.100.1", "fd00:5::1"
PEER, OTHER, RESOLVER = "10.77.0.1", "10.77.0.2", "10.77.0.53"
PEER6, OTHER6 = "fd00:77::1", "fd00:77::2"
PORT = 51820
QUIET_SECONDS = 0.5
"""What has not arrived by then, on one machine, after something later has, does not."""
PATIENCE_SECONDS = 60
LARGE = 9000


def make_network(folder: Path) -> None:
    resolver = folder / "resolv.conf"
    resolver.write_text(f"nameserver {RESOLVER}\n")
    for command in (
        "ip link set lo up",
        "ip link add up0 type veth peer name up1",
        f"ip addr add {HOST}/24 dev up0",
        f"ip addr add {HOST6}/64 dev up0 nodad",
        "ip link set up0 up",
        "ip link set up1 up",
        "ip route add default via 198.51.100.254 dev up0",
        "ip -6 route add default via fd00:5::fe dev up0",
        *(f"ip addr add {address}/32 dev lo" for address in (PEER, OTHER, RESOLVER)),
        *(f"ip addr add {address}/128 dev lo nodad" for address in (PEER6, OTHER6)),
        "mount --make-rprivate /",
        f"mount --bind {resolver} /etc/resolv.conf",
    ):
        subprocess.run(command.split(), check=True, capture_output=True, text=True)


class Peer(asyncio.DatagramProtocol):
    """Answers a datagram with `said`, by default with itself; keeps who said what."""

    def __init__(self, answer: Callable[[bytes], bytes] = bytes) -> None:
        self.heard: list[bytes] = []
        self._answer = answer
        self.transport: asyncio.DatagramTransport
        self.last: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, source: Any) -> None:
        self.heard.append(data)
        self.last = source
        if said := self._answer(data):
            self.transport.sendto(said, source)


async def peer(address: str, port: int, answer: Callable[[bytes], bytes] = bytes) -> Peer:
    loop = asyncio.get_running_loop()
    _, made = await loop.create_datagram_endpoint(lambda: Peer(answer), local_addr=(address, port))
    return made


class Connections:
    """Whoever connects."""

    def __init__(self) -> None:
        self.count = 0
        self._servers: list[asyncio.Server] = []

    async def listen(self, address: str, port: int) -> None:
        def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.count += 1
            writer.close()

        self._servers.append(await asyncio.start_server(come, address, port))

    async def close(self) -> None:
        for server in self._servers:
            server.close()
            await server.wait_closed()


def resolve(asked: bytes) -> bytes:
    """A name service: whatever name, PEER and PEER6 have it; "large." answers that it does not fit."""
    kind = struct.unpack_from(">H", asked, asked.index(b"\0", 12) + 1)[0]
    end = asked.index(b"\0", 12) + 5
    if b"\5large" in asked[:end]:
        return asked[:2] + struct.pack(">HHHHH", 0x8380, 1, 0, 0, 0) + asked[12:end]
    data = {1: packed(PEER), 28: packed(PEER6)}.get(kind, b"")
    head = asked[:2] + struct.pack(">HHHHH", 0x8180, 1, 1 if data else 0, 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data if data else b""
    return head + asked[12:end] + record


class Guest:
    """A card's wire on a passt of its own, and what has come over it."""

    def __init__(self, sidecar: Sidecar, passt: Passt) -> None:
        self.sidecar, self.passt = sidecar, passt
        self.refused: dict[str, int] = {}
        self.port = sidecar.add_port(self, MAC, 1)
        self.wire: socket.socket
        self.came: list[tuple[Packet, bytes]] = []
        self._news = asyncio.Event()
        self._told = asyncio.Event()

    @classmethod
    async def governed(cls, vpn: str) -> "Guest":
        """With the rules of a policy that lets it reach this, or none. They are there before its wire."""
        passt, end = await Passt.start((), reach_host=False, on_end=ended)
        guest = cls(await Sidecar.shared(), passt)
        tell, at = guest.sidecar.tell, passt.address
        if vpn:
            rules = rules_of(Network(mode="vpn", vpn=vpn))
            assert rules is not None
            rules = structs.replace(rules, address=at.address, gateway=at.gateway, resolver=at.dns)
            tell(messages.SetRules(guest.port, rules))
        with end:
            tell(messages.AttachUser(guest.port, 1), end.fileno())
        guest.wire, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        guest.wire.setblocking(False)
        with theirs:
            tell(messages.SetWire(guest.port), theirs.fileno())
        asyncio.get_running_loop().add_reader(guest.wire, guest._readable)
        guest.say(arp(source=HOST, target=at.gateway))
        return guest

    async def ends(self, refusals: int) -> None:
        """When so many destinations have been told as refused, or after a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(self.refused) < refusals:
                    self._told.clear()
                    await self._told.wait()
        asyncio.get_running_loop().remove_reader(self.wire)
        await self.sidecar.remove_port(self.port)
        await self.passt.stop()
        self.wire.close()

    def port_counted(self, counters: messages.Counters) -> None: ...
    def port_user_ended(self, serial: int) -> None: ...
    def port_capture_ended(self, sentence: str) -> None: ...

    def port_not_passed(self, what: dict[str, int]) -> None:
        for where, times in what.items():
            self.refused[where] = self.refused.get(where, 0) + times
        self._told.set()

    def port_lost(self, sentence: str) -> None:
        raise AssertionError(sentence)

    def _readable(self) -> None:
        message = from_guest(self.wire.recv(1 << 17))
        read = packet.read(message)
        frame = message[HEADER_SIZE:]
        if isinstance(read, str) or (read.family == packet.ARP and read.kind == 1):
            return
        if read.protocol == ICMPV6 and read.kind == 135:  # who has this address? The guest has.
            body = b"\x88\0\0\0\x60\0\0\0" + frame[read.start + 8 : read.start + 24] + b"\2\1" + MAC
            macs = frame[6:12], MAC
            source = frame[read.start + 8 : read.start + 24]
            self.say(PLAIN + packet.built(IPV6, macs, source, read.source, ICMPV6, body))
            return
        self.came.append((read, bytes(frame[read.payload : read.end])))
        self._news.set()

    def say(self, message: bytes) -> None:
        self.wire.send(message)

    async def until(
        self, wanted: Callable[[Packet, bytes], bool], seconds: float = PATIENCE_SECONDS
    ) -> bytes | None:
        """What came that is wanted, or None."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for read, data in self.came:
                        if wanted(read, data):
                            return data
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return None

    async def answered(self, message: bytes, seconds: float = PATIENCE_SECONDS) -> str:
        """What becomes of a packet: "answered", "refused at once" or "nothing"."""
        sent: Packet | str | None = packet.read(message)
        if isinstance(sent, str):
            sent = packet.first_fragment(message)
        assert isinstance(sent, Packet)
        self.came.clear()
        self.say(message)

        def about(read: Packet, data: bytes) -> bool:
            if read.protocol in (ICMP, ICMPV6) and read.kind in (3, 1):
                return True
            if read.protocol == TCP and read.source == sent.target:
                return True
            if sent.protocol in (ICMP, ICMPV6):
                return read.protocol == sent.protocol and read.source == sent.target
            return read.protocol == UDP and (read.source, read.source_port) == (sent.target, sent.target_port)

        if await self.until(about, seconds) is None:
            return "nothing"
        read = next(read for read, data in self.came if about(read, data))
        if read.protocol in (ICMP, ICMPV6) and read.kind in (3, 1):
            return "refused at once"
        return "reset" if read.protocol == TCP and read.flags & 4 else "answered"

    async def exchanged(self, message: bytes) -> bytes:
        """The datagram that answers, or none."""
        return b"" if await self.answered(message) != "answered" else self.came_last(message)

    def came_last(self, message: bytes) -> bytes:
        sent = packet.read(message)
        assert isinstance(sent, Packet)
        return next(data for read, data in self.came if read.protocol == UDP and read.source == sent.target)


def fragments(target: str, port: int, data: bytes) -> list[bytes]:
    """A datagram in two packets, as a guest with a small MTU sends it."""
    made, cut = [], 1448
    if ":" in target:
        carried = udp(target, port, data, source=HOST6)[HEADER_SIZE + 54 :]
        for offset, part in ((0, carried[:cut]), (cut, carried[cut:])):
            message = bytearray(ip(HOST6, target, 44, bytes(8) + part))
            header = struct.pack(">BBHI", UDP, 0, offset | (not offset), 7)
            message[HEADER_SIZE + 54 : HEADER_SIZE + 62] = header
            made.append(bytes(message))
        return made
    carried = udp(target, port, data, source=HOST)[HEADER_SIZE + 34 :]
    for offset, part in ((0, carried[:cut]), (cut, carried[cut:])):
        message = bytearray(ip(HOST, target, UDP, part))
        at = HEADER_SIZE + 14
        struct.pack_into(">HH", message, at + 4, 7, offset // 8 or 0x2000)
        struct.pack_into(">H", message, at + 10, 0)
        struct.pack_into(">H", message, at + 10, checksum(bytes(message[at : at + 20])))
        message[at + 20 :] = part  # the checksum that it has is the whole datagram's
        made.append(bytes(message))
    return made


async def endpoint_alone(six: bool, governed: bool) -> dict[str, Any]:
    """What a tunnel does, and what everything else comes to."""
    where = f"[{PEER6}]" if six else PEER
    guest = await Guest.governed(f"{where}:{PORT}/udp" if governed else "")
    here, there, other = (HOST6, PEER6, OTHER6) if six else (HOST, PEER, OTHER)
    end = await peer(there, PORT, lambda data: b"response" * 11 + data[:4] if len(data) == 148 else data)
    others = [await peer(*at) for at in ((there, PORT + 1), (other, PORT), (other, 53))]
    connected = Connections()
    for at in ((there, PORT), (other, 80)):
        await connected.listen(*at)

    def send(target: str, port: int, data: bytes = b"x") -> bytes:
        return udp(target, port, data, source=here, source_port=40000)

    found: dict[str, Any] = {}
    found["handshake"] = len(await guest.exchanged(send(there, PORT, bytes((1,)) * 148)))
    numbers = set()
    for number in range(200):
        data = await guest.exchanged(send(there, PORT, struct.pack(">I", number) + bytes(1396)))
        if not data:
            break
        numbers.add(data[:4])
    found["data"] = len(numbers)
    found["large"] = len(await guest.exchanged(send(there, PORT, bytes(LARGE))))
    heard = len(end.heard)

    tried = {
        "another port": send(there, PORT + 1),
        "another host": send(other, PORT),
        "another resolver": udp(other, 53, query("a.example"), source=here),
        "its port by TCP": tcp(there, PORT, source=here),
        "another host by TCP": tcp(other, 80, source=here, flags=SYN),
        "a connection from before": tcp(other, 80, source=here, flags=ACK),
    }
    first, last = fragments(there, PORT, bytes(3000))
    if governed:
        router = "fd00:5::fe" if six else "198.51.100.254"
        tried |= {
            "its echo": echo(there, source=here),
            "the router": tcp(router, 80, source=here),
            "a fragment": first,
        }
    found["others"] = {name: await guest.answered(message) for name, message in tried.items()}
    guest.came.clear()
    guest.say(last)
    stranger = await peer(there, 9999)
    assert end.last is not None
    stranger.transport.sendto(b"from another port", end.last)
    found["after"] = len(await guest.exchanged(send(there, PORT, b"still there")))
    await asyncio.sleep(QUIET_SECONDS)
    found["strangers"] = sum(data == b"from another port" for _, data in guest.came)
    found["arrived elsewhere"] = sum(len(one.heard) for one in others) + connected.count
    found["arrived"] = len(end.heard) - heard
    for one in (end, stranger, *others):
        one.transport.close()
    await connected.close()
    await guest.ends(8 if governed else 0)
    return found | {"refused": guest.refused, "address": guest.passt.address.address}


async def by_name() -> dict[str, Any]:
    """An endpoint that has a name, with a name service that hears what is asked."""
    guest = await Guest.governed(f"vpn.example:{PORT}/udp")
    end, other = await peer(PEER, PORT), await peer(OTHER, PORT)
    end6 = await peer(PEER6, PORT)
    service = await peer(RESOLVER, 53, resolve)
    by_tcp = Connections()
    await by_tcp.listen(RESOLVER, 53)

    def asks(name: str, kind: int = 1, **words: Any) -> bytes:
        return udp(RESOLVER, 53, query(name, kind, **words), source=HOST, source_port=40001)

    def code(answer: bytes) -> int:
        return answer[3] & 15 if answer else -1

    to_end = udp(PEER, PORT, b"hello", source=HOST, source_port=40002)
    found: dict[str, Any] = {"before it is asked for": await guest.answered(to_end)}
    cookie = b"\0" + struct.pack(">HHIH", 41, 1232, 0x8000, 12) + struct.pack(">HH", 10, 8) + b"secrets!"
    answer = await guest.exchanged(asks("vpn.example", more=cookie))
    found["EDNS"] = {"code": code(answer), "address": packed(PEER) in answer}
    found["asked"] = [data[2:].hex() for data in service.heard]
    found["asked anew"] = query("vpn.example", 1)[2:].hex()
    found["endpoint"] = await guest.answered(to_end)
    found["other address"] = await guest.answered(udp(OTHER, PORT, source=HOST))
    answer = await guest.exchanged(asks("vpn.example", 28))
    found["IPv6"] = packed(PEER6) in answer
    found["endpoint by IPv6"] = await guest.answered(udp(PEER6, PORT, source=HOST6))
    heard = len(service.heard)
    found["others' names"] = code(await guest.exchanged(asks("secret.tunnel.example")))
    found["another kind"] = code(await guest.exchanged(asks("vpn.example", 65)))
    found["by TCP"] = await guest.answered(tcp(RESOLVER, 53, source=HOST))
    await asyncio.sleep(QUIET_SECONDS)
    found["asked besides"] = len(service.heard) - heard
    found["heard elsewhere"] = len(other.heard) + by_tcp.count
    await guest.ends(4)
    found["refused"] = guest.refused

    guest = await Guest.governed(f"large.example:{PORT}/udp")
    answer = await guest.exchanged(asks("large.example"))
    found["an answer that does not fit"] = {"cut": bool(answer and answer[2] & 2), "code": code(answer)}
    found["and again by TCP"] = await guest.answered(tcp(RESOLVER, 53, source=HOST))
    await guest.ends(1)
    for one in (end, end6, other, service):
        one.transport.close()
    await by_tcp.close()
    return found


def ended(passt: Passt, sentence: str) -> None:
    raise AssertionError(sentence)


async def six_alone() -> str:
    """What passt offers where this machine has no IPv4; it is not waited for what does not come."""
    passt_module._READY_SECONDS = 10 * PATIENCE_SECONDS  # type: ignore[misc]
    subprocess.run(f"ip addr del {HOST}/24 dev up0".split(), check=True)
    async with asyncio.timeout(PATIENCE_SECONDS):
        passt, end = await Passt.start((), reach_host=False, on_end=ended)
    end.close()
    await passt.stop()
    return passt.address.address


async def main(folder: Path) -> dict[str, Any]:
    make_network(folder)
    return {
        "4": await endpoint_alone(six=False, governed=True),
        "6": await endpoint_alone(six=True, governed=True),
        "4 without a policy": await endpoint_alone(six=False, governed=False),
        "6 without a policy": await endpoint_alone(six=True, governed=False),
        "name": await by_name(),
        "IPv6 alone": await six_alone(),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(Path(sys.argv[1]))), indent=1))
