"""Runs a small program on qemu-system-arm's virt machine, and answers the words that it left in memory."""

import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from native_machines import STOP, load_constant

QEMU = shutil.which("qemu-system-arm")
_CODE, _RESULTS, _DONE = 0x4020_0000, 0x4030_0000, 0x600D_C0DE


class _Monitor:
    """QEMU's machine protocol, as far as it is needed."""

    def __init__(self, path: Path, until: float) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self._socket.connect(str(path))
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
        self._file = self._socket.makefile("rw")
        self._file.readline()
        self.command("qmp_capabilities")

    def command(self, name: str, **arguments: Any) -> None:
        self._file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self._file.flush()
        while not {"return", "error"} & set(json.loads(self._file.readline())):
            pass

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def qemu_words(code: list[int], count: int) -> list[int]:
    """`code` stores through r5, as native_machines.read() does."""
    assert QEMU is not None
    program = [*load_constant(5, _RESULTS), *code, *load_constant(2, _RESULTS - 4), *load_constant(3, _DONE)]
    program += [0xE5823000, STOP]
    until = time.monotonic() + 90
    with tempfile.TemporaryDirectory() as folder:
        image, control, result = (Path(folder) / name for name in ("code", "control", "result"))
        image.write_bytes(struct.pack(f"<{len(program)}I", *program))
        command = [QEMU, "-M", "virt,gic-version=2", "-cpu", "cortex-a15", "-m", "64", "-display", "none"]
        command += ["-serial", "none", "-qmp", f"unix:{control},server,nowait"]
        command += ["-device", f"loader,file={image},addr={_CODE:#x},cpu-num=0,force-raw=on"]
        environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
        process = subprocess.Popen(command, env=environment)
        try:
            with closing(_Monitor(control, until)) as monitor:
                while True:
                    monitor.command("pmemsave", val=_RESULTS - 4, size=4 + 4 * count, filename=str(result))
                    done, *words = struct.unpack(f"<{count + 1}I", result.read_bytes())
                    if done == _DONE:
                        return words
                    assert time.monotonic() < until, "the program did not end in QEMU"
                    time.sleep(0.02)
        finally:
            process.kill()
            process.wait()
