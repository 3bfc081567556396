"""U-Boot from power on to its prompt, and Debian's installer to its first dialog; against QEMU's `virt`.

The peer has a Cortex-A15, as QEMU's `virt` has no A9; U-Boot is built for its kind of page tables. The same
files on both. Judged is CPU time, user and system, of the whole of QEMU's process and of all of the guest's
with what its loading cost before; wall time stands beside it. U-Boot's countdown is ended by a key that is
pressed when its first lines show. The installer has no display on either side: its dialog is on the serial
console.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

import msgspec

from pocketvisor.errors import MissingImage
from pocketvisor.guest.options import RunOptions
from pocketvisor.images.catalogue import GuestImage, catalogue, image_from_files

from . import ours, qemu
from .bench import Bench, CannotMeasure
from .figures import Figure
from .timing import LineStamps, cpu_seconds, take_turns

_U_BOOT = Path("/usr/lib/u-boot/qemu_arm/u-boot.bin")
_DIALOG = r"Select a language|Choose the language"
_SECONDS = 300.0
_PROMPT_GOAL = 1.5
_DIALOG_GOAL = 1.2
_APPEND = "console=ttyAMA0"
_OPTIONS = RunOptions(rate="max", ram_mib=256, display="ramfb")
"""With ramfb that nobody sets up there is no display, as QEMU's `virt` has none."""


async def measure(bench: Bench) -> list[Figure]:
    """Ratios to QEMU's."""
    if problem := qemu.missing():
        raise CannotMeasure(problem)
    firmware, installer = u_boot(), catalogue()["debian-installer"]
    try:
        installer.check()
    except MissingImage as missing:
        raise CannotMeasure(str(missing)) from missing
    rounds = bench.rounds(5, 1)
    prompt: Mapping[str, Callable[[], Awaitable[Mapping[str, float]]]] = {
        "ours": partial(_our_prompt, firmware),
        "QEMU": partial(_qemu_prompt, firmware),
    }
    dialog: Mapping[str, Callable[[], Awaitable[Mapping[str, float]]]] = {
        "ours": partial(_our_dialog, installer),
        "QEMU": partial(_qemu_dialog, installer),
    }
    figures = []
    for name, goal, contenders in (
        ("U-Boot to prompt", _PROMPT_GOAL, prompt),
        ("installer to dialog", _DIALOG_GOAL, dialog),
    ):
        results = await take_turns(contenders, rounds, lambda text, name=name: bench.say(f"{name}: {text}"))  # type: ignore[misc]
        own, peer = results["ours"], results["QEMU"]
        figures += [
            Figure(
                name=name,
                unit="s CPU",
                ours=own["cpu"],
                peer=peer["cpu"],
                peer_name="QEMU virt, cortex-a15",
                judge="ratio",
                goal=goal,
            ),
            Figure(
                name=f"{name}, wall time", unit="s", ours=own["wall"], peer=peer["wall"], peer_name="QEMU"
            ),
        ]
    return figures


def u_boot() -> GuestImage:
    """The fetched guest, or what the package on this machine has."""
    image = catalogue()["u-boot"]
    if image.available:
        return msgspec.structs.replace(image, keep=False)
    if _U_BOOT.exists():
        return image_from_files(firmware=_U_BOOT, name="U-Boot")
    raise CannotMeasure(image.missing)


async def _our_prompt(image: GuestImage) -> dict[str, float]:
    async with ours.running(image, _OPTIONS) as running:
        await _to_prompt(running.console, lambda: running.guest.console.write(b" "))
        return _spent(running.started, running.pid, running.start_cpu)


async def _qemu_prompt(image: GuestImage) -> dict[str, float]:
    started = time.monotonic()
    async with qemu.running((*qemu.VIRT, "-bios", str(image.main_file))) as running:
        await _to_prompt(running.console, lambda: running.write(" "))
        return _spent(started, running.pid)


async def _to_prompt(console: LineStamps, key: Callable[[], object]) -> None:
    await console.text("DRAM:", _SECONDS)
    key()
    await console.text(r"\n=> ", _SECONDS)


async def _our_dialog(image: GuestImage) -> dict[str, float]:
    async with ours.running(msgspec.structs.replace(image, append=_APPEND), _OPTIONS) as running:
        await running.console.text(_DIALOG, _SECONDS)
        return _spent(running.started, running.pid, running.start_cpu)


async def _qemu_dialog(image: GuestImage) -> dict[str, float]:
    started = time.monotonic()
    guest = qemu.running(qemu.VIRT, image.kernel, initrd=image.initrd, append=_APPEND)
    async with guest as running:
        await running.console.text(_DIALOG, _SECONDS)
        return _spent(started, running.pid)


def _spent(started: float, pid: int, before: float = 0.0) -> dict[str, float]:
    return {"cpu": before + cpu_seconds(pid), "wall": time.monotonic() - started}
