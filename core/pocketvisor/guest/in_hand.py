"""What a guest is handled with while it runs: touch and keys, and what its devices are told.

All of it is lost on a guest that does not run; nothing here waits for the guest.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import Struct

from pocketvisor.control import messages
from pocketvisor.control.status import STATE_IDLE
from pocketvisor.devices.virtio_gpu import SetPanel
from pocketvisor.errors import GuestError, Refused
from pocketvisor.guest import balloon, disks, ports
from pocketvisor.guest.balloon import Balloon
from pocketvisor.guest.clipboard import GuestClipboard
from pocketvisor.guest.console import Console
from pocketvisor.guest.exchange import GuestCalls
from pocketvisor.guest.keyboard import Reading, Typist
from pocketvisor.guest.modem import Modem
from pocketvisor.guest.options import LIVE_STATES, GuestState, RunOptions
from pocketvisor.guest.panel import PanelView
from pocketvisor.guest.peripherals import Peripherals
from pocketvisor.guest.run import GuestRun
from pocketvisor.guest.vsock import Vsock
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.images.offers import Offer
from pocketvisor.policies.act import Act

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.handset import Handset

Progress = Callable[[str], None]

CAMERA_KEY = "camera"
_KEY_CAMERA = 212


class GuestInHand:
    """The half of a Guest that front ends handle."""

    name: str
    ram_mib: int
    image: GuestImage
    handset: "Handset"
    console: Console
    options: RunOptions
    state: GuestState
    panel: PanelView
    _panel_size: SetPanel | None
    _peripherals: Peripherals | None
    _run: GuestRun | None
    _in_transit: list[Any] | None
    """What was sent while it changed its process."""

    @property
    def _guest(self) -> "Guest":
        return cast("Guest", self)

    def _send(self, message: Any) -> None:
        if self._in_transit is not None:
            self._in_transit.append(message)
        elif self._run is not None and self.state in LIVE_STATES:
            self._run.send(message)

    # Input. Never waits; what a guest that does not run gets is lost.

    def touch(self, x: float, y: float, phase: str, slot: int = 0) -> None:
        """phase: "down", "move" or "up"; pixels of the picture that the panel shows. The touch screen tells
        where on the whole that is, in the panel's own pixels: a guest whose picture has another size maps the
        one to the other, as it does with a real panel that it scales."""
        if self._guest.used():
            self._send(messages.Touch(*self.panel.on_glass(x, y), phase, slot))

    def key(self, code: int, pressed: bool) -> None:
        """A key of the keyboard by Linux's KEY_ number."""
        if self._guest.used() and not (code == _KEY_CAMERA and self._has_no_camera(pressed)):
            self._send(messages.Key(code, pressed))

    def hardware_key(self, name: str, pressed: bool) -> None:
        """A key of the phone, one of the model's `keys`. That of the camera is withheld from a guest whose
        policy allows it none."""
        if name not in self.handset.model.keys:
            raise GuestError(f"{self.handset.model.name} has no key '{name}'")
        if self._guest.used() and not (name == CAMERA_KEY and self._has_no_camera(pressed)):
            self._send(messages.HardwareKey(name, pressed))

    def _has_no_camera(self, pressed: bool) -> bool:
        """What is let go was let through, or was not, when it was pressed."""
        if pressed:
            try:
                self._guest.check(Act.CAMERA)
            except Refused as error:
                self._guest.run_note(str(error))
                return True
        return False

    def type_text(self, text: str) -> None:
        """Types on the keyboard, a few keys at a time; characters that it has no key for are left out. It is
        text from outside, as what is pasted. Raises Refused."""
        self._guest.check(Act.COPY_IN)
        self._typist.type(text)

    @cached_property
    def _typist(self) -> Typist:
        return Typist(self.key, self._reading)

    def _reading(self) -> Reading | None:
        if self._in_transit is None and (self._run is None or self.state not in LIVE_STATES):
            return None
        head = self._guest.status.head()
        waits = head.state == STATE_IDLE or self.options.skip_idle
        return Reading(head.ticks, head.clock_ns, self._guest.status.counters()["events"], waits)

    def tell(self, device: str, message: Struct) -> None:
        """Something for one of its devices, in that device's terms. Never waits."""
        self._send(messages.ToDevice(device, msgspec.msgpack.encode(message)))

    def send(self, device: str, payload: bytes) -> None:
        """Something for a device of the user's own: its event(), at a logged tick. Never waits."""
        self._send(messages.ToDevice(device, payload))

    def hand_over(self, device: str, message: Struct, fd: int) -> None:
        """As tell(), with a descriptor that stays open here. Raises GuestError."""
        if self._run is None or self.state not in LIVE_STATES:
            raise GuestError(f"{self.name} is {self.state.value}")
        self._run.hand_over(messages.ToDevice(device, msgspec.msgpack.encode(message), fd=True), fd)

    def set_panel(self, width: int, height: int) -> None:
        """The panel measures this from now on. A guest with a GPU is told, and shows a picture of that size
        if it likes. Over resets it stays. Other guests' framebuffers cannot change: it is nothing to them."""
        if self.options.devices_of(self.image).display == "gpu":
            self._panel_size = SetPanel(width, height)
            self.tell("gpu", self._panel_size)

    @property
    def has_drive(self) -> bool:
        """Whether files can be put into it while it runs."""
        try:
            return disks.of(self._guest, self._peripherals).drive
        except GuestError:
            return False

    async def insert_media(self, paths: Sequence[Path], progress: Progress | None = None) -> None:
        """Puts files and folders into its drive, as a read-only disk that is made of them now; what was in
        there before is out. Cancelled, it changes nothing. Raises GuestError, StorageError or Refused."""
        self._guest.check(Act.FILES_IN)
        await disks.of(self._guest, self._peripherals).insert(
            self._guest, paths, progress or (lambda _: None)
        )

    async def eject_media(self) -> None:
        """Raises GuestError where it has no drive."""
        await disks.of(self._guest, self._peripherals).eject(self._guest)

    @property
    def modem(self) -> Modem:
        """For messages and calls. Raises GuestError where it has none."""
        return ports.modem_of(self._guest, self._peripherals)

    @property
    def has_clipboard(self) -> bool:
        ports_of = self._peripherals.find(ports.Ports) if self._peripherals is not None else None
        return ports_of is not None and ports_of.clipboard is not None

    @property
    def clipboard(self) -> GuestClipboard:
        """What is copied in it. Raises GuestError where it has none."""
        return ports.clipboard_of(self._guest, self._peripherals)

    @property
    def hvc(self) -> Console:
        """The console of its virtio console device. Raises GuestError where it has none, Refused."""
        self._guest.check(Act.CONSOLE)
        return ports.of(self._guest, self._peripherals).console

    @property
    def calls(self) -> GuestCalls | None:
        """To and from other guests of its handset; None where it has no device for them, or is not open."""
        vsock = self._peripherals.find(Vsock) if self._peripherals is not None else None
        return vsock.calls if vsock is not None else None

    @property
    def offers(self) -> Sequence[Offer]:
        """What it offers to other guests of its handset."""
        return self.calls.offers if self.calls is not None else self.options.offers_of(self.image)

    def set_shut(self, shut: bool) -> None:
        """For what governs it: its consoles, and the channels of its user's programs."""
        self.console.set_shut(shut)
        if self._peripherals is not None:
            channels = self._peripherals.find(ports.Ports), self._peripherals.find(Vsock)
            for each in channels:
                if each is not None:
                    each.set_shut(shut)

    @property
    def has_balloon(self) -> bool:
        return self._peripherals is not None and self._peripherals.find(Balloon) is not None

    @property
    def balloon_mib(self) -> int:
        """What its balloon holds, and was asked to hold: it has that much less."""
        if not self.has_balloon:
            return 0
        return min(self.balloon.target_mib, int(self.balloon.actual_mib))

    @property
    def ram_held_mib(self) -> int:
        """What it takes of its handset's RAM while it is live."""
        return self.ram_mib - self.balloon_mib

    @property
    def balloon(self) -> Balloon:
        """To ask for memory back, and for statistics. Raises GuestError where it has none."""
        return balloon.of(self._guest, self._peripherals)
