"""Debian's own driver on networks of each kind: what a guest sees, what its neighbour and this machine see,
and that all of it comes again from a recording."""

import asyncio
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from held_port import held_port
from passt_here import skip_where_unfit

from pocketvisor.api import Guest, Handset, NetworkSpec, RunOptions, catalogue, load_models
from pocketvisor.network.radio import PRESETS, Radio
from pocketvisor.network.service import GuestNetwork
from pocketvisor.network.spec import Forward

pytestmark = pytest.mark.debian

BOOT_SECONDS = 240
PROMPT = r"^debian:/root# "
CONTENT = random.Random(7).randbytes(3_000_000)


@pytest.fixture
async def phone() -> AsyncIterator[Handset]:
    phone = Handset(load_models()["galaxy-s2"])
    yield phone
    await phone.close()


class Debian:
    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self._count = 0

    @property
    def network(self) -> GuestNetwork:
        assert self.guest.network is not None
        return self.guest.network

    async def ask(self, command: str, seconds: float = 180) -> str:
        """What a command prints."""
        mark = self._count = self._count + 1
        self.guest.console.write(f"echo begin-$(({mark})); {command}; echo end-$(({mark}))\r".encode())
        found = await self.guest.console.expect(rf"(?s)^begin-{mark}\n(.*?)^end-{mark}\n", seconds)
        await self.guest.console.expect(PROMPT, 60)
        return found[1]

    async def until(self, command: str) -> None:
        """Until a command succeeds in the guest. Once is enough: the next time it may come late again."""
        tried = f"n=0; until {command} > /dev/null 2>&1 || [ $n = 200 ]; do usleep 50000; n=$((n + 1)); done"
        assert await self.ask(f"{tried}; [ $n = 200 ] || echo yes", 400) == "yes\n", command

    async def fetched(self, url: str) -> str:
        """The digest of what is there. Its neighbour may be slow to say who it is: then it is asked again."""
        await self.until(f"wget -q -O /tmp/page {url}")
        return await self.ask("md5sum < /tmp/page")

    async def carrier(self, wanted: int) -> None:
        await self.until(f"grep -q {wanted} /sys/class/net/eth0/carrier")


async def start(phone: Handset, spec: NetworkSpec, name: str = "Debian", record: bool = False) -> Debian:
    image = catalogue()["debian"]
    if not image.available:
        pytest.skip(image.missing)
    options = RunOptions(rate="max", ram_mib=192, network=spec, record=record)
    guest = await phone.start(image, name=name, options=options)
    debian = Debian(guest)
    await guest.console.expect("Pocketvisor Debian: ready", BOOT_SECONDS)
    await guest.console.expect(PROMPT, BOOT_SECONDS)
    await debian.ask("killall udhcpc; dmesg -n 1")
    return debian


