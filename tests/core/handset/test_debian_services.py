"""Debian's own drivers use what serves a guest that knows of it: consoles, modem, channels, random numbers,
balloon, sockets and clipboard. All of it comes again from a recording, and goes on after a restore.
"""

import asyncio
import contextlib
import hashlib
import os
import random
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from kept_debian import BOOT_SECONDS, PARTS, PROMPT, WITH_CLIPBOARD, Booted, debian_image
from platformdirs import user_data_path

from pocketvisor.api import Guest, GuestError, GuestImage, Handset, RunOptions, catalogue
from pocketvisor.guest.modem import PhoneCall, SentMessage
from pocketvisor.guest.port_spec import PortSpec

pytestmark = pytest.mark.debian

OPEN_MODEM = "exec 5<>/dev/hvc1; stty -F /dev/hvc1 raw -echo; cat <&5 > /tmp/modem & true"


@pytest.fixture
def image(tmp_path: Path) -> GuestImage:
    return debian_image(tmp_path)


class Debian:
    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self._count = 0

    async def ask(self, command: str) -> str:
        """What a command prints."""
        mark = self._count = self._count + 1
        self.guest.console.write(f"echo begin-$(({mark})); {command}; echo end-$(({mark}))\r".encode())
        found = await self.guest.console.expect(rf"(?s)^begin-{mark}\n(.*?)^end-{mark}\n", 120)
        await self.guest.console.expect(PROMPT, 60)
        return found[1]

    async def until(self, command: str) -> None:
        """Until a command succeeds in the guest."""
        await self.ask(f"n=0; until {command} || [ $n = 1000 ]; do usleep 50000; n=$((n + 1)); done")
        assert await self.ask(f"{command} && echo yes") == "yes\n", command

    async def at(self, line: str, *texts: str) -> None:
        """Says something to the modem, and waits until it has answered."""
        typed = "".join(f"; printf '{text}\\032' >&5" for text in texts)
        await self.ask(f": > /tmp/modem; printf '{line}\\r' >&5{typed}")
        await self.until("grep -q '^OK' /tmp/modem")


Start = Callable[..., Awaitable[Debian]]


@pytest.fixture
def start(phone: Handset, booted: Booted) -> Start:
    """One that has booted already."""

    async def start(**options: Any) -> Debian:
        return Debian(await booted.start(phone, **options))

    return start


