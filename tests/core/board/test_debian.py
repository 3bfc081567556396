"""Debian's own kernel on the board: to its shell, on console and panel, with clock, touch screen and keys."""

import re
from typing import Any

import pytest

from pocketvisor.board.config import ImageFiles
from pocketvisor.images.catalogue import catalogue

pytestmark = [pytest.mark.debian, pytest.mark.guest_process]

PROMPT = r"# \x1b\[6n$"
TICKS_MAX = 6_000_000_000


class Console:
    def __init__(self, board: Any) -> None:
        self._board = board
        self._text = ""

    def expect(self, pattern: str) -> str:
        """Runs the guest until it has printed this; answers what it printed since the last time."""
        machine = self._board.machine
        while not re.search(pattern, self._text):
            assert machine.ticks() < TICKS_MAX, self._text[-2000:]
            machine.run(machine.ticks() + 5_000_000)
            assert machine.error is None
            self._board.board.serve_doorbells()
            self._text += machine.take_console(0).decode("utf-8", "replace")
        text, self._text = self._text, ""
        return text

    def ask(self, line: str) -> str:
        assert self._board.board.console_input(line.encode() + b"\n")
        return self.expect(PROMPT)


@pytest.fixture
def debian(inside: bool) -> Any:
    if not inside:
        return None
    from built_board import BuiltBoard, config

    image = catalogue()["debian"]
    if not image.available:
        pytest.skip("Debian is not fetched: pocketvisor guests fetch debian")
    from pocketvisor.board.loaders import load

    board_config = config(256)
    files = ImageFiles(kind="linux", main=image.main_file, initrd=image.initrd, append=image.append)
    return BuiltBoard(load(files, board_config), board_config)


def test_shell_panel_input_clock_and_power(debian: Any) -> None:
    console = Console(debian)
    console.expect(PROMPT)
    assert len(set(debian.pixels[::4])) > 1, "the console is on the panel too"
    assert "1767225" in console.ask("cat /sys/class/rtc/rtc0/since_epoch")

    devices = console.ask("cat /proc/bus/input/devices")
    for name in ("gpio-keys", "Pocketvisor Touchscreen", "Pocketvisor Keyboard"):
        assert name in devices
    handler = re.search(r'Touchscreen"(?s:.*?)event(\d+)', devices)
    assert handler is not None
    console.ask(f"cat /dev/input/event{handler[1]} > /tmp/events &")
    debian.board.touch(100, 200, "down")
    debian.board.touch(101, 200, "move")
    debian.board.touch(101, 200, "up")
    events = console.ask('sleep 1; hexdump -v -e \'8/1 "%02x" 2/2 " %04x" 1/4 " %x;"\' /tmp/events')
    heard = re.findall(r"(\w{4}) (\w{4}) (\w+);", events.replace("\r", "").replace("\n", ""))
    assert heard[:3] == [("0003", "0039", "0"), ("0003", "0035", "64"), ("0003", "0036", "c8")]
    assert ("0003", "0035", "65") in heard
    assert heard[-3:] == [("0003", "0039", "ffffffff"), ("0001", "014a", "0"), ("0000", "0000", "0")]

    debian.board.console_input(b"poweroff -f\n")
    from pocketvisor import _native

    while (reason := debian.machine.run(debian.machine.ticks() + 5_000_000)) == _native.RUN_LIMIT:
        assert debian.machine.ticks() < TICKS_MAX
    assert reason == _native.RUN_POWER_OFF
