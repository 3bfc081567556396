"""The handset's side of a guest's virtio console: hvc0 as a console, the modem, the clipboard's channel, and
channels that lead to Unix sockets of the user's (`--port NAME=unix:PATH`), one client at a time.

A channel's client waits where its guest does not read, and the guest where its client does not; hvc0 is read
whatever comes, as a serial console is.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec import structs

from pocketvisor.board.config import ConsoleConfig, DevicesConfig, PortConfig
from pocketvisor.devices.virtio_console import Connected
from pocketvisor.errors import GuestError
from pocketvisor.guest import unix_server
from pocketvisor.guest.clipboard import GuestClipboard
from pocketvisor.guest.clipboard_wire import PORT as CLIPBOARD
from pocketvisor.guest.console import Console
from pocketvisor.guest.modem import Modem, modem_config
from pocketvisor.guest.options import LIVE_STATES, GuestState
from pocketvisor.guest.port_spec import PortSpec
from pocketvisor.policies.act import Act

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.guest.peripherals import Peripherals

_PIECE: Final = 64 << 10
_TYPED_MAX: Final = 64 << 10
_TURN: Final = 4 * _PIECE
_WAITING_MAX: Final = 1 << 20  # more than a socket holds
_REST_SECONDS: Final = 0.02


class _Wire:
    """A stream socket pair: our end, and the one that the guest's process inherits."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


def _pieces(end: socket.socket, most: int) -> list[bytes]:
    """What waits there, up to about so much: who goes on writing meanwhile holds nobody up."""
    pieces: list[bytes] = []
    size = 0
    with suppress(OSError):
        while size < most and (data := end.recv(_PIECE)):
            pieces.append(data)
            size += len(data)
    return pieces


class _Hvc:
    """hvc0: what it prints goes to a Console, what is typed there waits until the guest reads it."""

    def __init__(self) -> None:
        self.console = Console(self._type)
        self._wire: _Wire | None = None
        self._typed = bytearray()
        self._rest: asyncio.TimerHandle | None = None

    def begin(self) -> int:
        self.end()
        self._wire = _Wire()
        self.console.begun()
        asyncio.get_running_loop().add_reader(self._wire.ours, self._readable)
        return self._wire.theirs.fileno()

    def end(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if self._wire is not None:
            self._read(_WAITING_MAX)
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._wire.ours)
            loop.remove_writer(self._wire.ours)
            self._wire.close()
            self._wire = None
            self._typed.clear()

    def _readable(self) -> None:
        """One that never stops printing is read so fast and no faster: its loop is others' as well."""
        assert self._wire is not None
        if self._read(_TURN) >= _TURN:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._wire.ours)
            self._rest = loop.call_later(_REST_SECONDS, self._read_on)

    def _read_on(self) -> None:
        self._rest = None
        if self._wire is not None:
            asyncio.get_running_loop().add_reader(self._wire.ours, self._readable)

    def _read(self, most: int) -> int:
        assert self._wire is not None
        pieces = _pieces(self._wire.ours, most)
        if pieces:
            self.console.received(b"".join(pieces))
        return sum(map(len, pieces))

    def _type(self, data: bytes) -> None:
        if self._wire is not None:
            self._typed += data[: _TYPED_MAX - len(self._typed)]
            self._writable()

    def _writable(self) -> None:
        assert self._wire is not None
        loop = asyncio.get_running_loop()
        try:
            del self._typed[: self._wire.ours.send(self._typed)]
        except BlockingIOError:
            pass  # it waits
        except OSError:
            self._typed.clear()
        if self._typed:
            loop.add_writer(self._wire.ours, self._writable)
        else:
            loop.remove_writer(self._wire.ours)


class _Channel:
    """A named channel, and whoever is connected to its socket."""

    def __init__(self, spec: PortSpec, tell: Callable[[Connected], None]) -> None:
        """Raises GuestError where the socket cannot be had."""
        self.spec = spec
        self._tell = tell
        self._listener = unix_server.listen(spec.path)
        self._wire: _Wire | None = None
        self._relay: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        """Relays of runs that are over. The loop may still look at what they wait for."""
        self._shut = False
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def begin(self) -> PortConfig:
        self.end()
        self._wire = _Wire()
        return PortConfig(name=self.spec.name, wire=self._wire.theirs.fileno(), connected=False)

    @property
    def descriptor(self) -> int:
        assert self._wire is not None
        return self._wire.theirs.fileno()

    def announce(self) -> None:
        """To a guest that goes on: whether somebody is there."""
        self._tell(Connected(self.spec.name, self._relay is not None))

    def set_shut(self, shut: bool) -> None:
        """Nobody gets in, and whoever is there goes."""
        self._shut = shut
        if shut and self._relay is not None:
            self._relay.cancel()

    def end(self) -> None:
        """Its client goes with the run."""
        wire, self._wire = self._wire, None
        if self._relay is not None:
            self._relay.cancel()
            self._ending.add(self._relay)
            self._relay.add_done_callback(self._ending.discard)
            self._relay = None
            if wire is not None:
                wire.theirs.close()  # ours is the relay's: a number given away too early is somebody else's
        elif wire is not None:
            wire.close()

    async def ended(self) -> None:
        if self._ending:
            await asyncio.wait(self._ending)

    def close(self) -> None:
        self.end()
        asyncio.get_running_loop().remove_reader(self._listener)
        unix_server.stop(self._listener, self.spec.path)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        if self._wire is None or self._relay is not None or self._shut:
            client.close()
            return
        client.setblocking(False)
        _pieces(self._wire.ours, _WAITING_MAX)  # what the guest said to whoever was there before
        relay = self._relay = asyncio.create_task(self._serve(client, self._wire.ours))
        relay.add_done_callback(partial(self._over, client, self._wire))
        self._tell(Connected(self.spec.name, True))

    def _over(self, client: socket.socket, wire: _Wire, relay: asyncio.Task[None]) -> None:
        """Also of a relay that was given up before it began."""
        client.close()
        if self._wire is not wire:
            wire.close()
        if self._relay is relay:
            self._relay = None
            self._tell(Connected(self.spec.name, False))

    async def _serve(self, client: socket.socket, wire: socket.socket) -> None:
        loop = asyncio.get_running_loop()

        async def pump(source: socket.socket, sink: socket.socket) -> None:
            with suppress(OSError):
                while data := await loop.sock_recv(source, _PIECE):
                    await loop.sock_sendall(sink, data)

        pumps = [asyncio.create_task(pump(client, wire)), asyncio.create_task(pump(wire, client))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in pumps:
                task.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)


