"""Handsets and guests under test, for tests that know no asyncio: each call comes back when it is done.

A thin layer: what the calls do and raise is in guests.py and handsets.py, in the same words.
"""

import re
from typing import TYPE_CHECKING, Any

from PIL import Image

from pocketvisor.guest.options import GuestState, StopReason
from pocketvisor.guest.statistics import GuestCounters
from pocketvisor.models import HandsetModel
from pocketvisor.recording import Recording
from pocketvisor.testing.background import BackgroundLoop
from pocketvisor.testing.ending import Ending, Verdicts
from pocketvisor.testing.guests import AsyncGuest
from pocketvisor.testing.hands import Point
from pocketvisor.testing.handsets import AsyncHandset
from pocketvisor.testing.phones import SyncPhone
from pocketvisor.testing.pictures import Mask, Rectangle

if TYPE_CHECKING:
    from pocketvisor.testing.blocking_debugger import SyncDebugger


class SyncGuest:
    """A guest under test. `guest` is the same for coroutines."""

    def __init__(self, guest: AsyncGuest, loop: BackgroundLoop) -> None:
        self.guest = guest
        self._loop = loop
        self._debugger: SyncDebugger | None = None

    @property
    def name(self) -> str:
        return self.guest.name

    @property
    def state(self) -> GuestState:
        return self.guest.state

    @property
    def output(self) -> bytes:
        """The console's output so far, as it came."""
        return self._loop.call(lambda: self.guest.output)

    @property
    def text(self) -> str:
        """The console's output without escape sequences and carriage returns."""
        return self._loop.call(lambda: self.guest.text)

    def counters(self) -> GuestCounters:
        """Ticks, time, exceptions, accesses to devices and more, as they stand."""
        return self._loop.call(self.guest.counters)

    @property
    def debugger(self) -> "SyncDebugger":
        """Registers, memory, breakpoints, its past."""
        if self._debugger is None:
            from pocketvisor.testing.blocking_debugger import SyncDebugger

            self._debugger = SyncDebugger(self._loop.call(lambda: self.guest.debugger), self._loop)
        return self._debugger

    # The console

    def expect(self, pattern: str | re.Pattern[str], seconds: float | None = None) -> re.Match[str]:
        """Wait for text on the console behind the last that was expected."""
        __tracebackhide__ = True
        return self._loop.run(self.guest.expect(pattern, seconds))

    def write(self, text: str | bytes) -> None:
        """Type into the serial console, as it is."""
        self._loop.call(self.guest.write, text)

    def send_line(self, line: str) -> None:
        """Type a line into the serial console."""
        self._loop.call(self.guest.send_line, line)

    # Touch and keys

    def tap(self, x: float, y: float, seconds: float = 0.05) -> None:
        """A finger down and up; longer makes it a long press."""
        self._loop.run(self.guest.tap(x, y, seconds))

    def swipe(self, start: Point, end: Point, seconds: float = 0.25) -> None:
        """A finger from one point to another, in even steps."""
        self._loop.run(self.guest.swipe(start, end, seconds))

    def touch(self, x: float, y: float, phase: str, slot: int = 0) -> None:
        """One step of a gesture of one's own: phase "down", "move" or "up", slot the finger."""
        self._loop.run(self.guest.give(self.guest.touch, x, y, phase, slot))

    def press(self, key: str, seconds: float = 0.05) -> None:
        """Press and let go a key of the phone, one of the model's `keys`."""
        self._loop.run(self.guest.press(key, seconds))

    def type(self, text: str) -> None:
        """Type on the guest's keyboard."""
        self._loop.call(self.guest.type, text)

    def key(self, code: int, pressed: bool) -> None:
        """A key of the keyboard by Linux's KEY_ number."""
        self._loop.run(self.guest.give(self.guest.key, code, pressed))

    def wait_guest_time(self, seconds: float) -> None:
        """Let the guest's clock go on."""
        self._loop.run(self.guest.wait_guest_time(seconds))

    # The panel

    def screenshot(self) -> Image.Image:
        """The panel's picture."""
        return self._loop.run(self.guest.screenshot())

    def expect_picture(
        self,
        name: str,
        seconds: float | None = None,
        *,
        tolerance: int = 0,
        differing: float = 0.0,
        region: Rectangle | None = None,
        mask: Mask = (),
    ) -> None:
        """Wait until the panel is as the reference `name`; see AsyncGuest.expect_picture()."""
        __tracebackhide__ = True
        waiting = self.guest.expect_picture(
            name, seconds, tolerance=tolerance, differing=differing, region=region, mask=mask
        )
        self._loop.run(waiting)

    def check_picture(self, name: str, **how: Any) -> None:
        """As expect_picture(), of what is on the panel now."""
        __tracebackhide__ = True
        self._loop.run(self.guest.check_picture(name, **how))

    def wait_still(self, still: float = 0.5, seconds: float | None = None) -> None:
        """Wait until the panel has not changed for `still` seconds."""
        __tracebackhide__ = True
        self._loop.run(self.guest.wait_still(still, seconds))

    # Its end, and its life

    def wait_stopped(self, seconds: float | None = None) -> StopReason:
        """Wait until the guest has stopped, for whatever reason (`kind` says which)."""
        __tracebackhide__ = True
        return self._loop.run(self.guest.wait_stopped(seconds))

    def wait_off(self, seconds: float | None = None) -> StopReason:
        """Wait until the guest has powered itself off; another end is a failure."""
        __tracebackhide__ = True
        return self._loop.run(self.guest.wait_off(seconds))

    def ending(self, seconds: float | None = None, verdicts: Verdicts | None = None) -> Ending:
        """Wait for a verdict on the console, or for the guest to stop, and say which it was."""
        __tracebackhide__ = True
        return self._loop.run(self.guest.ending(seconds, verdicts))

    def expect_pass(self, seconds: float | None = None, verdicts: Verdicts | None = None) -> Ending:
        """ending(), which has to be a good one."""
        __tracebackhide__ = True
        return self._loop.run(self.guest.expect_pass(seconds, verdicts))

    def pause(self) -> None:
        self._loop.run(self.guest.pause())

    def resume(self) -> None:
        self._loop.run(self.guest.resume())

    def reset(self) -> None:
        self._loop.run(self.guest.reset())

    def power_off(self) -> None:
        """Take the power away, as a user would with the battery."""
        self._loop.run(self.guest.power_off())

    def run_until(self, tick: int) -> StopReason:
        """From a pause to the first block start at or after a tick."""
        return self._loop.run(self.guest.run_until(tick))

    def digest(self) -> str:
        """blake3 of the guest's RAM: equal for two deterministic runs that were given the same."""
        return self._loop.run(self.guest.digest())

    def recording(self) -> Recording:
        """All that has entered the guest, to be replayed (`start(..., replay=recording)`)."""
        return self._loop.run(self.guest.recording())


