"""One guest's board, built in the guest's process from plain values and inherited descriptors.

Left out: hot plugging. Memory (RAM, framebuffer, flash) belongs to whoever made the descriptors; it is no
part of what is saved here.
"""

import contextlib
import mmap
import os
import threading
from collections.abc import Callable
from typing import Any, Final

from pocketvisor import _native
from pocketvisor.board import map as board
from pocketvisor.board.config import BoardConfig
from pocketvisor.devices.cfi_flash import CfiFlash
from pocketvisor.devices.device import Device, Port, State
from pocketvisor.devices.keyboard import Keyboard
from pocketvisor.devices.keys import key_lines
from pocketvisor.devices.pl031 import Pl031
from pocketvisor.devices.pl061 import Pl061
from pocketvisor.devices.touch import TouchScreen
from pocketvisor.devices.virtio import STATUS, VirtioDevice, VirtioSlot
from pocketvisor.devices.virtio_input import VirtioInput
from pocketvisor.devices.virtqueue import GuestMemory, Layout

CONSOLE = 0

_Maker = Callable[[Port], Device[Any]]

_DEVICES: Final[tuple[tuple[board.Part, Callable[[BoardConfig], _Maker]], ...]] = (
    (board.RTC, lambda config: lambda port: Pl031(port, config.rtc_epoch)),
    (board.GPIO, lambda config: Pl061),
)
"""Where each device in Python is, and how it is made. A new one is a line here, and a devicetree.py node."""


