"""What a virtio device in Python is, and the slot that it stands behind.

All calls come on one thread at a time, with the board's lock held, and none waits for the guest: what takes
long is given to `port.loop`. What a device answers is posted, and comes into the guest as a logged event.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Final, Protocol

from msgspec import Meta, Struct

from pocketvisor.devices.device import State, from_plain, plain
from pocketvisor.devices.loop import DeviceLoop
from pocketvisor.devices.virtqueue import (
    F_INDIRECT,
    Chain,
    GuestMemory,
    Layout,
    Payload,
    Virtqueue,
    VirtqueueError,
    broken_payload,
    clearing_payload,
    used_payload,
)

DRIVER_OK = 4
NEEDS_RESET = 64
STATUS = -1
"""The doorbell of a slot's status."""
CONFIG = -2
"""The doorbell of a write to the configuration space."""

_RETRY_SECONDS: Final = 0.001

Windows = dict[tuple[int, int], bytes]
"""What a configuration space shows, by what the driver writes to its first two bytes (virtio-input)."""

Write = tuple[int, bytes | memoryview]
"""What to write into the guest, and where. It is copied before give() or answer() comes back."""

Answer = tuple[Chain, Sequence[Write], int]
"""A chain that is done, what to write into the guest for it, and how many bytes of the chain that is."""


class VirtioDevice(Protocol):
    device_id: int
    features: int
    queue_sizes: tuple[int, ...]
    config: bytes
    windows: Windows | None
    port: "VirtioSlot"
    """Set by the slot that the device is put into."""

    def activate(self) -> None:
        """The driver is ready; what it set up is frozen. Also called after a restore."""

    def deactivate(self) -> None:
        """The driver has reset the device, or lost it: forget what was on the way."""

    def kick(self, queue: int) -> None:
        """There may be new chains. Raises VirtqueueError where the driver made something impossible. A device
        may also have configured(), called when the driver has written the configuration space, and
        control(data, fd), called with what the handset says to it (fd is None, or its own to close)."""

    def save(self) -> State: ...

    def restore(self, state: State) -> None:
        """Raises ValueError, and changes nothing, where the state is not one of this device."""


class SlotMachine(Protocol):
    """What a slot needs of the machine."""

    def fill(self, slot: int, device: VirtioDevice) -> None: ...
    def status(self, slot: int) -> tuple[int, int, int]:
        """(status, generation, driver's features)"""

    def layout(self, slot: int, queue: int) -> Layout | None:
        """None where the driver left the queue alone."""

    def config(self, slot: int) -> bytes: ...
    def post_used(self, slot: int, payload: Payload) -> bool: ...
    def post_config(self, slot: int, config: bytes) -> bool: ...


class SlotState(Struct):
    """The queues' positions, good for one generation alone."""

    active: bool = False
    generation: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)] = 0
    positions: Annotated[list[Annotated[int, Meta(ge=0, le=0xFFFF)]], Meta(max_length=16)] = []


