"""Debian's phone from power to a desktop that can be touched: ours and QEMU's `virt`, on the same disk.

The same kernel, first disk and disk image, a virtio-gpu panel of 480x800, a touch screen and a keyboard. The
disk is not changed: both write to an overlay that is thrown away. Over is it when the phone's shell, all of
its home screen drawn, says so on the serial console. Wall time is what one waits; CPU time is of the whole
process, ours with the loading of the image in it.
"""

import time
from functools import partial

from msgspec import structs

from pocketvisor.errors import MissingImage
from pocketvisor.guest.options import RunOptions
from pocketvisor.images.catalogue import GuestImage, catalogue

from . import ours, qemu
from .bench import Bench, CannotMeasure
from .figures import Figure
from .timing import LineStamps, take_turns

READY = "Pocketvisor Debian phone: desktop ready"
GOAL = 1.3
_TIMEOUT = 400.0
_RAM_MIB = 256


async def measure(bench: Bench) -> list[Figure]:
    """Seconds from power to the touchable desktop."""
    if problem := qemu.missing():
        raise CannotMeasure(problem)
    image = catalogue()["debian-phone"]
    try:
        image.check()
    except MissingImage as missing:
        raise CannotMeasure(str(missing)) from missing
    image = structs.replace(image, disks=tuple(structs.replace(disk, keep=False) for disk in image.disks))
    contenders = {"ours": partial(_ours, image), "QEMU": partial(_qemu, image)}
    results = await take_turns(contenders, bench.rounds(5, 1), bench.say)
    return [
        Figure(
            name=f"power to touchable desktop, {name}",
            unit=unit,
            ours=results["ours"][name],
            peer=results["QEMU"][name],
            peer_name="QEMU virt",
            judge="ratio",
            goal=GOAL,
        )
        for name, unit in (("wall", "s"), ("CPU", "s CPU"))
    ]


async def _ours(image: GuestImage) -> dict[str, float]:
    options = RunOptions(rate="max", ram_mib=_RAM_MIB)
    async with ours.running(image, options) as running:
        return await _until_ready(running.console, running.started, running.start_cpu)


async def _qemu(image: GuestImage) -> dict[str, float]:
    width, height = ours.PANEL
    machine = (
        *("-M", "virt,gic-version=2", "-cpu", "cortex-a15", "-m", f"{_RAM_MIB}M"),
        *("-global", "virtio-mmio.force-legacy=false"),
        *("-drive", f"file={image.disks[0].path},if=none,format=raw,id=disk,snapshot=on"),
        *("-device", "virtio-blk-device,drive=disk"),
        *("-device", f"virtio-gpu-device,xres={width},yres={height}"),
        *("-device", "virtio-tablet-device", "-device", "virtio-keyboard-device"),
    )
    started = time.monotonic()
    async with qemu.running(machine, image.main_file, initrd=image.initrd, append=image.append) as running:
        return await _until_ready(running.console, started, 0.0)


async def _until_ready(console: LineStamps, started: float, start_cpu: float) -> dict[str, float]:
    ready = await console.line(READY, _TIMEOUT)
    return {"wall": ready.wall - started, "CPU": ready.cpu + start_cpu}
