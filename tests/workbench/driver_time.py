"""A timeline without an engine, for states that are hard to bring about with a real one: it goes where it is
told, when it is told, and fails on request. Has the shape of `pocketvisor.debug.timeline`."""

import asyncio
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from driver import DriverGuest, DriverPanel, Hooks
from PIL import Image, ImageDraw

from pocketvisor.errors import DebugError, GuestError

SECOND = 1_000_000_000


@dataclass
class DriverMoment:
    position: int
    clock_ns: int
    real_ns: int
    thumbnail: bytes
    bytes: int = 400_000


class DriverPast(Hooks):
    """What a guest was: as much of a guest as a pane looks at."""

    def __init__(self, panel: DriverPanel) -> None:
        super().__init__()
        self.panel = panel


@dataclass
class DriverTimeline(Hooks):
    guest: DriverGuest
    recording: bool = False
    in_past: bool = False
    running: bool = False
    shown_ns: int = 0
    end_ns: int = 0
    moments: list[DriverMoment] = field(default_factory=list)
    gone_to: list[int] = field(default_factory=list)
    fails: str = ""
    gate: asyncio.Event | None = None
    """Set: going somewhere waits for it."""

    def __post_init__(self) -> None:
        super().__init__()
        self.past = DriverPast(DriverPanel(self.guest.panel.native.width, self.guest.panel.native.height))

    @property
    def size_bytes(self) -> int:
        return sum(moment.bytes for moment in self.moments)

    @property
    def shown(self) -> Any:
        return self.past if self.in_past else self.guest

    async def start(self) -> None:
        self._check()
        self.recording = True
        if not self.moments:
            self.add(0)
        self.tell("moments")

    async def stop(self) -> None:
        self.recording = False
        self.tell("moments")

    def add(self, second: int) -> None:
        clock = second * SECOND
        self.moments.append(DriverMoment(clock * 2, clock, clock, thumbnail(self.guest, second)))
        self.end_ns = clock
        self.tell("moments")

    async def go_to_clock(self, clock_ns: int) -> None:
        self._check()
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(0)
        self.gone_to.append(clock_ns)
        self.shown_ns = clock_ns
        self.in_past = True
        self.past.panel.pixels[:] = 0x203040 + (clock_ns // SECOND) * 0x10
        self.tell("moved")

    async def go_to(self, position: int) -> None:
        await self.go_to_clock(position // 2)

    async def present(self) -> None:
        await asyncio.sleep(0)
        self.in_past = self.running = False
        self.tell("moved")

    async def run_forward(self) -> None:
        self.running = True
        self.tell("moved")

    async def pause(self) -> None:
        self.running = False
        self.tell("moved")

    async def branch(self, name: str) -> Any:
        self._check()
        handset = self.guest.handset
        made = await handset.start(self.guest.image, name=name)
        made.draw()
        return made

    async def keep(self) -> None:
        self._check()

    async def export(self, path: Path) -> None:
        path.write_bytes(b"recording")

    def _check(self) -> None:
        if self.fails:
            raise GuestError(self.fails)


class DriverDebugger(Hooks):
    """As much of a debugger as a timeline needs: it sees nothing."""

    standing = False
    stops = ()

    def __init__(self, timeline: DriverTimeline) -> None:
        super().__init__()
        self.timeline = timeline

    def __getattr__(self, name: str) -> Any:
        return None  # of everything else there is nothing

    @property
    def in_past(self) -> bool:
        return self.timeline.in_past

    async def sample(self, *_: object, **__: object) -> Any:
        raise DebugError("A driven guest has nothing inside")


def thumbnail(guest: DriverGuest, second: int) -> bytes:
    """A small picture that tells its second."""
    width, height = 96, round(96 * guest.panel.native.height / guest.panel.native.width)
    picture = Image.new("RGB", (width, height), (30 + second * 3 % 120, 60, 90))
    drawing = ImageDraw.Draw(picture)
    drawing.rectangle(
        (8, 10 + second * 5 % (height - 30), width - 8, 26 + second * 5 % (height - 30)), "white"
    )
    drawing.text((30, height - 30), str(second), "white")
    file = io.BytesIO()
    picture.save(file, "png")
    return file.getvalue()


def give_time(guest: Any) -> DriverTimeline:
    """A timeline to a driven guest, before the window looks at it; tests make the handset themselves."""
    timeline = DriverTimeline(guest)
    guest.debugger = DriverDebugger(timeline)
    return timeline


def pixels(panel: DriverPanel) -> int:
    return int(np.bitwise_and(panel.pixels[100, 100], 0xFFFFFF))
