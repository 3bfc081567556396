"""A development driver: guests without an engine, for what is hard to bring about with real ones.

Has the shape of `pocketvisor.api`. A guest's panel is a memfd that this process paints; tests set states,
push console output and frames, and read what came in. Real guests are used wherever they can be.
"""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from driver_governed import GovernedDriver
from driver_profiles import KeptDriver, opened
from driver_shared import DriverMemory, SharedDriver, share_out
from painter import Publisher

from pocketvisor.control.isolation import Isolation
from pocketvisor.control.status import PAGE_SIZE, StatusPage
from pocketvisor.errors import GuestError, OutOfMemory
from pocketvisor.guest.console import Console
from pocketvisor.guest.memory import create_memfd
from pocketvisor.guest.panel import PanelView
from pocketvisor.moving import MoveReport
from pocketvisor.phone import Phone
from pocketvisor.profile.ledger import OlderProfile


class Hooks:
    def __init__(self) -> None:
        self._hooks: dict[str, list[Callable[..., object]]] = {}

    def on(self, event: str, callback: Callable[..., object]) -> Callable[[], None]:
        self._hooks.setdefault(event, []).append(callback)
        return lambda: self._hooks[event].remove(callback)

    def tell(self, event: str, *what: object) -> None:
        for hook in list(self._hooks.get(event, ())):
            hook(*what)


class DriverPanel(PanelView):
    """A real panel, painted by whoever holds its descriptors: this process, or `painter.py`."""

    _open: ClassVar[list["DriverPanel"]] = []

    def __init__(self, width: int, height: int) -> None:
        self.status_fd = create_memfd("status", PAGE_SIZE)
        super().__init__(width, height, StatusPage(self.status_fd))
        self.publisher = Publisher(self.status_fd, self.fileno())
        self.pixels = np.frombuffer(self.buffer, np.uint32).reshape(height, width)
        self._open.append(self)

    def close(self) -> None:
        if self in self._open:
            self._open.remove(self)
            super().close()
            os.close(self.status_fd)

    @classmethod
    def close_all(cls) -> None:
        """The window is gone, and so is all that it was shown."""
        for panel in list(cls._open):
            panel.close()


class DriverConsole(Console):
    """A real one, of a guest that prints what a test says."""

    def __init__(self) -> None:
        self.written = b""
        super().__init__(self._typed)

    def _typed(self, data: bytes) -> None:
        self.written += data

    def push(self, data: bytes) -> None:
        self.received(data)


class DriverCounters:
    def __init__(self, guest: "DriverGuest") -> None:
        now = time.monotonic_ns() - guest.started
        self.ticks = now // 2
        self.clock_ns = now
        self.idle_ns = now // 2
        self.cpu_ns = int(now * 0.3)
        self.ram_bytes = 20 << 20
        self.mmio = self.irqs = self.blocks = 7


