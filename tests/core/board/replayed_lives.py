"""Lives of a guest on boards of this process: one that is recorded, with moments to go back to, and replays
and branches that begin at one of them."""

import contextlib
import os
import random
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from pocketvisor.board.board import Board
from pocketvisor.board.config import BoardConfig, Descriptors, DiskConfig, Entry
from pocketvisor.board.map import FLASH_BANK_SIZE
from pocketvisor.guest.memory import create_memfd
from pocketvisor.guest.ram import Ram
from pocketvisor.storage.files import data_pieces
from pocketvisor.storage.overlay import HEADER_SIZE, OverlayStore, create

STEP = 2_000_000
PROMPT = b"# \x1b[6n"
_SCANOUT = 4 << 20
_PC64 = 320  # in the engine's CPU state: the program counter of 64-bit code, which is whatever was left there


class Moment(NamedTuple):
    """All of a guest at one place of its life. `logged`: how much of the log was before it; `content`: its
    disk's; `scanout`: as much of that as is shown."""

    state: bytes
    ram: Ram
    overlay: int
    content: bytes
    panel: bytes
    scanout: bytes
    logged: int
    ticks: int
    registers: dict[str, int]

    @property
    def devices(self) -> dict[str, Any]:
        """The virtio devices' states by slot."""
        found: dict[str, Any] = msgspec.msgpack.decode(self.state)["virtio"]
        return found


class Life:
    """A board with a disk, its memory in memfds. Made anew, or from a moment of another life."""

    def __init__(
        self,
        config: BoardConfig,
        entry: Entry,
        disk: int,
        *,
        since: Moment | None = None,
        ram: Ram | None = None,
        log: bytes | None = None,
        wire: int = -1,
        threads: bool = False,
    ) -> None:
        """`disk`: what its overlay lies over, if that is not -1. `log`: it is a replay. `threads`: its
        devices work by themselves."""
        self.config, self.entry, self.disk = config, entry, disk
        self.size = os.fstat(disk).st_size if disk >= 0 else 0
        if since is not None:
            assert ram is None
            blocks = since.ram.blocks
            ram = since.ram.shared(blocks)
        assert ram is not None
        self.ram = ram
        self.overlay = -1
        if disk >= 0:
            self.overlay = copied(since.overlay) if since is not None else new_overlay(self.size)
        self.panel = create_memfd("panel", config.panel.size)
        self.scanout = create_memfd("scanout", _SCANOUT)
        if since is not None:
            os.pwrite(self.panel, since.panel, 0)
        descriptors = Descriptors(
            framebuffer=self.panel,
            scanout=self.scanout,
            frame_event=os.eventfd(0, os.EFD_NONBLOCK),
            status=create_memfd("status", 4096),
            flash=(create_memfd("flash", FLASH_BANK_SIZE), create_memfd("flash", FLASH_BANK_SIZE)),
        )
        disks = (
            (
                DiskConfig(
                    base=disk, base_size=self.size, overlay=self.overlay, temporary=True, size=self.size
                ),
            )
            if disk >= 0
            else ()
        )
        network = config.devices.network
        self._descriptors = [self.panel, self.scanout, descriptors.frame_event, descriptors.status]
        self._descriptors += [*descriptors.flash, *([self.overlay] if disk >= 0 else [])]
        self._config = msgspec.structs.replace(
            config,
            entry=entry,
            descriptors=ram.described(descriptors),
            devices=msgspec.structs.replace(
                config.devices,
                disks=disks,
                network=msgspec.structs.replace(network, wire=wire) if network is not None else None,
            ),
        )
        self.replays = log is not None
        self.board = Board(self._config, sync=not threads and log is None, replay=self.replays)
        self.machine = self.board.machine
        self.machine.set_rate(0)
        if since is not None:
            self.board.restore(msgspec.msgpack.decode(since.state))
        self.log = bytearray()
        self._logged = since.logged if since is not None and log is not None else 0
        self.machine.record()  # a replay too, which says then how far it is
        if log is not None:
            self.machine.replay(log)
        self._threads = threads
        if threads:
            self.board.loop.start()
        self.console = b""

    def close(self) -> None:
        """Lets go of what weighs."""
        self.board.loop.close()
        card = self.board._named["network"].device
        if card._wire is not None:  # type: ignore[attr-defined]
            card._wire.close()  # type: ignore[attr-defined]
        for fd in (*self._descriptors, self.board.report_fd):
            os.close(fd)
        self.ram.close()

    def run(self, ticks: int = STEP) -> None:
        self.run_to(self.machine.ticks() + ticks)

    def run_to(self, tick: int) -> int:
        reason = self.machine.run(tick)
        assert self.machine.error is None, self.machine.error
        if not self._threads:
            self.board.serve_doorbells()
        self.console += self.machine.take_console(0)
        return reason

    def expect(self, text: bytes, most: int = 6_000_000_000) -> None:
        end = self.machine.ticks() + most
        while text not in self.console:
            assert self.machine.ticks() < end, self.console[-3000:]
            self.run()
        self.console = self.console[self.console.index(text) + len(text) :]

    def ask(self, line: str) -> None:
        """Runs until it has answered a line with a good exit code."""
        self.console = b""
        self.board.console_input(f"{line}; echo =$?=\n".encode())
        end = self.machine.ticks() + 6_000_000_000
        while b"=0=" not in self.console:
            assert self.machine.ticks() < end, self.console[-3000:]
            assert b"=1=" not in self.console, self.console
            self.run()
        self.console = self.console.partition(b"=0=")[2]

    def moment(self) -> Moment:
        """As a capture takes it; its RAM is shared from then on."""
        self.board.hold()
        state = msgspec.msgpack.encode(self.board.save())
        self.log += self.machine.take_log()
        overlay = copied(self.overlay) if self.overlay >= 0 else -1
        for disk in self.board._disks:  # its map's newer bits are in the file when a flush has ended
            assert isinstance(disk._store, OverlayStore)
            os.pwrite(overlay, disk._store._map, HEADER_SIZE)
        own = self.ram.new_own()
        self.machine.freeze_ram(own)
        blocks = self.ram.blocks
        self.ram.freeze(own)
        taken = Moment(
            state,
            self.ram.shared(blocks),
            overlay,
            content_of(overlay, self.disk, self.size) if overlay >= 0 else b"",
            os.pread(self.panel, self.config.panel.size, 0),
            self._shown(),
            self._logged + len(self.log),
            self.machine.ticks(),
            self.machine.registers(),
        )
        self.board.release()
        return taken

    def _shown(self) -> bytes:
        """The picture of its GPU."""
        gpu = self.board._named.get("gpu")
        if gpu is None:
            return b""
        _, part = gpu.device.commands.scanout.shown  # type: ignore[attr-defined]
        return os.pread(self.scanout, part.width * part.height * 4, 0)

    def come_to(self, life: "Life", until: Moment) -> None:
        """A replay goes on to a moment: by the log up to there, and no event more of its very tick."""
        self.log += self.machine.take_log()
        self.machine.replay(bytes(life.log[self._logged + len(self.log) : until.logged]))
        self.run_to(until.ticks)

    def replay(self, since: Moment) -> "Life":
        """Another life that goes on by this one's log, from a moment of this one or of a replay of it."""
        return Life(self.config, self.entry, self.disk, since=since, log=bytes(self.log[since.logged :]))

    def branch(self, since: Moment, *, threads: bool = False, wire: int = -1) -> "Life":
        """Another life that goes on live from a moment, of this one or of a replay."""
        return Life(self.config, self.entry, self.disk, since=since, threads=threads, wire=wire)