async def start_user(phone: Handset, **options: object) -> Debian:
    debian = await start(phone, NetworkSpec(mode="user", **options))  # type: ignore[arg-type]
    skip_where_unfit(debian.network.state.sentence)
    await debian.ask("udhcpc -i eth0 -s /etc/dhcp -q -n -t 10 -S")
    return debian


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    """CONTENT by HTTP on this machine's loopback; answers the port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CONTENT) + CONTENT)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def digest_line() -> str:
    return hashlib.md5(CONTENT).hexdigest() + "  -\n"


async def test_two_guests_on_a_switch(phone: Handset, tmp_path: Path) -> None:
    lab = NetworkSpec(mode="switch", switch="lab")
    async with asyncio.TaskGroup() as group:
        starts = [group.create_task(start(phone, lab, name)) for name in ("One", "Two")]
    one, two = (task.result() for task in starts)
    for number, guest in enumerate((one, two), 1):
        await guest.ask(f"ip addr add 10.7.0.{number}/24 dev eth0")
    capture = tmp_path / "one.pcap"
    await one.network.capture(capture)
    await one.until("ping -c 1 -W 1 10.7.0.2")

    # Much data, through segmentation offload, arrives as it was.
    await two.ask("sleep 600 | nc -l -p 5000 > /tmp/got & true")
    await two.until("netstat -ltn | grep -q :5000")
    await one.ask("head -c 5000000 /dev/urandom > /tmp/data; nc 10.7.0.2 5000 < /tmp/data")
    sent = await one.ask("md5sum < /tmp/data")
    await two.until("[ $(wc -c < /tmp/got) = 5000000 ]")
    assert await two.ask("md5sum < /tmp/got") == sent
    average = one.network.state.counters.sent_bytes / max(1, one.network.state.counters.sent_frames)
    assert average > 1514, "its driver leaves segmentation to the card"
    one.network.stop_capture()

    # A radio before it: later, slower, off.
    one.network.set_radio(Radio(delay_ms=100))
    times: list[float] = []
    for _ in range(10):  # an answer may come too late for ping to wait for
        if len(times) < 3:
            times += map(float, re.findall(r"time=([\d.]+)", await one.ask("ping -c 3 10.7.0.2")))
    assert len(times) >= 3 and min(times) > 190
    one.network.set_radio(PRESETS["off"])
    await one.carrier(0)
    one.network.set_radio(PRESETS["none"])
    await one.carrier(1)
    await one.until("ping -c 1 -W 1 10.7.0.2")

    # Elsewhere it hears its neighbour no longer.
    await two.network.attach("switch", "other")
    await two.carrier(1)
    assert "100% packet loss" in await one.ask("ping -c 1 -W 1 10.7.0.2")
    if shutil.which("tcpdump"):
        shown = subprocess.run(
            ["tcpdump", "-n", "-vv", "-r", capture, "icmp or tcp port 5000"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        assert "10.7.0.1 > 10.7.0.2: ICMP echo request" in shown and "cksum" in shown
        assert "incorrect" not in shown, "checksums are those of a cable"


async def test_through_passt_and_back(phone: Handset) -> None:
    with held_port() as port:
        await _through_passt_and_back(phone, port)


async def _through_passt_and_back(phone: Handset, port: int) -> None:
    debian = await start_user(phone, forwards=(Forward("tcp", port, 80),), reach_host=True)
    state = debian.network.state
    assert state.address.address in await debian.ask("ip addr show dev eth0")
    async with served() as server:
        page = f"http://{state.address.gateway}:{server}/"
        assert await debian.fetched(page) == digest_line()

        # This machine reaches the guest by the forwarded port, and sees when its list changes.
        await debian.ask("(echo hello from inside | nc -l -p 80) > /dev/null & true")
        await debian.until("netstat -ltn | grep -q :80")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"who is there?\n")  # passt of Debian 12 ends its handshake with the first bytes
        assert await asyncio.wait_for(reader.readline(), 30) == b"hello from inside\n"
        writer.close()
        await debian.network.forward([])
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)

        # passt dies: the link goes down, the guest goes on, and has it again when it is asked for.
        assert debian.network._passt is not None
        os.kill(debian.network._passt.pid, signal.SIGKILL)
        await debian.carrier(0)
        assert debian.network.state.sentence == "passt was ended by signal 9"
        await debian.network.reconnect()
        await debian.carrier(1)
        await debian.ask("udhcpc -i eth0 -s /etc/dhcp -q -n -t 10 -S")
        assert await debian.fetched(page) == digest_line()

        # So does the network process, wire and all.
        assert debian.network._cable._sidecar is not None
        os.kill(debian.network._cable._sidecar.pid, signal.SIGKILL)
        await debian.carrier(0)
        await debian.network.reconnect()
        await debian.carrier(1)
        await debian.ask("udhcpc -i eth0 -s /etc/dhcp -q -n -t 10 -S")
        assert await debian.fetched(page) == digest_line()


async def test_a_recording_with_traffic_replays_to_the_same_end(phone: Handset) -> None:
    lab = NetworkSpec(mode="switch", switch="lab")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(start(phone, lab, "One", record=True))
        other = group.create_task(start(phone, lab, "Two"))
    one, two = task.result(), other.result()
    await one.ask("ip addr add 10.7.0.1/24 dev eth0")
    await two.ask("ip addr add 10.7.0.2/24 dev eth0")
    await one.until("ping -c 1 -W 1 10.7.0.2")
    await two.ask("sleep 600 | nc -l -p 5000 > /tmp/got & true")
    await two.until("netstat -ltn | grep -q :5000")
    await one.ask("head -c 2000000 /dev/urandom | nc 10.7.0.2 5000")
    one.network.set_radio("off")
    await one.carrier(0)
    recording = await one.guest.recording()
    image = one.guest.image
    for guest in (one.guest, two.guest):
        await phone.remove(guest)
    replay = await phone.start(image, options=RunOptions(replay=recording, rate="max", skip_idle=True))
    async with asyncio.timeout(120):
        stop = await replay.wait_stopped()
    assert (stop.kind, stop.ticks) == ("limit", recording.end.ticks)
    assert await replay.digest() == recording.end.digest


async def test_a_restored_guest_is_on_its_network_again(phone: Handset) -> None:
    lab = NetworkSpec(mode="switch", switch="lab")
    async with asyncio.TaskGroup() as group:
        starts = [group.create_task(start(phone, lab, name)) for name in ("One", "Two")]
    one, two = (task.result() for task in starts)
    for number, guest in enumerate((one, two), 1):
        await guest.ask(f"ip addr add 10.7.0.{number}/24 dev eth0")
    await one.until("ping -c 1 -W 1 10.7.0.2")
    for _ in range(2):
        await one.guest.pause()
        await one.guest.put_back(await one.guest.save())
        await one.guest.resume()
        await one.until("ping -c 1 -W 1 10.7.0.2")
        await two.until("ping -c 1 -W 1 10.7.0.1")
        # Once more, with wires that have been handed to guests which run.
        assert one.network._cable._sidecar is not None
        os.kill(one.network._cable._sidecar.pid, signal.SIGKILL)
        for guest in (one, two):
            await guest.carrier(0)
            await guest.network.reconnect()
            await guest.carrier(1)