class SyncHandset:
    """A handset under test. `handset` is the same for coroutines."""

    def __init__(self, handset: AsyncHandset, loop: BackgroundLoop) -> None:
        self.handset = handset
        self.guests: list[SyncGuest] = []
        self._loop = loop
        self.phone = SyncPhone(handset.phone, loop)
        """Its battery, place, orientation and signal, for guests that are started with phone=True."""

    @property
    def model(self) -> HandsetModel:
        return self.handset.model

    def start(self, image: object = None, **words: Any) -> SyncGuest:
        """Start a guest: a name of the catalogue, or elf=, kernel= (initrd=, dtb=, append=) or firmware=; or
        profile=, a .vphone that it goes on from (generation=, passphrase=), and that stays as it is.

        Further words are those of RunOptions (ram_mib, rate, deterministic, record, ...) and `name`.
        """
        __tracebackhide__ = True
        guest = SyncGuest(self._loop.run(self.handset.start(image, **words)), self._loop)
        self.guests.append(guest)
        return guest

    @property
    def foreground(self) -> SyncGuest | None:
        """The guest that holds the phone's panel, touch and keys."""
        current = self.handset.foreground
        return next((guest for guest in self.guests if guest.guest is current), None)

    def set_foreground(self, guest: SyncGuest) -> None:
        self._loop.call(self.handset.set_foreground, guest.guest)

    def next_foreground(self) -> None:
        self._loop.call(self.handset.next_foreground)

    def remove(self, guest: SyncGuest) -> None:
        """Take a guest off the handset."""
        self._loop.run(self.handset.remove(guest.guest))
        self.guests.remove(guest)

    def close(self) -> None:
        """End all guests."""
        self._loop.run(self.handset.close())
