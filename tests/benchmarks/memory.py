"""Host memory of one 256 MiB guest when Debian's installer shows its first dialog, ours beside QEMU's.

Ours is the PSS of the guest's process, judged against the goal, and its RSS; QEMU's is its RSS. The dialog is
awaited on the serial console, so that both are stopped at the same sight.
"""

import asyncio
from pathlib import Path

import msgspec

from pocketvisor.errors import MissingImage
from pocketvisor.guest.options import RunOptions
from pocketvisor.images.catalogue import GuestImage, catalogue

from . import ours, qemu
from .bench import Bench, CannotMeasure
from .figures import Figure
from .guest_files import APPEND
from .timing import LineStamps
from .vexpress import device_tree

_DIALOG = r"Select a language|Choose the language"
_SECONDS = 300.0
_GOAL_MB = 400.0


async def measure(bench: Bench) -> list[Figure]:
    """Megabytes (of a million bytes)."""
    image = catalogue()["debian-installer"]
    try:
        image.check()
    except MissingImage as missing:
        raise CannotMeasure(str(missing)) from missing
    bench.say("ours, to the installer's first dialog")
    pss, rss = await _ours(image)
    peer: list[float] = []
    note = qemu.missing()
    if not note:
        bench.say("QEMU, to the installer's first dialog")
        peer = [await _qemu(image, bench.folder)]
    pss_figure = Figure(
        name="PSS, 256 MiB Linux guest", unit="MB", ours=[pss], judge="median", goal=_GOAL_MB, note=note
    )
    rss_figure = Figure(name="RSS of the same", unit="MB", ours=[rss], peer=peer, peer_name="QEMU")
    return [pss_figure, rss_figure]


async def _ours(image: GuestImage) -> tuple[float, float]:
    on_serial = msgspec.structs.replace(image, append=APPEND)
    async with ours.running(on_serial, RunOptions(rate="max", ram_mib=256)) as running:
        await _dialog(running.console)
        return await asyncio.to_thread(process_sizes, running.pid)


async def _qemu(image: GuestImage, folder: Path) -> float:
    assert image.kernel is not None
    dtb = folder / "vexpress.dtb"
    dtb.write_bytes(device_tree(*ours.PANEL))
    guest = qemu.running(qemu.VEXPRESS, image.kernel, initrd=image.initrd, dtb=dtb, append=APPEND)
    async with guest as running:
        await _dialog(running.console)
        return (await asyncio.to_thread(process_sizes, running.pid))[1]


async def _dialog(console: LineStamps) -> None:
    """A dialog is drawn without line ends: the text is looked for in what has come so far."""
    await console.text(_DIALOG, _SECONDS)


def process_sizes(pid: int) -> tuple[float, float]:
    """(PSS, RSS) of a process in MB."""
    sizes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split(":")
        sizes[name] = int(value.split()[0]) * 1024 / 1e6
    return sizes["Pss"], sizes["Rss"]
