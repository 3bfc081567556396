"""Debian on a board of this process, asked line by line."""

import re
from typing import Any

import pytest

from pocketvisor.board.config import BoardConfig, DevicesConfig, ImageFiles
from pocketvisor.images.catalogue import catalogue

PROMPT = r"# \x1b\[6n$"
TICKS_MAX = 8_000_000_000


class DebianBoard:
    def __init__(self, devices: DevicesConfig, **changes: Any) -> None:
        from built_board import BuiltBoard, config

        from pocketvisor.board.loaders import load

        image = catalogue()["debian"]
        if not image.available:
            pytest.skip("Debian is not fetched: pocketvisor guests fetch debian")
        board_config: BoardConfig = config(256, devices=devices, **changes)
        files = ImageFiles(kind="linux", main=image.main_file, initrd=image.initrd, append=image.append)
        self.built = BuiltBoard(load(files, board_config), board_config)
        self.board = self.built.board
        self.machine = self.built.machine
        self._text = ""

    def run(self, ticks: int = 2_000_000) -> None:
        """Lets the guest run on a little, and serves its devices."""
        self.machine.run(self.machine.ticks() + ticks)
        assert self.machine.error is None
        self.board.serve_doorbells()
        self._text += self.machine.take_console(0).decode("utf-8", "replace")

    def expect(self, pattern: str) -> str:
        """Runs until it has printed this; answers what it printed since the last time."""
        while not re.search(pattern, self._text):
            assert self.machine.ticks() < TICKS_MAX, self._text[-2000:]
            self.run()
        text, self._text = self._text, ""
        return text

    def ask(self, line: str) -> str:
        """What a command prints."""
        assert self.board.console_input(line.encode() + b"\n")
        return self.expect(PROMPT).replace("\r", "").partition("\n")[2].rpartition("\n")[0]