class DriverGuest(KeptDriver, GovernedDriver, SharedDriver, Hooks):
    _count = 0

    def __init__(self, handset: "DriverHandset", image: Any, name: str | None, state: Any) -> None:
        super().__init__()
        DriverGuest._count += 1
        self.id = f"g{DriverGuest._count}"
        self.name = name or image.name
        self.image = image
        self.handset = handset
        self.state = state
        self.problem = self.not_responding = self.held = ""
        self.pid: int | None = 4000 + DriverGuest._count
        self.ram_mib = image.ram_mib
        self.started = time.monotonic_ns()
        self.network = None
        self.has_drive = False
        self.isolation: Isolation | None = Isolation(no_new_privileges=True, calls_allowed=31, landlock=4)
        self.panel = DriverPanel(handset.model.panel.width, handset.model.panel.height)
        self.console = DriverConsole()
        self.console.guard = self.guard_console
        self.inputs: list[tuple[object, ...]] = []
        self.done: list[str] = []

    def on(self, event: str, callback: Callable[..., object]) -> Callable[[], None]:
        if event == "frame":
            self.panel.watch(lambda: self.tell("frame"))
        return super().on(event, callback)

    def become(self, state: Any, problem: str = "") -> None:
        self.state, self.problem = state, problem
        self.tell("state", state)

    def counters(self) -> DriverCounters:
        return DriverCounters(self)

    def touch(self, x: int, y: int, phase: str, slot: int = 0) -> None:
        self.inputs.append(("touch", x, y, phase, slot))

    def key(self, code: int, pressed: bool) -> None:
        self.inputs.append(("key", code, pressed))

    def hardware_key(self, name: str, pressed: bool) -> None:
        self.inputs.append(("hardware", name, pressed))

    def type_text(self, text: str) -> None:
        self.inputs.append(("type", text))

    def frame(self, *rectangle: int) -> None:
        """Publishes a frame with one damaged rectangle."""
        x0, y0, x1, y1 = rectangle or (0, 0, self.panel.width, self.panel.height)
        self.panel.publisher.publish(x0, y0, x1, y1)

    def show_scanout(self, width: int, height: int) -> Any:
        """As with a GPU: another memory is shown from now on; answers its pixels."""
        self.panel.publisher.show(1, width, height, width * 4)
        return np.frombuffer(self.panel.buffer, np.uint32).reshape(height, width)

    def draw(self) -> None:
        """A home screen of sorts, in the guest's colour."""
        red, green, blue = (int(self.image.accent[i : i + 2], 16) for i in (1, 3, 5))
        height, width = self.panel.pixels.shape
        rows = np.linspace(0.25, 0.75, height)[:, None] * np.ones((1, width))
        picture = (
            (rows * red).astype(np.uint32) << 16
            | (rows * green).astype(np.uint32) << 8
            | (rows * blue).astype(np.uint32)
        )
        self.panel.pixels[:] = picture
        cell = width // 4
        for row in range(3):
            for column in range(4):
                y, x = int(height * 0.3) + row * cell, column * cell
                self.panel.pixels[y + 14 : y + cell - 14, x + 14 : x + cell - 14] = 0xF0F4FA
        self.panel.pixels[: height // 30] = 0x101418
        self.frame()

    def __getattr__(self, name: str) -> Any:
        operations = {
            "pause": "PAUSED",
            "resume": "RUNNING",
            "reset": "RUNNING",
            "restart": "RUNNING",
            "power_off": "OFF",
            "kill": "CRASHED",
        }
        if name not in operations:
            raise AttributeError(name)

        async def operate() -> None:
            await asyncio.sleep(0)
            self.done.append(name)
            self.become(type(self.state)[operations[name]])

        return operate

    async def screenshot(self) -> bytes:
        return b"\x89PNG"

    def go_to(self, handset: "DriverHandset") -> None:
        """Off its handset and onto another, as a move ends."""
        source = self.handset
        source.guests.remove(self)
        if source.foreground is self:
            source.foreground = source.guests[0] if source.guests else None
        source.tell("guest-removed", self)
        source.tell("foreground", source.foreground)
        self.handset, self.pid = handset, (self.pid or 0) + 1000
        picture = self.panel.pixels.copy()
        self.panel = DriverPanel(handset.model.panel.width, handset.model.panel.height)
        high, wide = (min(a, b) for a, b in zip(picture.shape, self.panel.pixels.shape, strict=True))
        self.panel.pixels[:high, :wide] = picture[:high, :wide]
        handset.guests.append(self)
        handset.tell("guest-added", self)
        if handset.foreground is None:
            handset.set_foreground(self)
        self.frame()


class DriverHandset(Hooks):
    def __init__(self, model: Any, name: str | None = None) -> None:
        super().__init__()
        self.model = model
        self.name = name or model.name
        self.phone = Phone(model)
        self.scheduler, self.power = share_out(self)
        self.memory = DriverMemory(self)
        self.guests: list[DriverGuest] = []
        self.foreground: DriverGuest | None = None
        self.closed = False

    @property
    def ram_used_mib(self) -> int:
        return sum(guest.ram_mib for guest in self.guests if guest.state not in ("off", "crashed"))

    @property
    def ram_free_mib(self) -> int:
        return int(self.model.ram_mib) - self.ram_used_mib

    async def start(
        self,
        image: Any,
        *,
        name: str | None = None,
        options: Any = None,
        progress: Callable[[str], None] | None = None,
        on_guest: Callable[[DriverGuest], None] | None = None,
    ) -> DriverGuest:
        from pocketvisor.api import GuestState

        await asyncio.sleep(0)
        guest = DriverGuest(self, image, name, GuestState.RUNNING)
        self.guests.append(guest)
        self.tell("guest-added", guest)
        if self.foreground is None:
            self.set_foreground(guest)
        if on_guest is not None:
            on_guest(guest)
        return guest

    def check_room(self, ram_mib: int) -> None:
        if ram_mib > self.ram_free_mib:
            raise OutOfMemory(f"{self.name} has {self.ram_free_mib} MiB left, the guest wants {ram_mib}")

    async def open_profile(
        self,
        path: Path,
        *,
        generation: int | None = None,
        unlock: Any = None,
        accept_older: bool = False,
        progress: Any = None,
        on_guest: Callable[[DriverGuest], None] | None = None,
    ) -> DriverGuest:
        from pocketvisor.api import GuestImage, GuestState

        if path.stem == "Older" and not accept_older:
            raise OlderProfile("Its newest generation is 3, and 4 was seen on this machine")

        progress("Reading ram", 0.5)
        image = GuestImage(id="kept", name=path.stem, kind="elf", accent="#5fb878")
        guest = DriverGuest(self, image, None, GuestState.RUNNING)
        guest.profile = await asyncio.to_thread(opened, guest, path, unlock, generation)
        self.guests.append(guest)
        self.tell("guest-added", guest)
        if self.foreground is None:
            self.set_foreground(guest)
        if on_guest is not None:
            on_guest(guest)
        return guest

    async def clone(self, guest: DriverGuest, *, name: str | None = None) -> DriverGuest:
        made = await self.start(guest.image, name=name or f"{guest.name} 2")
        made.contents = guest.contents
        return made

    async def remove(self, guest: DriverGuest) -> None:
        await asyncio.sleep(0)
        guest.close_profile()
        self.guests.remove(guest)
        if self.foreground is guest:
            self.foreground = self.guests[0] if self.guests else None
        guest.panel.close()
        self.tell("guest-removed", guest)
        self.tell("foreground", self.foreground)

    def say(self, sentence: str) -> None:
        self.tell("message", sentence)

    def set_foreground(self, guest: DriverGuest | None) -> None:
        self.foreground = guest
        self.tell("foreground", guest)

    def next_foreground(self) -> None:
        if self.foreground is not None:
            at = self.guests.index(self.foreground)
            self.set_foreground(self.guests[(at + 1) % len(self.guests)])

    async def close(self) -> None:
        self.closed = True
        for guest in self.guests:
            guest.close_profile()
            guest.panel.close()


class DriverMover:
    """Moves at once, or when it is let go; fails where a problem is given."""

    def __init__(self) -> None:
        self.held = False
        self.problem: Exception | None = None
        self.moved: list[tuple[DriverGuest, DriverHandset]] = []
        self.let_go = asyncio.Event()

    def check(self, guest: Any, target: Any) -> None:
        if guest.state == "starting":
            raise GuestError(f"{guest.name} is starting: it can move when it runs")
        if guest.state != "off":
            target.check_room(guest.ram_mib)

    async def move(self, guest: Any, target: Any, progress: Any) -> MoveReport:
        progress("Round 1: 12.0 MiB, 310 MiB/s", 0.4)
        if self.held:
            await self.let_go.wait()
        await asyncio.sleep(0)
        if self.problem is not None:
            raise self.problem
        before, source = guest.pid, guest.handset
        guest.go_to(target)
        self.moved.append((guest, target))
        return MoveReport(
            guest=guest.name,
            source=source.name,
            target=target.name,
            downtime_ms=3.4,
            seconds=0.12,
            ram_mib=guest.ram_mib,
            state_bytes=4096,
            pid_before=before or 0,
            pid_after=guest.pid or 0,
        )
