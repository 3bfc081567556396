"""A board with everything on it, in this process, and the host's ends of its wires."""

import contextlib
import os
import socket
import time
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Final

from campaign_storm import Storm

from pocketvisor.board import map as board_map
from pocketvisor.board.board import Board
from pocketvisor.board.config import (
    BoardConfig,
    ConsoleConfig,
    Descriptors,
    DevicesConfig,
    DiskConfig,
    FwCfgConfig,
    ModemConfig,
    NetworkConfig,
    PanelConfig,
    PortConfig,
    VsockConfig,
)
from pocketvisor.devices.device import Device, Port
from pocketvisor.devices.phone_state import PhoneState
from pocketvisor.devices.user_device import describe
from pocketvisor.devices.virtio import VirtioSlot
from pocketvisor.guest.memory import create_memfd, map_shared
from pocketvisor.storage import overlay

RAM_SIZE: Final = 2 << 20
RAM_END: Final = board_map.RAM_BASE + RAM_SIZE
_DISK: Final = 1 << 20
_SECONDS: Final = 30.0
_PANEL: Final = PanelConfig(128, 128)
_USER_DEVICES: Final = files("pocketvisor.resources") / "devices"


class _Board(Board):
    """Knows where its devices in Python are."""

    def __init__(self, config: BoardConfig, *, sync: bool) -> None:
        self.parts: dict[str, board_map.Part] = {}
        super().__init__(config, sync=sync)

    def add_device(self, part: board_map.Part, make: Callable[[Port], Device[Any]]) -> int:
        index = super().add_device(part, make)
        self.parts[list(self._devices)[-1]] = part
        return index


class EquippedBoard:
    """`wires` are the host's ends: whoever is there reads and sends nothing of sense."""

    def __init__(self, *, display: str, legacy: bool, sync: bool = True) -> None:
        self.wires: dict[str, socket.socket] = {}
        ram_fd = create_memfd("ram", RAM_SIZE)
        self.ram = memoryview(map_shared(ram_fd, RAM_SIZE))
        content = create_memfd("kernel", 8192)
        devices = DevicesConfig(
            display=display,  # type: ignore[arg-type]
            disks=(
                DiskConfig(base=self._disk(), base_size=_DISK, overlay=self._empty(), size=_DISK, serial="a"),
                DiskConfig(base=self._disk(), base_size=_DISK, size=_DISK),
                DiskConfig(base=self._disk(), base_size=_DISK, direct=True, size=_DISK),
                DiskConfig(overlay=self._empty(), size=_DISK, temporary=True),
            ),
            media=DiskConfig(base=self._disk(), base_size=_DISK, size=_DISK),
            network=NetworkConfig(wire=self._wire("network", socket.SOCK_SEQPACKET), mtu=1500),
            console=ConsoleConfig(
                wire=self._wire("console", socket.SOCK_STREAM),
                modem=ModemConfig(),
                ports=(
                    PortConfig(name="one", wire=self._wire("one", socket.SOCK_STREAM), connected=True),
                    PortConfig(name="two"),
                ),
            ),
            rng=True,
            balloon=16,
            vsock=VsockConfig(cid=5, wire=self._wire("vsock", socket.SOCK_SEQPACKET)),
            phone=PhoneState(),
            user=tuple(
                describe(path.read_text())
                for path in sorted(_USER_DEVICES.iterdir(), key=str)
                if path.name.endswith(".py")
            ),
            flash=create_memfd("variables", board_map.FLASH_BANK_SIZE),
            legacy=legacy,
        )
        self.config = BoardConfig(
            ram_size=RAM_SIZE,
            panel=_PANEL,
            tick_ps=1_000,
            keys=("power", "volume-up", "home"),
            deterministic=True,
            skip_idle=True,
            devices=devices,
            fw_cfg=FwCfgConfig(content=content, kernel_size=4096, initrd_size=4096, append="quiet"),
            descriptors=Descriptors(
                ram=ram_fd,
                framebuffer=create_memfd("panel", _PANEL.size),
                frame_event=os.eventfd(0, os.EFD_NONBLOCK),
                scanout=create_memfd("scanout", 16 << 20),
                status=create_memfd("status", 4096),
                flash=(
                    create_memfd("firmware", board_map.FLASH_BANK_SIZE),
                    create_memfd("variables", board_map.FLASH_BANK_SIZE),
                ),
            ),
        )
        self.board = _Board(self.config, sync=sync)
        self.board.add_user_devices(devices.user)
        self.machine = self.board.machine
        self.machine.set_rate(0)
        self.storm = Storm(self.machine, self.ram)

    @property
    def slots(self) -> dict[int, VirtioSlot]:
        return self.board._slots

    @property
    def bus_devices(self) -> dict[str, tuple[int, int]]:
        """(base, size) of what is not virtio: in C, then in Python."""
        c_parts = {name: board_map.PARTS[name] for name in ("gic distributor", "gic cpu interface", "pl011")}
        found = {name: (part.base, part.size) for name, part in (c_parts | self.board.parts).items()}
        flash = self.board.parts["flash"]
        found["flash"] = (flash.base, 0x40000)  # the rest of it is the same
        return found

    def pump(self) -> None:
        """Serve what the guest has kicked and the host has sent, and let the answers in."""
        board = self.board
        for _ in range(50):
            board.serve_doorbells()
            self.storm.settle()
            if not board.unserved:
                break
        loop = board.loop
        ready = [fd for fd, _ in loop._epoll.poll(0)]
        with board._lock:
            loop._serve(ready)
        for wire in self.wires.values():
            with contextlib.suppress(BlockingIOError, ConnectionError):
                while wire.recv(65536):
                    pass
        self.machine.take_console(0)
        board.take_reports()
        self.storm.settle()

    def pump_until(self, done: Callable[[], bool]) -> None:
        """Or not at all: what waits for a moment of the host's time, or for the devices' own thread, may have
        to wait for long."""
        end = time.monotonic() + _SECONDS
        self.pump()
        while not done() and time.monotonic() < end:
            self.pump()

    def send(self, name: str, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            self.wires[name].send(data)

    def _wire(self, name: str, kind: int) -> int:
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK)
        self.wires[name] = ours
        return theirs.detach()

    def _disk(self) -> int:
        fd = os.memfd_create("disk")
        os.ftruncate(fd, _DISK)
        os.pwrite(fd, bytes(range(256)) * 16, 0)
        return fd

    def _empty(self) -> int:
        fd = os.memfd_create("overlay")
        overlay.create(fd, _DISK)
        return fd