class Ports:
    """The peripheral: see guest/peripherals.py."""

    def __init__(
        self, guest: "Guest", specs: Sequence[PortSpec], *, modem: bool, clipboard: bool, replay: bool
    ) -> None:
        """Raises GuestError where a socket cannot be had."""
        if any(spec.name == CLIPBOARD for spec in specs):
            raise GuestError(f"The channel {CLIPBOARD} is the clipboard's: no socket leads to it")
        self._guest = guest
        self._replay = replay
        origin = guest.options.origin
        self._saved = origin.record.board.devices.console if origin is not None else None
        self._hvc = _Hvc()
        self._fds: list[int] = []
        self._channels: list[_Channel] = []
        self.console = self._hvc.console
        self.console.guard = lambda: guest.check(Act.CONSOLE)  # also for who has it in hand already
        self.modem = Modem(guest) if modem else None
        self.clipboard = GuestClipboard(guest) if clipboard else None
        self._unsubscribe = [guest.on("device", self._heard), guest.on("state", self._state_changed)]
        if self.modem is not None:
            for event in ("signal", "battery"):
                self._unsubscribe.append(guest.on_phone(event, lambda _: self._state_changed()))
        try:
            for spec in specs:
                self._channels.append(_Channel(spec, lambda message: guest.tell("console", message)))
        except BaseException:
            self._close()
            raise

    @property
    def descriptors(self) -> Sequence[int]:
        return self._fds

    def configure(self, devices: DevicesConfig) -> DevicesConfig:
        """A replay has the same ports, and nobody at them."""
        if self._replay:
            return devices
        hvc = self._hvc.begin()
        ports = tuple(channel.begin() for channel in self._channels)
        if self._saved is not None:  # its channels are there, and nobody at their ends
            ports = tuple(port for port in self._saved.ports if port.name != CLIPBOARD)
        if self.clipboard is not None:  # the last: the user's own have the numbers that they would without it
            ports = (*ports, self.clipboard.begin())
        self._fds = [hvc, *(port.wire for port in ports if port.wire >= 0)]
        modem = modem_config(self._guest.handset.phone.state) if self.modem is not None else None
        return structs.replace(devices, console=ConsoleConfig(wire=hvc, modem=modem, ports=ports))

    def set_shut(self, shut: bool) -> None:
        """The console and the channels of its user's programs; what serves the guest itself stays."""
        self.console.set_shut(shut)
        for channel in self._channels:
            channel.set_shut(shut)

    def ended(self) -> None:
        self._hvc.end()
        for channel in self._channels:
            channel.end()
        if self.clipboard is not None:
            self.clipboard.end()
        self._fds = []
        if self.modem is not None:
            self.modem.ended()

    async def close(self) -> None:
        self.ended()
        self._close()
        for channel in self._channels:
            await channel.ended()

    def _close(self) -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        for channel in self._channels:
            channel.close()

    def _heard(self, device: str, data: bytes) -> None:
        if device == "console" and self.modem is not None:
            self.modem.heard(data)

    def _state_changed(self) -> None:
        if self.clipboard is not None and self._guest.state not in LIVE_STATES:
            self.clipboard.give_up()
        if self._guest.state in (GuestState.RUNNING, GuestState.PAUSED) and not self._replay:
            if self.modem is not None:
                self.modem.begun()
            for channel in self._channels:
                channel.announce()


async def open_ports(guest: "Guest", _: Callable[[str], None]) -> Ports | None:
    parts = guest.options.parts_of(guest.image)
    if parts.console is None:
        return None
    return Ports(
        guest,
        guest.options.ports,
        modem=parts.console.modem is not None,
        clipboard=any(port.name == CLIPBOARD for port in parts.console.ports),
        replay=guest.options.replay is not None,
    )


def of(guest: "Guest", peripherals: "Peripherals | None") -> Ports:
    """Raises GuestError where it has no virtio console."""
    ports = peripherals.find(Ports) if peripherals is not None else None
    if ports is None:
        raise GuestError(f"{guest.name} has no virtio console")
    return ports


def modem_of(guest: "Guest", peripherals: "Peripherals | None") -> Modem:
    """Raises GuestError where it has none."""
    ports = peripherals.find(Ports) if peripherals is not None else None
    if ports is None or ports.modem is None:
        raise GuestError(f"{guest.name} has no modem: it is no phone, and none was asked for")
    return ports.modem


def clipboard_of(guest: "Guest", peripherals: "Peripherals | None") -> GuestClipboard:
    """Raises GuestError where it has none."""
    ports = peripherals.find(Ports) if peripherals is not None else None
    if ports is None or ports.clipboard is None:
        raise GuestError(f"{guest.name} has no clipboard: start it with --part clipboard")
    return ports.clipboard
