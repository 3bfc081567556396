"""Debian's own kernel from its zImage to /init, then six userspace jobs: ours, QEMU, and both deterministic.

The same kernel and initrd, nearly the same device tree (vexpress.py). Judged is CPU time, user and system:
ours has the loading of the image in it and all of the guest's process; QEMU's has all of its process. Wall
time stands beside it.
"""

import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from pocketvisor.errors import MissingImage
from pocketvisor.guest.options import RunOptions
from pocketvisor.images.catalogue import GuestImage, image_from_files

from . import ours, qemu
from .bench import Bench, CannotMeasure
from .figures import Figure
from .guest_files import APPEND, JOBS, LinuxFiles, linux_files
from .timing import LineStamps, Samples, take_turns

_TIMEOUT = 180.0
_FREE = RunOptions(rate="max", ram_mib=256)
_DETERMINISTIC = RunOptions(rate="max", ram_mib=256, deterministic=True, skip_idle=True)
_SUM = "six jobs, sum"
_BOOT = "zImage to /init"

# The bounds to reach, each of ours to the peer's.
_GOALS = {"QEMU": {_BOOT: 1.0, _SUM: 1.0, "job": 1.2}, "QEMU icount": {_BOOT: 0.8, _SUM: 0.7}}


async def measure(bench: Bench) -> list[Figure]:
    """Ratios to QEMU, and to QEMU with -icount shift=3,sleep=off."""
    if problem := qemu.missing():
        raise CannotMeasure(problem)
    try:
        files = linux_files(bench.folder)
    except MissingImage as missing:
        raise CannotMeasure(str(missing)) from missing
    image = guest_image(files, "bench=jobs")
    contenders: Mapping[str, Callable[[], Awaitable[Mapping[str, float]]]] = {
        "ours": partial(ours_once, image, _FREE),
        "QEMU": partial(_qemu_once, files, ()),
        "ours deterministic": partial(ours_once, image, _DETERMINISTIC),
        "QEMU icount": partial(_qemu_once, files, qemu.ICOUNT),
    }
    results = await take_turns(contenders, bench.rounds(5, 1), bench.say)
    return [
        *_figures(results["ours"], results["QEMU"], "QEMU"),
        *_figures(results["ours deterministic"], results["QEMU icount"], "QEMU icount"),
    ]


def guest_image(files: LinuxFiles, what: str) -> GuestImage:
    """The benchmark's guest for a handset."""
    return image_from_files(
        kernel=files.kernel, initrd=files.initrd, append=f"{APPEND} {what}", name="bench", ram_mib=256
    )


async def ours_once(image: GuestImage, options: RunOptions) -> dict[str, float]:
    """One boot and its jobs on a handset: seconds of CPU by name, of wall time by name and ' wall'."""
    async with ours.running(image, options) as running:
        return await segments(running.console, running.started, running.start_cpu)


async def _qemu_once(files: LinuxFiles, more: Sequence[str]) -> dict[str, float]:
    started = time.monotonic()
    append = f"{APPEND} bench=jobs"
    machine = (*qemu.VEXPRESS, *more)
    async with qemu.running(
        machine, files.kernel, initrd=files.initrd, dtb=files.dtb, append=append
    ) as running:
        return await segments(running.console, started, 0.0)


async def segments(console: LineStamps, started: float, start_cpu: float) -> dict[str, float]:
    init = await console.line("^BENCH-INIT", _TIMEOUT)
    seconds = {_BOOT: init.cpu + start_cpu, f"{_BOOT} wall": init.wall - started}
    for job in JOBS:
        begin = await console.line(f"^B-BEGIN {re.escape(job)}$", _TIMEOUT)
        end = await console.line(f"^B-END {re.escape(job)}$", _TIMEOUT)
        seconds |= {job: end.cpu - begin.cpu, f"{job} wall": end.wall - begin.wall}
    for suffix in ("", " wall"):
        seconds[_SUM + suffix] = sum(seconds[job + suffix] for job in JOBS)
    return seconds


def _figures(own: Samples, peer: Samples, peer_name: str) -> list[Figure]:
    goals = _GOALS[peer_name]
    figures = []
    for name in (_BOOT, _SUM, *JOBS):
        goal = goals.get("job" if name in JOBS else name)
        judge = "ratio" if goal is not None else "none"
        figure = Figure(name=name, unit="s CPU", ours=own[name], peer=peer[name], peer_name=peer_name)
        figure.judge, figure.goal = judge, goal  # type: ignore[assignment]
        figures.append(figure)
        if name not in JOBS:
            wall = f"{name} wall"
            figures.append(
                Figure(
                    name=f"{name}, wall time", unit="s", ours=own[wall], peer=peer[wall], peer_name=peer_name
                )
            )
    return figures
