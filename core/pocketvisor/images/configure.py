"""Running the packages' own programs: a guest of ours starts from the new disk and configures all on it.

It writes to the disk itself, with no overlay between, and powers off when it is through; its serial console
tells how far it is. Left out: retrying, since a disk that failed is thrown away.
"""

import asyncio
import re
from pathlib import Path

from pocketvisor.errors import ImageError
from pocketvisor.guest.options import RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.apt import Progress
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.models import load_models
from pocketvisor.storage.disk import DiskSpec

_SETTING_UP = re.compile(rb"^Setting up (?P<what>.*) \.\.\.\r?$", re.M)
_DONE = b"Pocketvisor Debian phone: configuring done"
_PATIENCE = 300.0
"""Seconds without a word until it is taken for hung: the slowest package takes a minute on a busy machine."""
_RAM_MIB = 384


async def configure(
    folder: Path, *, kernel: str, initrd: str, disk: str, packages: int, progress: Progress
) -> None:
    """Configure the packages on the disk; ImageError with the console's last lines if that fails."""
    image = GuestImage(
        id="configure",
        name="Configuring",
        kind="linux",
        kernel=folder / kernel,
        initrd=folder / initrd,
        append="console=ttyAMA0 quiet configure",
        ram_mib=_RAM_MIB,
        least_ram_mib=_RAM_MIB,
        disks=(DiskSpec(path=folder / disk, mode="direct"),),
    )
    progress("Starting Debian to configure its packages", 0.0)
    model = max(load_models().values(), key=lambda one: one.ram_mib)
    handset = Handset(model)
    told = bytearray()
    spoke = asyncio.Event()

    def hear(data: bytes) -> None:
        told.extend(data)
        spoke.set()
        found = _SETTING_UP.findall(told)
        if found:
            done = min(len(found) / (packages + 2), 1.0)
            progress(f"Configuring {found[-1].decode('ascii', 'replace').partition(' ')[0]}", done)

    try:
        guest = await handset.start(image, options=RunOptions(rate="max"))
        hear(bytes(guest.console.text))
        guest.console.subscribe(hear)
        stopped = asyncio.ensure_future(guest.wait_stopped())
        try:
            while not stopped.done():
                spoke.clear()
                word = asyncio.ensure_future(spoke.wait())
                await asyncio.wait({stopped, word}, timeout=_PATIENCE, return_when=asyncio.FIRST_COMPLETED)
                word.cancel()
                if not spoke.is_set() and not stopped.done():
                    raise ImageError(_sentence(f"said nothing for {_PATIENCE:.0f} s", told))
        finally:
            stopped.cancel()
        if _DONE not in told:
            raise ImageError(_sentence("failed", told))
    finally:
        await handset.close()


def _sentence(what: str, told: bytearray) -> str:
    lines = [line for line in told.decode("utf-8", "replace").splitlines() if line.strip()]
    return f"Configuring Debian's packages {what}: {' | '.join(lines[-6:])}"
