"""QEMU's `virt` machine as a second board for the sample guests: a console, a panel, a touch screen, keys.

QEMU's `virt` has no simple framebuffer, so the panel is a piece of its RAM that the device tree names. Leaves
out multi-touch: QEMU's tablet has one pointer.
"""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import libfdt
from PIL import Image

QEMU = shutil.which("qemu-system-arm")
RAM_BASE = 0x40000000
PANEL_ROOM = 4 << 20


def device_tree(command: list[str], folder: Path, panel: tuple[int, int], base: int, arguments: str) -> Path:
    """QEMU's own tree for this command line, with a panel and boot arguments added."""
    dumped = folder / "virt.dtb"
    machine = command.index("-M") + 1
    dump = [*command[:machine], f"{command[machine]},dumpdtb={dumped}", *command[machine + 1 :]]
    subprocess.run(dump, check=True, capture_output=True, timeout=120)
    tree = libfdt.Fdt(dumped.read_bytes())
    tree.resize(tree.totalsize() + 4096)
    chosen = tree.path_offset("/chosen")
    if arguments:
        tree.setprop_str(chosen, "bootargs", arguments)
    tree.setprop_u32(chosen, "#address-cells", 2)
    tree.setprop_u32(chosen, "#size-cells", 2)
    node = tree.add_subnode(chosen, f"framebuffer@{base:x}")
    width, height = panel
    tree.setprop_str(node, "compatible", "simple-framebuffer")
    reg = b"".join(value.to_bytes(8, "big") for value in (base, width * height * 4))
    tree.setprop(node, "reg", reg)
    tree.setprop_u32(node, "width", width)
    tree.setprop_u32(node, "height", height)
    tree.setprop_u32(node, "stride", width * 4)
    tree.setprop_str(node, "format", "x8r8g8b8")
    tree.pack()
    patched = folder / "panel.dtb"
    patched.write_bytes(tree.as_bytearray())
    return patched


class QemuPeer:
    """A running guest. Use as a context manager."""

    def __init__(
        self, elf: Path, panel: tuple[int, int] = (480, 800), ram_mib: int = 64, arguments: str = ""
    ) -> None:
        assert QEMU is not None
        self.panel = panel
        self.log = b""
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        self._base = RAM_BASE + (ram_mib << 20) - PANEL_ROOM
        command = [
            QEMU,
            "-M",
            "virt,gic-version=2",
            "-cpu",
            "cortex-a15",
            "-m",
            str(ram_mib),
            "-display",
            "none",
        ]
        command += ["-monitor", "none", "-serial", "stdio", "-global", "virtio-mmio.force-legacy=false"]
        command += ["-device", "virtio-tablet-device", "-device", "virtio-keyboard-device"]
        tree = device_tree([*command, "-kernel", str(elf)], folder, panel, self._base, arguments)
        self._qmp_path = folder / "qmp"
        command += [
            "-qmp",
            f"unix:{self._qmp_path},server=on,wait=off",
            "-dtb",
            str(tree),
            "-kernel",
            str(elf),
        ]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        )
        self._qmp = self._connect()

    def _connect(self) -> socket.socket:
        deadline = time.monotonic() + 60
        qmp = socket.socket(socket.AF_UNIX)
        while True:
            try:
                qmp.connect(str(self._qmp_path))
                break
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                select.select([], [], [], 0.02)
        self._replies = qmp.makefile("rb")
        self._replies.readline()
        self._qmp = qmp
        self.command("qmp_capabilities")
        return qmp

    def command(self, name: str, **arguments: Any) -> Any:
        self._qmp.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        while True:
            reply = json.loads(self._replies.readline())
            if "return" in reply:
                return reply["return"]
            if "error" in reply:
                raise RuntimeError(reply["error"]["desc"])

    def type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())

    def expect(self, pattern: str, timeout: float = 60) -> re.Match[bytes]:
        """The console up to and with the pattern is taken away; what follows stays for the next call."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + timeout
        while not (found := re.search(pattern.encode(), self.log)):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise TimeoutError(f"no {pattern!r} on the console: {self.log.decode(errors='replace')}")
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise EOFError(f"the guest ended without {pattern!r}: {self.log.decode(errors='replace')}")
            self.log += data
        self.log = self.log[found.end() :]
        return found

    def run(self, command: str, timeout: float = 60) -> str:
        """What a console command prints."""
        self.type(command + "\r")
        self.expect(re.escape(command) + r"\r\n", timeout)
        return self.expect(r"(?s)(.*?)> ", timeout).group(1).decode()

    def touch(self, x: int, y: int, pressed: bool | None = None) -> None:
        """Moves the pointer; presses or lifts it where `pressed` is given."""
        width, height = self.panel
        events: list[dict[str, Any]] = [
            {"type": "abs", "data": {"axis": "x", "value": -(-x * 0x7FFF // (width - 1))}},
            {"type": "abs", "data": {"axis": "y", "value": -(-y * 0x7FFF // (height - 1))}},
        ]
        if pressed is not None:
            events.append({"type": "btn", "data": {"button": "left", "down": pressed}})
        self.command("input-send-event", events=events)

    def key(self, name: str, pressed: bool) -> None:
        key = {"type": "qcode", "data": name}
        self.command("input-send-event", events=[{"type": "key", "data": {"down": pressed, "key": key}}])

    def power_key(self) -> None:
        self.command("system_powerdown")

    def screenshot(self) -> Image.Image:
        width, height = self.panel
        with tempfile.NamedTemporaryFile() as file:
            self.command("pmemsave", val=self._base, size=width * height * 4, filename=file.name)
            return Image.frombytes("RGB", self.panel, Path(file.name).read_bytes(), "raw", "BGRX")

    def __enter__(self) -> QemuPeer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self._replies, self._qmp):
            if stream is not None:
                stream.close()
        self._folder.cleanup()
