"""A board of one's own in this process, built from files as a guest's process is, and stepped by hand."""

import os
import struct
from pathlib import Path

import msgspec
from programs import MAILBOX, POKE

from pocketvisor import _native
from pocketvisor.board.board import Board
from pocketvisor.board.config import BoardConfig, BootPlan, Descriptors, ImageFiles, PanelConfig
from pocketvisor.board.loaders import load
from pocketvisor.board.map import FLASH_BANK_SIZE, RAM_BASE
from pocketvisor.guest.memory import create_memfd, map_shared

STEP = 2_000


def config(ram_mib: int = 16, **changes: object) -> BoardConfig:
    given = {
        "ram_size": ram_mib << 20,
        "panel": PanelConfig(320, 480),
        "tick_ps": 1_000,
        "keys": ("power", "volume-up", "home"),
        "rtc_epoch": 1_767_225_600,
        "deterministic": True,
        "skip_idle": True,
    }
    return BoardConfig(**(given | changes))  # type: ignore[arg-type]


class BuiltBoard:
    """`ram` is the guest's RAM, `flash` the second bank, `pixels` the framebuffer."""

    def __init__(self, plan: BootPlan, board_config: BoardConfig) -> None:
        ram_fd = create_memfd("ram", board_config.ram_size)
        panel_fd = create_memfd("panel", board_config.panel.size)
        flash_fds = tuple(create_memfd("flash", FLASH_BANK_SIZE) for _ in range(2))
        self.ram = map_shared(ram_fd, board_config.ram_size)
        self.flash = map_shared(flash_fds[1], FLASH_BANK_SIZE)
        self.pixels = map_shared(panel_fd, board_config.panel.size)
        for address, data in plan.writes:
            self.ram[address - RAM_BASE : address - RAM_BASE + len(data)] = bytes(data)
        for bank, data in plan.flash.items():
            os.pwrite(flash_fds[bank], data, 0)
        self.board = Board(
            msgspec.structs.replace(
                board_config,
                entry=plan.entry,
                descriptors=Descriptors(
                    ram=ram_fd,
                    framebuffer=panel_fd,
                    scanout=create_memfd("scanout", 1 << 20),
                    frame_event=os.eventfd(0, os.EFD_NONBLOCK),
                    status=create_memfd("status", 4096),
                    flash=(flash_fds[0], flash_fds[1]),
                ),
            )
        )
        self.machine = self.board.machine
        self.machine.set_rate(0)

    def run_to_end(self, ticks: int = 100_000_000) -> str:
        """Console output up to power off."""
        reason = self.machine.run(ticks)
        assert reason == _native.RUN_POWER_OFF, (reason, self.machine.error)
        return self.machine.take_console(0).decode()


class PokeBoard(BuiltBoard):
    """Runs POKE: reads and writes of the guest's CPU, one by one. A tick is a microsecond."""

    def __init__(self, folder: Path, **changes: object) -> None:
        path = folder / "poke.bin"
        path.write_bytes(POKE)
        board_config = config(**({"tick_ps": 1_000_000} | changes))  # type: ignore[arg-type]
        super().__init__(load(ImageFiles(kind="raw", main=path), board_config), board_config)

    def settle(self, ticks: int = STEP) -> None:
        """Let the guest run on: what was posted reaches it."""
        reason = self.machine.run(self.machine.ticks() + ticks)
        assert reason == _native.RUN_LIMIT, (reason, self.machine.error)

    def _command(self, command: int, address: int, value: int) -> int:
        at = MAILBOX - RAM_BASE
        self.ram[at + 4 : at + 12] = struct.pack("<II", address, value)
        self.ram[at : at + 4] = struct.pack("<I", command)
        self.settle()
        done, _, answer = struct.unpack("<III", self.ram[at : at + 12])
        assert done == 0, "the guest's program does not answer"
        return int(answer)

    def read(self, address: int, size: int = 4) -> int:
        return self._command(size, address, 0)

    def write(self, address: int, value: int, size: int = 4) -> None:
        self._command(0x10 + size, address, value)

    def pending(self, spi: int) -> bool:
        """Whether the GIC sees the interrupt's line high."""
        number = 32 + spi
        return bool(self.read(0x08000200 + number // 32 * 4) >> number % 32 & 1)
