"""One guest's board, built in the guest's process from plain values and inherited descriptors.

Left out: hot plugging. Memory (RAM, framebuffer, flash) belongs to whoever made the descriptors; it is no
part of what is saved here.
"""

import contextlib
import mmap
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from pocketvisor import _native
from pocketvisor.board import map as board
from pocketvisor.board import slots
from pocketvisor.board.config import BoardConfig
from pocketvisor.board.firmware import flash, fw_cfg
from pocketvisor.devices.cfi_flash import CfiFlash
from pocketvisor.devices.device import Device, Port, State
from pocketvisor.devices.keyboard import Keyboard
from pocketvisor.devices.keys import key_lines
from pocketvisor.devices.loop import DeviceLoop
from pocketvisor.devices.pl031 import Pl031
from pocketvisor.devices.pl061 import Pl061
from pocketvisor.devices.touch import TouchScreen
from pocketvisor.devices.user_device import UserDevice, load
from pocketvisor.devices.virtio import STATUS, VirtioDevice, VirtioSlot
from pocketvisor.devices.virtio_blk import VirtioBlock
from pocketvisor.devices.virtio_input import VirtioInput
from pocketvisor.devices.virtio_replay import ReplayedSlot
from pocketvisor.devices.virtqueue import GuestMemory, Layout, Payload

CONSOLE = 0

_Maker = Callable[[Port], Device[Any]]

_DEVICES: Final[tuple[tuple[board.Part, Callable[[BoardConfig], _Maker]], ...]] = (
    (board.RTC, lambda config: lambda port: Pl031(port, config.rtc_epoch)),
    (board.GPIO, lambda config: Pl061),
)
"""Where each device in Python is, and how it is made. A new one is a line here, and a devicetree.py node."""

_REPORTS_MAX: Final = 1024


