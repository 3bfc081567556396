"""Devices that serve a guest because it knows that it is one: console, random numbers, balloon, sockets."""

import socket
from collections.abc import Callable
from typing import Final

from pocketvisor.board.config import BoardConfig, ConsoleConfig, VsockConfig
from pocketvisor.devices.console_ends import ModemEnd, NoEnd, WireEnd
from pocketvisor.devices.virtio_balloon import PAGE_SIZE, VirtioBalloon
from pocketvisor.devices.virtio_console import MODEM_PORT, Port, VirtioConsole
from pocketvisor.devices.virtio_rng import VirtioRng
from pocketvisor.devices.virtio_vsock import VirtioVsock
from pocketvisor.devices.vsock_channel import VsockChannel

CONSOLE_PORT: Final = "org.pocketvisor.console"
_NS: Final = 1_000_000_000


def console(config: BoardConfig, parts: ConsoleConfig, now_ns: Callable[[], int]) -> VirtioConsole:
    """The modem is a console too: it becomes a tty (hvc1), which software for modems wants. Its clock is the
    guest's."""
    end = WireEnd(parts.wire, True) if parts.wire >= 0 else NoEnd()
    ports = [Port(CONSOLE_PORT, end, True)]
    if parts.modem is not None:
        modem = ModemEnd(
            lambda: config.rtc_epoch + now_ns() / _NS,
            lambda report: device.port.report(report),
            parts.modem.network,
            parts.modem.charge,
        )
        ports.append(Port(MODEM_PORT, modem, True))
    for port in parts.ports:
        channel = WireEnd(port.wire, port.connected) if port.wire >= 0 else NoEnd()
        ports.append(Port(port.name, channel, False))
    device = VirtioConsole(ports)
    return device


def rng(config: BoardConfig) -> VirtioRng:
    """The host's bytes, unless each run must come out the same."""
    return VirtioRng(f"pocketvisor {config.rtc_epoch}".encode() if config.deterministic else None)


def balloon(config: BoardConfig, target: int) -> VirtioBalloon:
    return VirtioBalloon(target, config.ram_size // PAGE_SIZE)


def vsock(config: VsockConfig) -> VirtioVsock:
    wire = socket.socket(fileno=config.wire) if config.wire >= 0 else None
    return VirtioVsock(config.cid, VsockChannel(wire))
