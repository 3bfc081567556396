"""Our side of a comparison: a guest on a handset through the public API, its console stamped line by line."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.models import HandsetModel, load_models

from .timing import LineStamps, process_clock

PANEL = (480, 800)
"""Of the handset that benchmarks run on, and of the framebuffer that QEMU's guest is given."""


class Ours:
    """One running guest. `start_cpu`: what loading it cost this process, before its own began."""

    def __init__(self, guest: Guest, console: LineStamps, started: float, start_cpu: float) -> None:
        self.guest = guest
        self.console = console
        self.started = started
        self.start_cpu = start_cpu

    @property
    def pid(self) -> int:
        return self.guest.pid


def model() -> HandsetModel:
    """The shipped phone with this panel that has most RAM."""
    fitting = [one for one in load_models().values() if (one.panel.width, one.panel.height) == PANEL]
    return max(fitting, key=lambda one: one.ram_mib)


@asynccontextmanager
async def handset() -> AsyncIterator[Handset]:
    """A handset of that model, closed at the end."""
    phone = Handset(model())
    try:
        yield phone
    finally:
        await phone.close()


async def start(phone: Handset, image: GuestImage, options: RunOptions) -> Ours:
    """A guest whose console is stamped from its first byte that is seen on."""
    wall, cpu = time.monotonic(), time.process_time()
    guest = await phone.start(image, options=options)
    start_cpu = time.process_time() - cpu
    console = LineStamps(process_clock(guest.pid))
    console.feed(guest.console.text)
    guest.console.subscribe(console.feed)

    def state_changed() -> None:
        if guest.stop_reason is not None and guest.stop_reason.kind != "paused":
            console.end()

    guest.on("state", state_changed)
    return Ours(guest, console, wall, start_cpu)


@asynccontextmanager
async def running(image: GuestImage, options: RunOptions | None = None) -> AsyncIterator[Ours]:
    """One guest on a handset of its own, as fast as the host goes unless the options say otherwise."""
    async with handset() as phone:
        yield await start(phone, image, options or RunOptions(rate="max"))