class Board:
    """The machine with all of the board's parts. run() and what else is not here is `machine`'s.

    What is here may be called from any thread, save() and restore() only while the machine does not run.
    """

    def __init__(self, config: BoardConfig, *, sync: bool = False, replay: bool = False) -> None:
        """Raises what Machine raises.

        sync: doorbells are served by whoever runs the machine, at their ticks, and what they start is done at
        once. replay: all that devices would answer is in the log, and they do what it says that they have
        done (devices/virtio_replay.py): for disks and pictures of the replay's own. What is said to it from
        outside is lost. What save() says then is a state to go on from live, too."""
        fds = config.descriptors
        self.machine = machine = _native.Machine(
            fds.ram,
            board.RAM_BASE,
            config.ram_size,
            config.tick_ps,
            status_fd=fds.status,
            deterministic=config.deterministic,
            skip_idle=config.skip_idle,
            ram_layers=fds.ram_layers,
            ram_map=fds.ram_map,
            ram_wanted=fds.ram_wanted,
            ram_loaded=fds.ram_loaded,
        )
        self._lock = threading.RLock()  # the virtio devices' callers are several threads
        self._sync = sync
        self._replay = replay
        self._again: list[tuple[VirtioSlot, int]] = []
        self._reports: deque[tuple[str, bytes]] = deque()
        self.report_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.loop = DeviceLoop(self._lock, inline=sync or replay)
        self._devices: dict[str, Device[Any]] = {}
        self._indices: dict[str, int] = {}
        self._user: set[str] = set()
        self._slots: dict[int, VirtioSlot] = {}
        self._named: dict[str, VirtioSlot] = {}
        self._lines = key_lines(config.keys)
        self._legacy = config.devices.legacy
        self._memory = GuestMemory(machine.ram, board.RAM_BASE, machine.require)
        with contextlib.suppress(RuntimeError):
            self.ram_complete()  # unless something of it is absent

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
        make_fw_cfg = fw_cfg(config, machine, self.loop, self._memory, self._note)
        self.add_device(board.FW_CFG, make_fw_cfg)
        shown = config.devices.phone
        self._phone = None
        if shown is not None:
            from pocketvisor.board.phone import PhoneParts

            self._phone = PhoneParts(self, shown, config.rtc_epoch)
        self._touch_screen = TouchScreen(config.panel.width, config.panel.height)
        self._touch = VirtioInput(self._touch_screen)
        self._keyboard = Keyboard()
        self._keys = VirtioInput(self._keyboard)
        self._fill_slot(board.TOUCH_SLOT, "touch", self._touch)
        self._fill_slot(board.KEYBOARD_SLOT, "keyboard", self._keys)
        scanout = memoryview(mmap.mmap(fds.scanout, 0, mmap.MAP_SHARED)) if fds.scanout >= 0 else None
        for number, name, device in slots.fill(slots.Site(config, machine, scanout)):
            self._fill_slot(number, name, device)
        self._semihosting = None
        if config.semihosting is not None:
            from pocketvisor.board.programs import semihosting

            self._semihosting = semihosting(config, machine, CONSOLE)
        machine.set_cpu(config.entry.registers())
        if replay:
            machine.follow_replay(self._replayed)
        if not sync:
            self.loop.watch(machine.doorbell_fd, self._serve_doorbells)

    def add_user_devices(self, devices: Sequence[UserDevice]) -> None:
        """Before the first run(), and behind the sandbox: this runs code of theirs. Raises ValueError."""
        for index, described in enumerate(devices):
            if described.name in self._devices:
                raise ValueError(f"the board has a device '{described.name}' already")
            part = board.user_device(index)._replace(size=described.size)
            try:
                self.add_device(part, load(described.source, f"{described.name}.py"))
            except Exception as error:
                raise ValueError(f"the device '{described.name}' does not start: {error}") from error
            self._user.add(described.name)

    def serve_doorbells(self) -> None:
        """Work the queues that the guest has kicked, in sync mode; else the devices' thread does it, once
        `loop` was started."""
        with self._lock:
            self._serve_doorbells()

    @property
    def unserved(self) -> bool:
        """In sync mode: is there a queue to serve again, when the guest has run on a little?"""
        return bool(self._again)

    def control(self, name: str, data: bytes, fd: int | None = None) -> None:
        """What the handset says to a device. A descriptor is the device's own from here on.

        Raises ValueError where there is no such device, or it cannot make sense of the message."""
        with self._lock:
            slot = self._named.get(name)
            device: object = slot.device if slot is not None else self._devices.get(name)
            if name in self._user:
                self.machine.post(_native.EVENT_DEVICE, self._indices[name], data)
                return
            if name == "phone":
                device = self._phone
            control = getattr(device, "control", None)
            if control is None:
                if fd is not None:
                    os.close(fd)
                raise ValueError(f"there is no device '{name}' to speak to")
            if not self._replay:
                control(data, fd)
            elif fd is not None:
                os.close(fd)

    def take_reports(self) -> list[tuple[str, bytes]]:
        """(device, message) of all that devices told their handset since the last call; with no device it is
        a sentence."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.report_fd)
        reports = []
        while self._reports:
            reports.append(self._reports.popleft())
        return reports

    def ram_complete(self) -> None:
        """Nothing looks for absent blocks of RAM any more. Raises RuntimeError where there is one."""
        self.machine.ram_complete()
        self._memory.complete()

    # Input. What changes nothing, or has no place on this handset, is left out without a word.

    def touch(self, x: int, y: int, phase: str, slot: int = 0) -> None:
        """phase: "down", "move" or "up"; x and y in pixels of the panel; slot: which finger."""
        with self._lock:
            if self._replay:
                return
            self._touch.look()
            if self._touch_screen.touch(x, y, phase, slot):
                self._touch.flush()

    def key(self, code: int, pressed: bool) -> None:
        """A key of the keyboard, by Linux's number."""
        with self._lock:
            if self._replay:
                return
            self._keys.look()
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
            self._settle()
            return {
                "machine": self.machine.save(),
                "semihosting": self._semihosting.save() if self._semihosting is not None else {},
                "devices": {name: device.save() for name, device in self._devices.items()},
                "virtio": {str(number): slot.save() for number, slot in self._slots.items()},
            }

    def restore(self, state: State) -> None:
        """Raises ValueError where a part is missing or impossible; the board is then of no further use."""
        with self._lock:
            machine, devices, virtio = (_part(state, name) for name in ("machine", "devices", "virtio"))
            self.machine.restore(machine)
            if self._semihosting is not None:
                self._semihosting.restore(_part(state, "semihosting"))
            for name, device in self._devices.items():
                device.restore(_part(devices, name))
            for number, slot in self._slots.items():
                slot.restore(_part(virtio, str(number)))
                slot.serve(STATUS)  # before any input: the driver is there already
            if self._phone is not None:
                self._phone.restored()

    def take_flash_written(self) -> bool:
        """Whether the flash was written since the last call."""
        flash = self._devices.get(CfiFlash.name)
        written = isinstance(flash, CfiFlash) and flash.written
        if isinstance(flash, CfiFlash):
            flash.written = False
        return written

    def hand_over(self) -> None:
        """Right after save(), held: another process has the disks from now on, and what is on its way to
        their files here comes to nothing."""
        for disk in self._disks:
            disk.hand_over()

    def take_back(self) -> None:
        """Nothing came of it."""
        for disk in self._disks:
            disk.take_back()

    def begin_capture(self, disks: Mapping[str, int]) -> None:
        """Right after save(): from now on each of these disks keeps what is overwritten in the descriptor
        that is named with it, up to end_capture(). Raises ValueError where there is no such disk."""
        with self._lock:
            for name, fd in disks.items():
                slot = self._named.get(name)
                if slot is None or not isinstance(slot.device, VirtioBlock):
                    raise ValueError(f"there is no disk '{name}'")
                slot.device.begin_capture(fd)

    def end_capture(self) -> None:
        with self._lock:
            for disk in self._disks:
                disk.end_capture()

    def hold(self) -> None:
        """No device does anything from now on but what this thread has it do: what comes from outside waits,
        for release() or for another process that has the same descriptors."""
        self._lock.acquire()

    def release(self) -> None:
        self._lock.release()

    @property
    def _disks(self) -> list[VirtioBlock]:
        return [slot.device for slot in self._named.values() if isinstance(slot.device, VirtioBlock)]

    def _settle(self) -> None:
        """Until no device has anything on its way to the guest, and nothing posted waits. In a replay nothing
        does, and the log's next event, which may be of this very tick, stays in the log."""
        if self._replay:
            return
        busy = True
        while busy:
            while self.machine.run(0) == _native.RUN_STOPPED:
                pass  # a stop() that came when the machine stood still already
            busy = self._serve_doorbells()

    def _serve_doorbells(self) -> bool:
        """Whether there was one."""
        bells = self.machine.take_doorbells()
        again, self._again = self._again, []
        for slot, queue in again:
            slot.serve(queue)
        for number, queue in bells:
            self._slots[number].serve(queue)
        return bool(again or bells) and not self._replay

    def _replayed(self, kind: int, number: int, payload: bytes) -> None:
        """On the vCPU's thread: a logged event for a virtio device, which the guest is about to have."""
        with self._lock:
            self._serve_doorbells()
            slot = self._slots.get(number)
            if not isinstance(slot, ReplayedSlot):
                return
            if kind == _native.EVENT_VIRTIO_CONFIG:
                slot.replayed_config(payload)
            else:
                slot.replayed(payload)

    def _serve_again(self, slot: VirtioSlot, queue: int) -> None:
        if (slot, queue) not in self._again:
            self._again.append((slot, queue))

    def _report(self, name: str, report: Struct) -> None:
        if not self._replay:
            self._tell(name, msgspec.msgpack.encode(report))

    def _note(self, sentence: str) -> None:
        self._tell("", sentence[:2000].encode())

    def _tell(self, name: str, data: bytes) -> None:
        """A handset that does not listen loses the oldest."""
        if len(self._reports) >= _REPORTS_MAX:
            self._reports.popleft()
        self._reports.append((name, data))
        os.eventfd_write(self.report_fd, 1)

    # Building

    def _add_flash(self, code: int, variables: int) -> None:
        """The first bank is executed from, and only that: writes to it are ignored. The second is written."""
        if code >= 0:
            self.machine.map_memory(board.FLASH_BANKS[0], board.FLASH_BANK_SIZE, code, writable=False)
        if variables >= 0:
            part = board.Part(board.FLASH_BANKS[1], board.FLASH_BANK_SIZE)
            make = flash(variables, part.size, self.loop, lambda: self._tell(CfiFlash.name, b""))
            self.add_device(part, make)

    def add_device(self, part: board.Part, make: _Maker) -> int:
        """A device in Python on the bus, before the first run(); answers its index for EVENT_DEVICE."""
        machine, spi = self.machine, part.spi
        index = -1

        def set_alarm(at_ns: int | None) -> None:
            machine.set_alarm(index, at_ns)

        def drive(level: bool) -> None:
            if spi is not None:
                machine.set_line(spi, level)

        def show(content: memoryview | None) -> None:
            if index >= 0:
                machine.set_window(index, content)

        port = Port(drive, machine.now_ns, set_alarm, show)
        device = make(port)
        index = machine.add_device(part.base, part.size, device, device.name)
        self._devices[device.name] = device
        self._indices[device.name] = index
        return index

    def _fill_slot(self, number: int, name: str, device: VirtioDevice) -> None:
        slot = (ReplayedSlot if self._replay else VirtioSlot)(
            _Machine(self.machine, self._legacy),
            number,
            device,
            self._memory,
            self.loop,
            lambda report: self._report(name, report),
            self._serve_again if self._sync else None,
        )
        self._slots[number] = self._named[name] = slot


