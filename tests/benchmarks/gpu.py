"""virtio-gpu: a program in the guest that draws the whole panel sixty times a second, ours beside QEMU's.

gpu_draw.c draws through Linux's own driver, into a dumb buffer, and tells it each time that all of it is
dirty. Judged are the frames, what the guest's CPU was busy as the guest itself counts it, and what the host
paid for the guest's whole process: a guest of ours counts its time in instructions at its phone's rate, so
that its own figure says less than the host's.
"""

import gzip
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

from pocketvisor.errors import MissingImage
from pocketvisor.guest.options import RunOptions
from pocketvisor.images.catalogue import catalogue, image_from_files

from . import cpio, ours, qemu
from .bench import Bench, CannotMeasure
from .figures import Figure
from .timing import LineStamps, take_turns

PROGRAM = Path(__file__).with_name("gpu_draw.elf")
_TIMEOUT = 120.0
_APPEND = "console=ttyAMA0 quiet rdinit=/gpu-init"
_QEMU = (
    *("-M", "virt,gic-version=2", "-cpu", "cortex-a15", "-m", "256M"),
    *("-global", "virtio-mmio.force-legacy=false"),
)
_FRAMES = "frames"
_BUSY = "the guest's CPU"
_OWN = "of the guest's CPU, the program's own"
_HOST = "the host's CPU for it"

_INIT = """#!/bin/busybox sh
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
busybox modprobe -a virtio_mmio virtio_gpu
echo GPU begin
/gpu_draw {seconds}
echo GPU done
exec busybox sleep 1000
"""


async def measure(bench: Bench) -> list[Figure]:
    """Frames and CPU, at 480 x 800."""
    if problem := qemu.missing():
        raise CannotMeasure(problem)
    try:
        kernel, initrd = files(bench.folder, seconds=bench.rounds(10, 4))
    except MissingImage as missing:
        raise CannotMeasure(str(missing)) from missing
    contenders: Mapping[str, Callable[[], Awaitable[Mapping[str, float]]]] = {
        "ours": partial(_ours_once, kernel, initrd),
        "QEMU": partial(_qemu_once, kernel, initrd),
    }
    results = await take_turns(contenders, bench.rounds(5, 1), bench.say)
    own, peer = results["ours"], results["QEMU"]
    return [
        Figure(
            name="full-panel updates",
            unit="fps",
            ours=own[_FRAMES],
            peer=peer[_FRAMES],
            peer_name="QEMU",
            judge="median",
            goal=59.5,
            more_is_better=True,
        ),
        *(
            Figure(
                name=name,
                unit=unit,
                ours=own[name],
                peer=peer[name],
                peer_name="QEMU",
                judge="ratio",
                goal=1.2,
            )
            for name, unit in ((_BUSY, "% of it"), (_HOST, "% of a core"))
        ),
        Figure(name=_OWN, unit="% of it", ours=own[_OWN], peer=peer[_OWN], peer_name="QEMU"),
    ]


def files(folder: Path, seconds: int) -> tuple[Path, Path]:
    """Debian's kernel, and its first disk with the program and an init of ours on top. MissingImage says what
    to fetch."""
    image = catalogue()["debian"]
    image.check()
    if image.kernel is None or image.initrd is None:
        raise MissingImage("the debian guest lacks a kernel or an initrd: fetch it again")
    base = gzip.decompress(image.initrd.read_bytes())
    names = [name for name, _, _ in cpio.entries(base)]
    if not any(name.endswith("/virtio_gpu.ko") for name in names):
        raise MissingImage("the debian guest holds no GPU's driver: fetch it again")
    more = cpio.pack(
        cpio.program("gpu_draw", PROGRAM.read_bytes()),
        cpio.program("gpu-init", _INIT.format(seconds=seconds).encode()),
    )
    initrd = folder / "gpu-initrd.cpio"
    initrd.write_bytes(base + bytes(-len(base) % 512) + more)
    return image.kernel, initrd


async def _ours_once(kernel: Path, initrd: Path) -> dict[str, float]:
    image = image_from_files(kernel=kernel, initrd=initrd, append=_APPEND, name="bench", ram_mib=256)
    async with ours.running(image, RunOptions(rate="max", ram_mib=256, display="gpu")) as running:
        return await _figures(running.console)


async def _qemu_once(kernel: Path, initrd: Path) -> dict[str, float]:
    width, height = ours.PANEL
    machine = (*_QEMU, "-device", f"virtio-gpu-device,xres={width},yres={height}")
    async with qemu.running(machine, kernel, initrd=initrd, append=_APPEND) as running:
        return await _figures(running.console)


async def _figures(console: LineStamps) -> dict[str, float]:
    size = await console.line("^GPU (size|failed)", _TIMEOUT)
    width, height = ours.PANEL
    if f"size={width}x{height}" not in size.line:
        raise RuntimeError(f"the guest's panel is wrong: {size.line}")
    end = await console.line("^GPU (frames|failed)", _TIMEOUT)
    found = re.search(r"frames=(\d+) nanoseconds=(\d+) self_us=(\d+) idle_ms=(\d+)", end.line)
    if found is None:
        raise RuntimeError(end.line)
    frames, nanoseconds, own, idle = (int(text) for text in found.groups())
    seconds = nanoseconds / 1e9
    return {
        _FRAMES: frames / seconds,
        _BUSY: 100 * max(1 - idle / 1000 / seconds, 0.0),
        _OWN: own / 1e4 / seconds,
        _HOST: 100 * (end.cpu - size.cpu) / (end.wall - size.wall),
    }