class VirtioSlot:
    """One slot: follows the driver's status, keeps the queues, contains what a driver gets wrong.

    `report` takes what a device tells its handset; `again` is called where an answer met a bound, and serves
    the queue once more a little later."""

    def __init__(
        self,
        machine: SlotMachine,
        number: int,
        device: VirtioDevice,
        memory: GuestMemory,
        loop: DeviceLoop,
        report: Callable[[Struct], None] = lambda _: None,
        again: Callable[["VirtioSlot", int], None] | None = None,
    ) -> None:
        self._machine = machine
        self._number = number
        self._generation = 0
        self._active = False
        self._queues: list[Virtqueue | None] = []
        self._restored: SlotState | None = None
        self._again = again
        self.memory = memory
        self.loop = loop
        self.report = report
        self.features = 0
        """What the driver has taken of what the device offers; good from activate() on."""
        self.device = device
        device.port = self
        machine.fill(number, device)

    # For the device

    def queue(self, number: int) -> Virtqueue | None:
        """None where the driver is not ready, or left the queue alone."""
        return self._queues[number] if self._active and number < len(self._queues) else None

    def answer(self, queue: int, answers: Sequence[Answer]) -> bool:
        """Give chains back, all at once. False at a bound: nothing happened, retry() later."""
        writes = [write for _, pieces, _ in answers for write in pieces]
        return self.give(queue, writes, [(chain.head, length) for chain, _, length in answers])

    def give(self, queue: int, writes: Sequence[Write], used: Sequence[tuple[int, int]]) -> bool:
        """As answer(), with chains by their heads; or a part of an answer, with writes alone."""
        return self._machine.post_used(self._number, used_payload(self._generation, queue, writes, used))

    def clear(self, queue: int, ranges: Sequence[tuple[int, int]], used: Sequence[tuple[int, int]]) -> bool:
        """As give(), with zeros over ranges (address, size below 2 GiB); their whole pages go back to the
        host, at the logged tick and in a replay too."""
        return self._machine.post_used(self._number, clearing_payload(self._generation, queue, ranges, used))

    def retry(self, queue: int) -> None:
        """Kick this queue again, when the guest has had a moment to take what was posted."""
        if self._again is not None:
            self._again(self, queue)
        else:
            self.loop.later(_RETRY_SECONDS, lambda: self.serve(queue))

    def configure(self, config: bytes) -> bool:
        """A new configuration space, of the size of the old one; the driver gets an interrupt."""
        return self._machine.post_config(self._number, config)

    def written_config(self) -> bytes:
        """The configuration space with what the driver has written to it."""
        return self._machine.config(self._number)

    def broken(self) -> None:
        """The driver made something impossible; it is told, and nothing goes on before it has reset."""
        self._machine.post_used(self._number, broken_payload(self._generation))
        self._stop()

    # For the board

    def serve(self, queue: int) -> None:
        """A doorbell: a queue, STATUS or CONFIG."""
        try:
            if queue == STATUS:
                self._follow()
            elif queue == CONFIG:
                configured = getattr(self.device, "configured", None)
                if self._active and configured is not None:
                    configured()
            elif self._active and queue >= 0:
                self.device.kick(queue)
        except VirtqueueError:
            self.broken()

    def save(self) -> State:
        positions = [queue.position if queue else 0 for queue in self._queues]
        slot = self._restored or SlotState(self._active, self._generation, positions)
        return {"slot": plain(slot), "device": self.device.save()}

    def restore(self, state: State) -> None:
        """After the machine's; serve(STATUS) then makes the device go on."""
        if not isinstance(state, dict) or not isinstance(state.get("device"), dict):
            raise ValueError("a virtio device's state is incomplete")
        slot = from_plain(state.get("slot"), SlotState)
        self.device.restore(state["device"])
        self._active, self._queues = False, []
        self._restored = slot

    def _follow(self) -> None:
        status, generation, features = self._machine.status(self._number)
        ready = bool(status & DRIVER_OK) and not status & NEEDS_RESET
        if self._active and (not ready or generation != self._generation):
            self._stop()
        if not ready or self._active:
            return
        restored, self._restored = self._restored, None
        if restored is not None and (not restored.active or restored.generation != generation):
            restored = None
            self.device.deactivate()
        self._generation = generation
        self.features = features
        self._queues = []
        for number in range(len(self.device.queue_sizes)):
            layout = self._machine.layout(self._number, number)
            known = restored is not None and number < len(restored.positions)
            position = restored.positions[number] if restored is not None and known else 0
            indirect = bool(features & F_INDIRECT)
            self._queues.append(
                Virtqueue(self.memory, layout._replace(indirect=indirect), position) if layout else None
            )
        self._active = True
        self._begin()

    def _begin(self) -> None:
        self.device.activate()

    def _stop(self) -> None:
        if self._active:
            self._active = False
            self._queues = []
            self.device.deactivate()
