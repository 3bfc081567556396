"""The sample phone as a test sees it: its console's commands, and what its screen says can be touched."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pocketvisor.testing import SyncGuest, SyncHandset

_SIX_FRAMES = 0.1


@dataclass
class Phone:
    guest: SyncGuest

    @classmethod
    def start(cls, handset: SyncHandset, image: str = "personal", **words: object) -> Phone:
        guest = handset.start(image, **words)
        guest.expect(r"ready after [\d.]+ ms\n> ")
        return cls(guest)

    @property
    def size(self) -> tuple[int, int]:
        picture = self.guest.screenshot()
        return picture.size

    def run(self, command: str, seconds: float = 60.0) -> str:
        """What a console command prints."""
        self.guest.send_line(command)
        return self.guest.expect(rf"(?s){re.escape(command)}\n(.*?)> ", seconds)[1]

    def where(self) -> dict[str, tuple[int, int]]:
        """The middles of all that can be touched, by name; and the screen's name as `screen`."""
        first, *lines = self.run("where").splitlines()
        places: dict[str, tuple[int, int]] = {}
        for line in lines:
            x, y, width, height, name = line.split(" ", 4)
            places.setdefault(name, (int(x) + int(width) // 2, int(y) + int(height) // 2))
        self.screen = first.removeprefix("screen ")
        return places

    def on(self, screen: str) -> bool:
        self.where()
        return self.screen == screen

    def tap(self, name: str) -> None:
        self.guest.tap(*self.where()[name])

    def seconds(self) -> float:
        """Its time. A host that comes to a standstill makes what a finger does longer than it was meant."""
        return self.guest.counters().clock_ns / 1e9

    def power(self) -> str:
        """A short press of the power key; what `ps` says of the screen then."""
        while True:
            begun = self.seconds()
            self.guest.press("power")
            short = self.seconds() - begun < 0.5
            self.still()
            screen = self.run("ps").splitlines()[-1]
            if short or "Power off" not in self.where():
                return screen
            self.run("back")  # the menu of a long one goes

    def unlock(self) -> None:
        width, height = self.size
        self.guest.swipe((width // 2, height * 9 // 10), (width // 2, height // 4))
        self.still()

    def still(self) -> None:
        """Waits until nothing moves on it. It is asked itself: what was touched before its first answer is
        done then, and what is due before its second one is drawn."""
        drawn = -1
        while drawn != (drawn := self.frames()["frames"]):
            self.guest.wait_guest_time(_SIX_FRAMES)

    def frames_a_second(self, kind: str) -> float:
        """For a second of the guest's time. Only of a deterministic guest, whose time waits for it."""
        begun = self.guest.counters().clock_ns
        self.run("frames reset")
        self.guest.wait_guest_time(1.0)
        frames = self.frames()[kind]
        return frames * 1e9 / (self.guest.counters().clock_ns - begun)

    def frames(self) -> dict[str, int]:
        """The counts of the command `frames`."""
        text = self.run("frames")
        names = ("frames", "late", "full", "pixels")
        return {name: int(re.search(rf"{name} (\d+)", text)[1]) for name in names}  # type: ignore[index]