class Board:
    """The machine with all of the board's parts. run() and what else is not here is `machine`'s.

    What is here may be called from any thread, save() and restore() only while the machine does not run.
    """

    def __init__(self, config: BoardConfig) -> None:
        """Raises what Machine raises."""
        fds = config.descriptors
        self.machine = machine = _native.Machine(
            fds.ram,
            board.RAM_BASE,
            config.ram_size,
            config.tick_ps,
            status_fd=fds.status,
            deterministic=config.deterministic,
            skip_idle=config.skip_idle,
        )
        self._lock = threading.Lock()  # the virtio devices' callers may be several threads
        self._devices: dict[str, Device[Any]] = {}
        self._indices: dict[str, int] = {}
        self._slots: dict[int, VirtioSlot] = {}
        self._lines = key_lines(config.keys)
        ram = mmap.mmap(fds.ram, config.ram_size, mmap.MAP_SHARED, mmap.PROT_READ)
        self._memory = GuestMemory(memoryview(ram), board.RAM_BASE)

        self._add_flash(*fds.flash)
        if fds.framebuffer >= 0:
            panel = config.panel
            machine.add_framebuffer(
                board.FRAMEBUFFER.base,
                fds.framebuffer,
                panel.width,
                panel.height,
                panel.stride,
                fds.frame_event,
            )
        machine.add_gic(board.GIC_DISTRIBUTOR.base, board.GIC_CPU_INTERFACE.base)
        machine.add_timer()
        machine.add_pl011(board.UART.base, _spi(board.UART))
        machine.add_virtio_slots(board.VIRTIO.base, _spi(board.VIRTIO), board.VIRTIO_SLOTS)
        for part, make in _DEVICES:
            self.add_device(part, make(config))
        self._touch_screen = TouchScreen(config.panel.width, config.panel.height)
        self._touch = self._fill_slot(board.TOUCH_SLOT, VirtioInput(self._touch_screen))
        self._keyboard = Keyboard()
        self._keys = self._fill_slot(board.KEYBOARD_SLOT, VirtioInput(self._keyboard))
        machine.set_cpu(config.entry.registers())

    def serve_doorbells(self) -> None:
        """Work the queues that the guest has kicked. Call it when `machine.doorbell_fd` is signalled."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.machine.doorbell_fd)
        with self._lock:
            for slot, queue in self.machine.take_doorbells():
                self._slots[slot].serve(queue)

    # Input. What changes nothing, or has no place on this handset, is left out without a word.

    def touch(self, x: int, y: int, phase: str, slot: int = 0) -> None:
        """phase: "down", "move" or "up"; x and y in pixels of the panel; slot: which finger."""
        with self._lock:
            if self._touch_screen.touch(x, y, phase, slot):
                self._touch.flush()

    def key(self, code: int, pressed: bool) -> None:
        """A key of the keyboard, by Linux's number."""
        with self._lock:
            if self._keyboard.key(code, pressed):
                self._keys.flush()

    def hardware_key(self, name: str, pressed: bool) -> None:
        """One of the handset's own keys."""
        line = self._lines.get(name)
        if line is not None:
            self.machine.post(_native.EVENT_DEVICE, self._indices[Pl061.name], bytes((line, pressed)))

    def console_input(self, data: bytes) -> bool:
        """False where the guest does not take what was sent before."""
        return self.machine.post(_native.EVENT_CONSOLE_INPUT, CONSOLE, data)

    # State

    def save(self) -> State:
        """What was posted and has not reached the guest yet does so before, at the tick where it stands."""
        with self._lock:
            while self.machine.run(0) == _native.RUN_STOPPED:
                pass  # a stop() that came when the machine stood still already
            return {
                "machine": self.machine.save(),
                "devices": {name: device.save() for name, device in self._devices.items()},
                "virtio": {str(number): slot.save() for number, slot in self._slots.items()},
            }

    def restore(self, state: State) -> None:
        """Raises ValueError where a part is missing or impossible; the board is then of no further use."""
        with self._lock:
            machine, devices, virtio = (_part(state, name) for name in ("machine", "devices", "virtio"))
            self.machine.restore(machine)
            for name, device in self._devices.items():
                device.restore(_part(devices, name))
            for number, slot in self._slots.items():
                slot.restore(_part(virtio, str(number)))
                slot.serve(STATUS)  # before any input: the driver is there already

    # Building

    def _add_flash(self, code: int, variables: int) -> None:
        """The first bank is executed from, and only that: writes to it are ignored. The second is written."""
        if code >= 0:
            self.machine.map_memory(board.FLASH_BANKS[0], board.FLASH_BANK_SIZE, code, writable=False)
        if variables >= 0:
            content = memoryview(mmap.mmap(variables, board.FLASH_BANK_SIZE, mmap.MAP_SHARED))
            part = board.Part(board.FLASH_BANKS[1], board.FLASH_BANK_SIZE)
            self.add_device(part, lambda port: CfiFlash(port, content))

    def add_device(self, part: board.Part, make: _Maker) -> int:
        """A device in Python on the bus, before the first run(); answers its index for EVENT_DEVICE."""
        machine, spi = self.machine, part.spi
        index = -1

        def set_alarm(at_ns: int | None) -> None:
            machine.set_alarm(index, at_ns)

        def drive(level: bool) -> None:
            if spi is not None:
                machine.set_line(spi, level)

        port = Port(drive, machine.now_ns, set_alarm)
        device = make(port)
        index = machine.add_device(part.base, part.size, device, device.name)
        self._devices[device.name] = device
        self._indices[device.name] = index
        return index

    def _fill_slot(self, number: int, device: VirtioInput) -> VirtioInput:
        self._slots[number] = VirtioSlot(_Machine(self.machine), number, device, self._memory)
        return device


class _Machine:
    """The machine as a virtio slot sees it."""

    def __init__(self, machine: _native.Machine) -> None:
        self._machine = machine

    def fill(self, slot: int, device: VirtioDevice) -> None:
        self._machine.fill_virtio_slot(
            slot, device.device_id, device.features, device.queue_sizes, device.config, device.windows
        )

    def status(self, slot: int) -> tuple[int, int, int]:
        return self._machine.virtio_status(slot)

    def layout(self, slot: int, queue: int) -> Layout | None:
        found = self._machine.virtio_queue(slot, queue)
        return Layout(found["size"], found["descriptors"], found["available"]) if found["ready"] else None

    def post_used(self, slot: int, payload: bytes) -> bool:
        return self._machine.post(_native.EVENT_VIRTIO_USED, slot, payload)


def _spi(part: board.Part) -> int:
    assert part.spi is not None
    return part.spi


def _part(state: State, name: str) -> State:
    part = state.get(name) if isinstance(state, dict) else None
    if not isinstance(part, dict):
        raise ValueError(f"the state has no part '{name}'")
    return part
