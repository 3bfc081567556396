"""virtio-blk: sequential reads and writes with dd, and 4 KiB reads at random places, ours beside QEMU's.

The same kernel, first disk and raw image, on QEMU's virt with a virtio-blk-device and its default cache. The
guest writes to the image itself (mode=direct), and the writes end when they are durable; the overlay that
guests have otherwise stands beside it. Judged is this machine's clock, from the line before a job to the line
after it; what the guest's own clock says is in the file.
"""

import gzip
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

from pocketvisor.errors import MissingImage
from pocketvisor.guest.options import RunOptions
from pocketvisor.images.catalogue import catalogue, image_from_files
from pocketvisor.storage.disk import DiskSpec, Mode

from . import cpio, ours, qemu
from .bench import Bench, CannotMeasure
from .figures import Figure
from .timing import LineStamps, take_turns

PROGRAM = Path(__file__).with_name("random_reads.elf")
JOBS = ("sequential read", "sequential write", "4 KiB random reads")
GOAL = 1.3
_TIMEOUT = 120.0
_APPEND = "console=ttyAMA0 quiet rdinit=/disk-init"
_QEMU = (*qemu.VIRT, "-global", "virtio-mmio.force-legacy=false")

_INIT = """#!/bin/busybox sh
export PATH=/bin
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
busybox modprobe -a virtio_mmio virtio_blk
run() {{
    echo "D-BEGIN $1"
    read before rest < /proc/uptime
    shift
    "$@" 2>&1
    read after rest < /proc/uptime
    echo "D-END $before $after"
}}
for round in 1 2; do
    echo 3 > /proc/sys/vm/drop_caches
    run "sequential read" busybox dd if=/dev/vda of=/dev/null bs=1M count={megabytes}
    run "sequential write" busybox dd if=/dev/zero of=/dev/vda bs=1M count={megabytes} conv=fsync
    run "4 KiB random reads" /random_reads /dev/vda {reads}
done
echo D-DONE
exec busybox sleep 1000
"""


class _Work(NamedTuple):
    """What is booted, and the disk's size and number of random reads."""

    kernel: Path
    initrd: Path
    disk: Path
    megabytes: int
    reads: int


async def measure(bench: Bench) -> list[Figure]:
    """Seconds each, of the second of two rounds: the first warms up what translates the guest's code."""
    if problem := qemu.missing():
        raise CannotMeasure(problem)
    try:
        work = _work(bench)
    except MissingImage as missing:
        raise CannotMeasure(str(missing)) from missing
    contenders: Mapping[str, Callable[[], Awaitable[Mapping[str, float]]]] = {
        "ours": partial(_ours_once, work, "direct"),
        "QEMU": partial(_qemu_once, work),
        "ours, overlay": partial(_ours_once, work, "overlay"),
    }
    results = await take_turns(contenders, bench.rounds(7, 2), bench.say)
    own, peer, over = results["ours"], results["QEMU"], results["ours, overlay"]
    figures = []
    for job in JOBS:
        for name, samples in ((job, own), (f"{job}, over an overlay", over)):
            figure = Figure(name=name, unit="s", ours=samples[job], peer=peer[job], peer_name="QEMU")
            if samples is own:
                figure.judge, figure.goal = "ratio", GOAL
            figures.append(figure)
        inside = f"{job}, guest's clock"
        figures.append(Figure(name=inside, unit="s", ours=own[inside], peer=peer[inside], peer_name="QEMU"))
    figures[0].note = f"{work.megabytes} MiB each way, {work.reads} reads; writes are durable at their end."
    return figures


def _work(bench: Bench) -> _Work:
    image = catalogue()["debian"]
    image.check()
    if image.kernel is None or image.initrd is None:
        raise MissingImage("the debian guest lacks a kernel or an initrd: fetch it again")
    base = gzip.decompress(image.initrd.read_bytes())
    if not any(name.endswith("/virtio_blk.ko") for name, _, _ in cpio.entries(base)):
        raise MissingImage("the debian guest holds no disk's driver: fetch it again")
    megabytes, reads = (64, 2000) if bench.quick else (192, 10_000)
    init = _INIT.format(megabytes=megabytes, reads=reads)
    more = cpio.pack(
        cpio.program("random_reads", PROGRAM.read_bytes()), cpio.program("disk-init", init.encode())
    )
    initrd, disk = bench.folder / "disk-initrd", bench.folder / "disk.img"
    initrd.write_bytes(base + bytes(-len(base) % 512) + more)
    _fill(disk, megabytes)
    return _Work(image.kernel, initrd, disk, megabytes, reads)


def _fill(disk: Path, megabytes: int) -> None:
    """What no file system and no host can shorten, the same each time."""
    random = Random(megabytes)
    with disk.open("wb") as file:
        for _ in range(megabytes):
            file.write(random.randbytes(1 << 20))


async def _ours_once(work: _Work, mode: Mode) -> dict[str, float]:
    image = image_from_files(
        kernel=work.kernel, initrd=work.initrd, append=_APPEND, name="bench", ram_mib=256
    )
    disks = (DiskSpec(path=work.disk, mode=mode),)
    async with ours.running(image, RunOptions(rate="max", ram_mib=256, disks=disks)) as running:
        return await _seconds(running.console)


async def _qemu_once(work: _Work) -> dict[str, float]:
    drive = f"if=none,id=disk,format=raw,file={work.disk}"
    machine = (*_QEMU, "-drive", drive, "-device", "virtio-blk-device,drive=disk")
    async with qemu.running(machine, work.kernel, initrd=work.initrd, append=_APPEND) as running:
        return await _seconds(running.console)


async def _seconds(console: LineStamps) -> dict[str, float]:
    """Of the second round, by this machine's clock and by the guest's."""
    await console.line("^D-DONE", _TIMEOUT)
    seconds: dict[str, float] = {}
    job, begun = "", 0.0
    for stamp in console.stamps:
        if stamp.line.startswith("D-BEGIN "):
            job, begun = stamp.line.removeprefix("D-BEGIN "), stamp.wall
        elif found := re.match(r"D-END ([\d.]+) ([\d.]+)$", stamp.line):
            seconds[job] = stamp.wall - begun
            seconds[f"{job}, guest's clock"] = float(found[2]) - float(found[1])
        elif "failed" in stamp.line or "error" in stamp.line:
            raise RuntimeError(stamp.line)
    return seconds
