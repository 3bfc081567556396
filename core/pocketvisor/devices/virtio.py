"""What a virtio device in Python is, and the slot that it stands behind.

All calls come on one thread at a time, that of whoever serves the doorbells, and none waits for the guest.
What a device answers is posted, and comes into the guest as a logged event.
"""

from collections.abc import Sequence
from typing import Annotated, Protocol

from msgspec import Meta, Struct

from pocketvisor.devices.device import State, from_plain, plain
from pocketvisor.devices.virtqueue import (
    F_INDIRECT,
    Chain,
    GuestMemory,
    Layout,
    Virtqueue,
    VirtqueueError,
    broken_payload,
    used_payload,
)

DRIVER_OK = 4
NEEDS_RESET = 64
STATUS = -1
"""The doorbell of a slot's status."""

Windows = dict[tuple[int, int], bytes]
"""What a configuration space shows, by what the driver writes to its first two bytes (virtio-input)."""

Answer = tuple[Chain, Sequence[tuple[int, bytes]], int]
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
        """There may be new chains. Raises VirtqueueError where the driver made something impossible."""

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

    def post_used(self, slot: int, payload: bytes) -> bool: ...


class SlotState(Struct):
    """The queues' positions, good for one generation alone."""

    active: bool = False
    generation: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)] = 0
    positions: Annotated[list[Annotated[int, Meta(ge=0, le=0xFFFF)]], Meta(max_length=16)] = []


class VirtioSlot:
    """One slot: follows the driver's status, keeps the queues, contains what a driver gets wrong."""

    def __init__(self, machine: SlotMachine, number: int, device: VirtioDevice, memory: GuestMemory) -> None:
        self._machine = machine
        self._number = number
        self._memory = memory
        self._generation = 0
        self._active = False
        self._queues: list[Virtqueue | None] = []
        self._restored: SlotState | None = None
        self.device = device
        device.port = self
        machine.fill(number, device)

    # For the device

    def queue(self, number: int) -> Virtqueue | None:
        """None where the driver is not ready, or left the queue alone."""
        return self._queues[number] if self._active and number < len(self._queues) else None

    def answer(self, queue: int, answers: Sequence[Answer]) -> bool:
        """Give chains back, all at once. False at a bound: nothing happened, try again later."""
        writes = [write for _, pieces, _ in answers for write in pieces]
        used = [(chain.head, length) for chain, _, length in answers]
        return self._machine.post_used(self._number, used_payload(self._generation, queue, writes, used))

    # For the board

    def serve(self, queue: int) -> None:
        """A doorbell: a queue, or STATUS. Nothing else, as a write to the configuration, is for us."""
        try:
            if queue == STATUS:
                self._follow()
            elif self._active and queue >= 0:
                self.device.kick(queue)
        except VirtqueueError:
            self.broken()

    def broken(self) -> None:
        """The driver made something impossible; it is told, and nothing goes on before it has reset."""
        self._machine.post_used(self._number, broken_payload(self._generation))
        self._stop()

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
        self._queues = []
        for number in range(len(self.device.queue_sizes)):
            layout = self._machine.layout(self._number, number)
            known = restored is not None and number < len(restored.positions)
            position = restored.positions[number] if restored is not None and known else 0
            indirect = bool(features & F_INDIRECT)
            self._queues.append(
                Virtqueue(self._memory, layout._replace(indirect=indirect), position) if layout else None
            )
        self._active = True
        self.device.activate()

    def _stop(self) -> None:
        if self._active:
            self._active = False
            self._queues = []
            self.device.deactivate()
