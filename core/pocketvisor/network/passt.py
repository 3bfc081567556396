"""passt, which is a guest's way to the network of this machine's user: no rights, no interface, no daemon.

It runs as a program of its own beside the guest and holds one end of a stream socket. It is ready when it
offers an address; until then, what it says on its standard error is the sentence to show.

Left out: changing a running passt; another list of ports is another passt.
"""

import asyncio
import ipaddress
import os
import shutil
import signal
import socket
import struct
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct

from pocketvisor.errors import NetworkError
from pocketvisor.network.spec import Forward
from pocketvisor.to_the_end import to_the_end

MISSING: Final = "passt is not installed, which leads a guest to this machine's network: apt install passt"
_OFFER_SECONDS: Final = 1.0
_READY_SECONDS: Final = 30.0
_LAST_WORDS_SECONDS: Final = 1.0
_SAID_MAX: Final = 8192
_OFFER_MAX: Final = 2048
_SOCKET_BUFFER: Final = 4 << 20
_PROBE_MAC: Final = b"\x02\0\0\0\0\1"
_PROBE_ADDRESS: Final = ipaddress.IPv6Address("fe80::ff:fe00:1").packed
_ALL_ROUTERS: Final = ipaddress.IPv6Address("ff02::2").packed
_ALL_ROUTERS_MAC: Final = b"\x33\x33\0\0\0\2"
_TRANSACTION: Final = b"PVsr"
_SOLICIT, _ADVERTISED = 133, 134


class UserAddress(Struct, frozen=True):
    """What passt gives the guest, by DHCP."""

    address: str = ""
    gateway: str = ""
    dns: str = ""