class _Machine:
    """The machine as a virtio slot sees it."""

    def __init__(self, machine: _native.Machine, legacy: bool) -> None:
        self._machine = machine
        self._legacy = legacy

    def fill(self, slot: int, device: VirtioDevice) -> None:
        self._machine.fill_virtio_slot(
            slot,
            device.device_id,
            device.features,
            device.queue_sizes,
            device.config,
            device.windows,
            legacy=self._legacy,
        )

    def status(self, slot: int) -> tuple[int, int, int]:
        return self._machine.virtio_status(slot)

    def layout(self, slot: int, queue: int) -> Layout | None:
        found = self._machine.virtio_queue(slot, queue)
        return Layout(found["size"], found["descriptors"], found["available"]) if found["ready"] else None

    def config(self, slot: int) -> bytes:
        return self._machine.virtio_config(slot)

    def post_used(self, slot: int, payload: Payload) -> bool:
        return self._machine.post(_native.EVENT_VIRTIO_USED, slot, payload)

    def post_config(self, slot: int, config: bytes) -> bool:
        return self._machine.post(_native.EVENT_VIRTIO_CONFIG, slot, config)


def _spi(part: board.Part) -> int:
    assert part.spi is not None
    return part.spi


def _part(state: State, name: str) -> State:
    part = state.get(name) if isinstance(state, dict) else None
    if not isinstance(part, dict):
        raise ValueError(f"the state has no part '{name}'")
    return part