async def eventually(promise: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not promise():
            await asyncio.sleep(0.02)


async def test_console_and_random_numbers(start: Start) -> None:
    debian = await start()
    await debian.ask("echo hello from hvc0 > /dev/hvc0")
    await debian.guest.hvc.expect("hello from hvc0", 60)
    await debian.ask("(head -n 1 /dev/hvc0 > /tmp/typed) & stty -F /dev/hvc0 -echo")
    debian.guest.hvc.write(b"typed on the host\r")
    await debian.until("grep -q 'typed on the host' /tmp/typed")
    await debian.until("grep -q virtio_rng /sys/class/misc/hw_random/rng_current")
    numbers = await debian.ask("for n in 1 2; do head -c 32 /dev/hwrng | sha256sum; done")
    first, second = numbers.splitlines()
    assert first != second


async def test_messages_and_calls(start: Start) -> None:
    debian = await start()
    modem, events = debian.guest.modem, list[str]()
    debian.guest.on("event", events.append)
    with pytest.raises(GuestError):
        modem.hang_up()
    await debian.ask(OPEN_MODEM)
    await debian.at("AT+CNMI=2,1;+CMGF=1;+CLIP=1;+CSQ")
    assert "+CSQ: 21,99" in await debian.ask("cat /tmp/modem")
    modem.receive_sms("+49151", "Hello, Debian")
    await debian.until("grep -q CMTI /tmp/modem")
    await debian.at("AT+CMGR=1")
    assert "Hello, Debian" in await debian.ask("cat /tmp/modem")
    await debian.at('AT+CMGS="+49151"', "Hello, world")
    await eventually(lambda: modem.sent == [SentMessage("+49151", "Hello, world")])

    modem.call("+4930")
    assert modem.current == PhoneCall("+4930", "ringing", False)
    await debian.until("grep -q +CLIP /tmp/modem")
    await debian.at("ATA")
    await eventually(lambda: modem.current == PhoneCall("+4930", "active", False))
    modem.hang_up()
    await debian.until("grep -q 'NO CARRIER' /tmp/modem")
    await debian.at("ATD12345;")
    await eventually(lambda: modem.current == PhoneCall("12345", "dialled", True))
    modem.answer()
    await eventually(lambda: modem.current == PhoneCall("12345", "active", True))
    await debian.at("ATH")
    await eventually(lambda: modem.current is None)
    assert f"{debian.guest.name}: sends +49151 a message: 'Hello, world'" in events
    assert f"{debian.guest.name}: ends the call with 12345" in events


async def test_the_modem_hears_the_handset(start: Start, phone: Handset) -> None:
    debian = await start()
    await debian.ask(OPEN_MODEM)
    phone.phone.set_battery(33, plugged=True)
    await debian.at("AT+CREG=1;+CBC")
    assert "+CBC: 1,33" in await debian.ask("cat /tmp/modem")
    phone.phone.set_signal(radio="none")
    await debian.until("grep -q '+CREG: 2' /tmp/modem")


async def test_a_channel(phone: Handset, image: GuestImage, tmp_path: Path) -> None:
    """From the cold boot on: who goes on from a profile has nobody at its channels' ends."""
    path = tmp_path / "socket"
    options = RunOptions(rate="max", parts=PARTS, ports=(PortSpec("com.example", path),))
    guest = await phone.start(image, options=options)
    await guest.console.expect(PROMPT, BOOT_SECONDS)
    debian = Debian(guest)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    reader, writer = await asyncio.open_unix_connection(path)
    await debian.ask("exec 6<>/dev/vport2p2")
    await debian.ask("(for n in 1 2 3; do read line; echo got $line; done) <&6 >&6 & true")
    for number in range(3):
        writer.write(b"line %d\n" % number)
        assert await asyncio.wait_for(reader.readline(), 60) == b"got line %d\n" % number

    data = random.Random(1).randbytes(3 << 20)
    await debian.ask(f"(head -c {len(data)} <&6 > /tmp/data; cat /tmp/data >&6) & true")
    writer.write(data)
    async with asyncio.timeout(60):
        await writer.drain()
        assert await reader.readexactly(len(data)) == data
    await close(writer)
    await phone.remove(guest)
    assert not path.exists()


async def test_balloon(start: Start) -> None:
    debian = await start()
    balloon, guest = debian.guest.balloon, debian.guest
    await debian.ask(
        "dd if=/dev/urandom of=/tmp/file bs=1M count=90 2> /dev/null; sha256sum /tmp/file > /tmp/sum"
    )
    await debian.ask("dd if=/dev/zero of=/tmp/gone bs=1M count=90 2> /dev/null; rm /tmp/gone")
    assert guest.counters().ram_bytes > 150 << 20
    balloon.set(120)
    await eventually(lambda: balloon.actual_mib == 120)
    assert guest.counters().ram_bytes <= (256 - 120) << 20, "what is in there takes no memory of the host's"
    changes = 0

    def changed() -> None:
        nonlocal changes
        changes += 1

    stop = balloon.watch(changed)
    await eventually(lambda: balloon.statistics.get("free", 1 << 40) < 60 << 20)
    assert balloon.statistics["total"] > 200 << 20
    stop()
    balloon.set(0)
    await eventually(lambda: balloon.actual_mib == 0)
    assert "OK" in await debian.ask("sha256sum -c /tmp/sum")
    with pytest.raises(GuestError):
        balloon.set(4096)


async def test_free_memory_goes_back_to_the_host(start: Start) -> None:
    debian = await start()
    await debian.ask("dd if=/dev/zero of=/tmp/gone bs=1M count=110 2> /dev/null")
    assert debian.guest.counters().ram_bytes > 120 << 20
    await debian.ask("rm /tmp/gone")  # by itself this kernel reports blocks of 8 MiB, while 256 MiB are free
    await debian.ask("echo 6 > /sys/module/page_reporting/parameters/page_reporting_order")
    await eventually(lambda: debian.guest.counters().ram_bytes < 70 << 20)


@contextlib.asynccontextmanager
async def counting_server(path: Path) -> AsyncIterator[None]:
    """Answers what it gets with its length and SHA-256, when all has come."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read(-1)
        writer.write(f"{len(data)} {hashlib.sha256(data).hexdigest()}\n".encode())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(serve, path)
    yield
    server.close()
    await server.wait_closed()


def counted(data: bytes) -> str:
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}\n"


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def test_sockets(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "vsock"
    debian = await start(vsock=folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    size = 5 << 20
    async with counting_server(folder / "vsock_52"):
        assert await debian.ask("printf hello | vsock_pipe 52") == counted(b"hello")
        assert await debian.ask("vsock_pipe 53 < /dev/null") == "connect failed\n"
        answer = await debian.ask(f"head -c {size} /dev/zero | tr '\\0' a | vsock_pipe 52")
    assert answer == counted(b"a" * size)

    await debian.ask("vsock_pipe 1234 listen & true")
    data = random.Random(2).randbytes(2 << 20)
    for _ in range(2):
        reader, writer = await _connected(folder, 1234)
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(60):
            assert await reader.read(-1) == data
        await close(writer)
    reader, writer = await asyncio.open_unix_connection(folder / "vsock")
    writer.write(b"CONNECT 99\n")
    assert await asyncio.wait_for(reader.read(), 60) == b""
    await close(writer)
    await debian.guest.handset.remove(debian.guest)
    assert not (folder / "vsock").exists()


async def _connected(folder: Path, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To a port that the guest's program is about to listen at: refused until it does."""
    async with asyncio.timeout(60):
        while True:
            reader, writer = await asyncio.open_unix_connection(folder / "vsock")
            writer.write(f"CONNECT {port}\n".encode())
            if (await reader.readline()).startswith(b"OK "):
                return reader, writer
            await close(writer)


async def test_a_recording_of_it_all_comes_again(phone: Handset, image: GuestImage, tmp_path: Path) -> None:
    """From the cold boot on."""
    port, folder = tmp_path / "socket", tmp_path / "vsock"
    options = RunOptions(
        rate="max", parts=PARTS, record=True, ports=(PortSpec("com.example", port),), vsock=folder
    )
    guest = await phone.start(image, options=options)
    await guest.console.expect(PROMPT, BOOT_SECONDS)
    debian = Debian(guest)
    await debian.ask(OPEN_MODEM)
    guest.modem.receive_sms("+1", "recorded")
    await debian.at("AT+CMGL=4")
    async with counting_server(folder / "vsock_52"):
        await debian.ask("head -c 5000 /dev/hwrng | sha256sum; head -c 100000 /dev/zero | vsock_pipe 52")
    _, writer = await asyncio.open_unix_connection(port)
    writer.write(b"x" * 100_000)
    await debian.ask("head -c 100000 /dev/vport2p2 | md5sum")
    guest.balloon.set(64)
    await eventually(lambda: guest.balloon.actual_mib == 64)
    guest.balloon.set(16)
    await eventually(lambda: guest.balloon.actual_mib == 16)
    if catalogue()["debian"].recipe < WITH_CLIPBOARD:
        await debian.ask("(clipboard serve > /tmp/log 2>&1 &)")
    await eventually(lambda: guest.clipboard.available)
    phone.clipboard.put("from the phone")
    await debian.ask("clipboard paste > /tmp/pasted; echo copied here | clipboard copy")
    await eventually(lambda: phone.clipboard.text == "copied here\n")
    await debian.ask("cat /tmp/modem /tmp/pasted; free")
    recording = await guest.recording()
    text = guest.console.text
    await close(writer)
    await phone.remove(guest)
    phone.clipboard.clear()
    replay = await phone.start(image, options=RunOptions(replay=recording, rate="max", skip_idle=True))
    async with asyncio.timeout(BOOT_SECONDS):
        stop = await replay.wait_stopped()
    assert (stop.kind, stop.ticks) == ("limit", recording.end.ticks)
    assert await replay.digest() == recording.end.digest
    assert replay.console.text == text
    assert phone.clipboard.text == "", "what was copied then is not copied now"


async def test_restored_it_goes_on(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "vsock"
    debian = await start(vsock=folder)
    guest = debian.guest
    await debian.ask(OPEN_MODEM)
    guest.modem.receive_sms("+1", "before")
    guest.balloon.set(32)
    await eventually(lambda: guest.balloon.actual_mib == 32)
    await debian.ask("vsock_pipe 1234 listen & true")
    reader, writer = await _connected(folder, 1234)
    await guest.pause()
    await guest.put_back(await guest.save())
    await guest.resume()
    assert await asyncio.wait_for(reader.read(), 60) == b"", "connections do not outlive it"
    await close(writer)
    await debian.at("AT+CMGF=1;+CMGR=1")
    assert "before" in await debian.ask("cat /tmp/modem")
    async with counting_server(folder / "vsock_52"):
        assert await debian.ask("printf again | vsock_pipe 52") == counted(b"again")
    guest.balloon.set(0)
    await eventually(lambda: guest.balloon.actual_mib == 0)
    assert len((await debian.ask("head -c 8 /dev/hwrng | md5sum")).split()[0]) == 32
    await debian.ask("echo still here > /dev/hvc0")
    await guest.hvc.expect("still here", 60)


async def test_two_deterministic_runs_with_them_end_alike(
    pocketvisor: Callable[..., Any], image: GuestImage, tmp_path: Path
) -> None:
    arguments = ["run", "debian", "--headless", "--deterministic", "--rate", "max", "--digest"]
    arguments += [argument for part in PARTS for argument in ("--part", part)]
    arguments += ["--port", f"com.example=unix:{tmp_path / 'port'}", "--vsock", str(tmp_path / "vsock")]
    arguments += [
        "--type",
        "echo $((6*7)); head -c 1000 /dev/hwrng | md5sum; exec 5<>/dev/hvc1; stty -F /dev/hvc1 raw -echo",
    ]
    arguments += [
        "--type",
        "printf 'AT+CCLK?\\r' >&5; head -n 2 <&5",
        "--until",
        "^.CCLK.*",
        "--timeout",
        "120",
    ]
    data_home = os.fspath(user_data_path())
    first = await pocketvisor(*arguments, seconds=180, XDG_DATA_HOME=data_home)
    second = await pocketvisor(*arguments, seconds=180, XDG_DATA_HOME=data_home)
    assert (first.code, first.err) == (0, "")
    assert first.out == second.out
    assert "\n42\n" in first.out


async def test_a_guest_without_them_has_none(phone: Handset) -> None:
    guest = await phone.start(catalogue()["template"], options=RunOptions(paused=True))
    for name in ("modem", "hvc", "balloon"):
        with pytest.raises(GuestError):
            getattr(guest, name)