class Passt:
    """Made by start(). `on_end` is called with a sentence when it ends by itself."""

    def __init__(self, process: Process, on_end: Callable[["Passt", str], None]) -> None:
        self._process = process
        self._on_end = on_end
        self._said = bytearray()
        self._ended = False
        self._listening = asyncio.create_task(self._listen())
        self._watching: asyncio.Task[None] | None = None
        self.address = UserAddress()

    @classmethod
    async def start(
        cls, forwards: Sequence[Forward], *, reach_host: bool, on_end: Callable[["Passt", str], None]
    ) -> tuple["Passt", socket.socket]:
        """Running, and the stream socket to it. Raises NetworkError with the sentence to show."""
        program = shutil.which("passt")
        if program is None:
            raise NetworkError(MISSING)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with theirs:
                for end in (ours, theirs):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
                process = await asyncio.create_subprocess_exec(
                    program,
                    *arguments(theirs.fileno(), forwards, reach_host=reach_host),
                    pass_fds=[theirs.fileno()],
                    stdin=DEVNULL,
                    stdout=DEVNULL,
                    stderr=PIPE,
                    cwd="/",
                )
            passt = cls(process, on_end)
            try:
                await passt._until_ready(ours)
            except BaseException:
                await passt.stop()
                raise
        except OSError as error:
            ours.close()
            raise NetworkError(f"passt could not be started: {error.strerror or error}") from error
        except BaseException:
            ours.close()
            raise
        passt._watching = asyncio.create_task(passt._watch())
        return passt, ours

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ended(self, seconds: float) -> None:
        """Comes back when it has ended by itself and that is told, or after a while."""
        if self._watching is not None:
            await asyncio.wait([self._watching], timeout=seconds)

    async def stop(self) -> None:
        """Comes back when it is gone; on_end is not called."""
        self._ended = True
        await self._end_process()
        if self._watching is not None:
            self._watching.cancel()
        self._listening.cancel()

    async def _end_process(self) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)  # Process.kill() may take the exit code away
        await to_the_end(asyncio.ensure_future(self._process.wait()))

    async def _until_ready(self, end: socket.socket) -> None:
        """Asks for an address as a guest would, and soon for a router: where that is answered and the first
        question is not, this machine speaks IPv6 alone. Of two answers the first one's comes first, and one
        that says nothing within a while is taken as it is."""
        end.setblocking(False)
        loop = asyncio.get_running_loop()
        with suppress(OSError):  # it has ended already, which is seen below
            await loop.sock_sendall(end, _framed(_discover()))
        offer = asyncio.create_task(_offer(end))
        exit_code = asyncio.create_task(self._process.wait())
        try:
            either = {offer, exit_code}
            await asyncio.wait(either, timeout=_OFFER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not offer.done() and not exit_code.done():
                with suppress(OSError):
                    await loop.sock_sendall(end, _framed(_solicit()))
                await asyncio.wait(either, timeout=_READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if offer.done() and offer.exception() is not None:  # it has closed its end, on its way out
                await asyncio.wait({exit_code}, timeout=_LAST_WORDS_SECONDS)
                await self._end_process()
            if self._process.returncode is not None:
                raise NetworkError(await self._why())
            if offer.done():
                self.address = offer.result()
        finally:
            offer.cancel()
            exit_code.cancel()

    async def _watch(self) -> None:
        await self._process.wait()
        if not self._ended:
            self._ended = True
            self._on_end(self, await self._why())

    async def _why(self) -> str:
        await asyncio.wait([self._listening], timeout=0.5)
        lines = [line.strip() for line in self._said.decode("utf-8", "replace").splitlines()]
        lines = [line for line in lines if line and not line.startswith(("Failed to send", "Don't run as"))]
        code = self._process.returncode or 0
        if code < 0:
            return f"passt was ended by signal {-code}"
        return explained(lines) if lines else f"passt ended with exit code {code}"

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(4096):
            self._said += data
            del self._said[:-_SAID_MAX]


def check_free(forwards: Sequence[Forward]) -> None:
    """Raises NetworkError for a port that could not be taken now."""
    for forward in forwards:
        kind = socket.SOCK_STREAM if forward.protocol == "tcp" else socket.SOCK_DGRAM
        family = socket.AF_INET6 if ":" in forward.address else socket.AF_INET
        try:
            with socket.socket(family, kind) as end:
                if forward.protocol == "tcp":  # what is left of earlier connections is in nobody's way
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                end.bind((forward.address, forward.host_port))
        except OSError as error:
            raise NetworkError(
                f"Port {forward.host_port} of {forward.address} cannot be forwarded: {error.strerror}"
            ) from error


def arguments(fd: int, forwards: Sequence[Forward], *, reach_host: bool) -> list[str]:
    """passt's command line, without its name."""
    given = ["--foreground", "--stderr", "--quiet", "--fd", str(fd)]
    if os.geteuid() == 0:  # it would choose this by itself, but not without a word
        given += ["--runas", "nobody"]
    if not reach_host:
        given.append("--no-map-gw")
    for forward in forwards:
        option = "--tcp-ports" if forward.protocol == "tcp" else "--udp-ports"
        given += [option, f"{forward.address}/{forward.host_port}:{forward.guest_port}"]
    return given


def explained(lines: Sequence[str]) -> str:
    """passt's own words, with what they mean where that is known."""
    for line in lines:
        if line.startswith("Failed to bind"):
            given = line.partition("'")[2].partition("'")[0].partition(" ")[2]
            address, _, ports = given.rpartition("/")
            return (
                f"Port {ports.partition(':')[0]} of {address} cannot be forwarded: "
                "something else has it, or it is not this user's to take"
            )
        if "No external routable interface" in line or "External interface not usable" in line:
            return "This machine has no network that passt could lead a guest to"
        if "sandbox" in line or "namespace" in line or "Couldn't drop cap" in line:
            return f"passt may not shut itself in here, as in some containers: {line}"
    return f"passt ended: {lines[-1][:300]}"


def _framed(frame: bytes) -> bytes:
    return struct.pack(">I", len(frame)) + frame


def _discover() -> bytes:
    """DHCPDISCOVER (RFC 2131) in UDP, IPv4 and Ethernet."""
    bootp = struct.pack(">BBBB4sHH16s16s", 1, 1, 6, 0, _TRANSACTION, 0, 0x8000, bytes(16), _PROBE_MAC)
    bootp += bytes(192) + b"\x63\x82\x53\x63" + b"\x35\x01\x01" + b"\x37\x03\x01\x03\x06" + b"\xff"
    udp = struct.pack(">HHHH", 68, 67, 8 + len(bootp), 0) + bootp
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    total = sum(struct.unpack(">10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    head = head[:10] + struct.pack(">H", ~total & 0xFFFF) + head[12:]
    return b"\xff" * 6 + _PROBE_MAC + b"\x08\x00" + head + udp


def _solicit() -> bytes:
    """A router solicitation (RFC 4861) in IPv6 and Ethernet."""
    asked = struct.pack(">BBHI", _SOLICIT, 0, 0, 0)
    covered = _PROBE_ADDRESS + _ALL_ROUTERS + struct.pack(">II", len(asked), 58) + asked
    total = sum(struct.unpack(f">{len(covered) // 2}H", covered))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    asked = asked[:2] + struct.pack(">H", ~total & 0xFFFF) + asked[4:]
    head = struct.pack(">IHBB", 6 << 28, len(asked), 58, 255) + _PROBE_ADDRESS + _ALL_ROUTERS
    return _ALL_ROUTERS_MAC + _PROBE_MAC + b"\x86\xdd" + head + asked


async def _offer(end: socket.socket) -> UserAddress:
    """Reads frames until there is one, or a router's word. Nothing but passt is at the other end, and it says
    nothing unasked that is of use to a guest which has not begun."""
    loop = asyncio.get_running_loop()
    received = bytearray()
    found: UserAddress | None = None
    while found is None or received:  # what comes next on the stream begins with a whole frame
        data = await loop.sock_recv(end, 4096)
        if not data:
            raise OSError("it closed the connection")
        received += data
        while len(received) >= 4 and len(received) >= 4 + int.from_bytes(received[:4], "big"):
            size = int.from_bytes(received[:4], "big")
            frame = bytes(received[4 : 4 + size])
            del received[: 4 + size]
            if len(frame) <= _OFFER_MAX and frame[46:50] == _TRANSACTION and frame[23:24] == b"\x11":
                found = _read_offer(frame)
            elif (
                frame[12:14] == b"\x86\xdd"
                and frame[20:21] == b"\x3a"
                and frame[54:55] == bytes((_ADVERTISED,))
            ):
                found = found or UserAddress()
    return found


def _read_offer(frame: bytes) -> UserAddress:
    options = {}
    at = 14 + 20 + 8 + 240
    while at + 1 < len(frame) and frame[at] != 255:
        if frame[at] == 0:
            at += 1
            continue
        options[frame[at]] = frame[at + 2 : at + 2 + frame[at + 1]]
        at += 2 + frame[at + 1]
    return UserAddress(_address(frame[58:62]), _address(options.get(3, b"")), _address(options.get(6, b"")))


def _address(data: bytes) -> str:
    return str(ipaddress.IPv4Address(data[:4])) if len(data) >= 4 else ""