def content_of(overlay: int, disk: int, size: int) -> bytes:
    from pocketvisor.storage.files import FileStore

    store = OverlayStore(overlay, FileStore(disk, size, read_only=True), size, durable=False)
    content = bytearray(size)
    store.read(0, memoryview(content))
    return bytes(content)


def new_overlay(size: int) -> int:
    fd = os.memfd_create("overlay")
    create(fd, size, durable=False)
    return fd


def copied(fd: int) -> int:
    size = os.fstat(fd).st_size
    other = os.memfd_create("copy")
    os.ftruncate(other, size)
    for at, piece in data_pieces(fd, 0, size):
        os.pwrite(other, piece, at)
    return other


class Network:
    """Somebody on the wire, who asks for the guest's address now and then. The guest's end is `theirs`."""

    def __init__(self) -> None:
        self.ours, mine = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.setblocking(False)
        self.theirs = mine.detach()
        self.heard: list[bytes] = []

    def close(self) -> None:
        self.ours.close()

    def talk(self, chance: random.Random) -> None:
        for _ in range(chance.randrange(4)):
            ask = b"\0\1\x08\0\6\4\0\1" + b"\x52\x55\x0a\0\2\2" + bytes((10, 0, 2, 2)) + bytes(6)
            frame = b"\xff" * 6 + b"\x52\x55\x0a\0\2\2\x08\x06" + ask + bytes((10, 0, 2, 15))
            with contextlib.suppress(BlockingIOError):  # a wire that is full loses what comes
                self.ours.send(bytes(12) + frame.ljust(60, b"\0"))
        while True:
            try:
                self.heard.append(self.ours.recv(70000))
            except BlockingIOError:
                return


def differences(state: bytes, other: bytes) -> list[tuple[str, Any, Any]]:
    """What a board's saved states differ in."""
    both = [msgspec.msgpack.decode(one) for one in (state, other)]
    for one in both:
        cpu = one["machine"]["cpu"]
        one["machine"]["cpu"] = cpu[:_PC64] + cpu[_PC64 + 8 :]
    return list(_differences("", *both))


def _differences(name: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from _differences(f"{name}/{key}", one[key], other[key])
    elif one != other:
        yield name, one, other
