"""Small guests for the tests of the machine: code as words, and a board to run it on."""

import mmap
import os
import struct
from collections.abc import Iterable
from typing import Any

from pocketvisor import _native

RAM = 0x4000_0000
RAM_SIZE = 1 << 20
DISTRIBUTOR, CPU_INTERFACE = 0x0800_0000, 0x0801_0000
UART, UART_SPI = 0x0900_0000, 1
DEVICE, DEVICE_SPI = 0x0903_0000, 7
VIRTIO, VIRTIO_SPI = 0x0A00_0000, 16
FRAMEBUFFER = 0x0C00_0000
WIDTH, HEIGHT, STRIDE = 64, 48, 256
TICK_PS = 1000

# Instructions that take no operands here.
WFI, HVC, STOP = 0xE320F003, 0xE1400070, 0xEAFFFFFE
ENABLE_IRQ, RETURN_FROM_IRQ = 0xF1080080, 0xE25EF004
SYSTEM_OFF, SYSTEM_RESET = 0x8400_0008, 0x8400_0009


def load_constant(register: int, value: int) -> list[int]:
    """MOVW, MOVT."""
    low, high = value & 0xFFFF, value >> 16
    return [
        0xE3000000 | low >> 12 << 16 | register << 12 | low & 0xFFF,
        0xE3400000 | high >> 12 << 16 | register << 12 | high & 0xFFF,
    ]


_STORES = {1: 0xE5C20000, 2: 0xE1C200B0, 4: 0xE5820000}
_LOADS = {1: 0xE5D20000, 2: 0xE1D200B0, 4: 0xE5920000}


def write(address: int, value: int, size: int = 4) -> list[int]:
    return [*load_constant(2, address), *load_constant(3, value), _STORES[size] | 3 << 12]


def read(address: int, size: int = 4) -> list[int]:
    """Into r4, and to where r5 points, which moves on."""
    return [*load_constant(2, address), _LOADS[size] | 4 << 12, 0xE4854004]


def branch(at: int, to: int) -> int:
    """Of instructions by index."""
    return 0xEA000000 | (to - at - 2) & 0xFFFFFF


def power_off() -> list[int]:
    return [*load_constant(0, SYSTEM_OFF), HVC]


def timer_in(ticks: int) -> list[int]:
    """The virtual timer, so many of its ticks (16 ns) from now."""
    return [*load_constant(3, ticks), 0xEE0E3F13, 0xE3A03001, 0xEE0E3F33]  # CNTV_TVAL, CNTV_CTL


class Guest:
    """A machine with all parts, its memory and the numbers behind it."""

    def __init__(self, code: Iterable[int] = (), vectors: Iterable[int] = (), **options: Any) -> None:
        self.fds = {
            "ram": (RAM_SIZE, os.memfd_create("ram")),
            "framebuffer": (STRIDE * HEIGHT, os.memfd_create("framebuffer")),
            "status": (4096, os.memfd_create("status")),
        }
        for size, fd in self.fds.values():
            os.ftruncate(fd, size)
        self.ram = mmap.mmap(self.fds["ram"][1], RAM_SIZE)
        self.framebuffer = mmap.mmap(self.fds["framebuffer"][1], STRIDE * HEIGHT)
        self.status = mmap.mmap(self.fds["status"][1], 4096)
        self.frame_fd = os.eventfd(0, os.EFD_NONBLOCK)
        with_status = options.pop("with_status", False)
        self.machine = machine = _native.Machine(
            self.fds["ram"][1],
            RAM,
            RAM_SIZE,
            options.pop("tick_ps", TICK_PS),
            status_fd=self.fds["status"][1] if with_status else -1,
            **options,
        )
        machine.add_gic(DISTRIBUTOR, CPU_INTERFACE)
        machine.add_timer()
        machine.add_pl011(UART, UART_SPI)
        machine.add_virtio_slots(VIRTIO, VIRTIO_SPI, 32)
        machine.fill_virtio_slot(0, 18, 1 << 29, (64, 64), b"config")
        if with_status:
            machine.add_framebuffer(
                FRAMEBUFFER, self.fds["framebuffer"][1], WIDTH, HEIGHT, STRIDE, self.frame_fd
            )
        self.place(vectors, 0)
        self.place(code, 0x100)
        machine.set_cpu({"pc": RAM + 0x100, "vbar": RAM, "r5": RAM + 0x8_0000})

    def place(self, code: Iterable[int], offset: int) -> None:
        words = list(code)
        self.ram[offset : offset + 4 * len(words)] = struct.pack(f"<{len(words)}I", *words)

    def words(self, count: int, offset: int = 0x8_0000) -> list[int]:
        """What read() left in memory."""
        return list(struct.unpack_from(f"<{count}I", self.ram, offset))

    def close(self) -> None:
        for mapping in (self.ram, self.framebuffer, self.status):
            mapping.close()
        for _, fd in self.fds.values():
            os.close(fd)
        os.close(self.frame_fd)


def gic_set_up(*lines: int) -> list[int]:
    """GICD_CTLR, GICC_PMR, GICC_CTLR, then GICD_ISENABLER for each line."""
    code = write(DISTRIBUTOR, 1) + write(CPU_INTERFACE + 4, 0xF0) + write(CPU_INTERFACE, 1)
    for line in lines:
        code += write(DISTRIBUTOR + 0x100 + line // 32 * 4, 1 << line % 32)
    return code


def irq_vectors(handler: Iterable[int]) -> list[int]:
    """A vector table with a handler for IRQ that must preserve r0, r1 and r6 up."""
    return [STOP] * 6 + [*handler, RETURN_FROM_IRQ]


# Interrupts are masked but for a moment behind each wait: none comes between the look and the wait, which
# would then have no end. cmp r6, #0; bne out; wfi; cpsie i; cpsid i; b to the cmp
WAIT_FOR_R6 = [0xE3560000, branch(1, 6) & 0x0FFFFFFF | 0x10000000, WFI, ENABLE_IRQ, 0xF10C0080, branch(5, 0)]

VIRTUAL_TIMER = 27
COUNT_FOREVER = [0xE2800001, 0xEAFFFFFD]  # add r0, r0, #1; b .-4
PERIOD = 1000  # 16 us
# Acknowledge, count in r6, the next timer, end of interrupt.
TICKING = irq_vectors(
    [
        *[*load_constant(2, CPU_INTERFACE), 0xE592300C, 0xE2866001],
        *timer_in(PERIOD),
        *[*load_constant(3, VIRTUAL_TIMER), *load_constant(2, CPU_INTERFACE + 0x10), 0xE5823000],
    ]
)


def ticking_guest(until: int, work: int, **options: bool) -> Guest:
    """Waits for interrupts, with some work after each, until r6 of them have come; then powers off."""
    code = gic_set_up(VIRTUAL_TIMER) + timer_in(PERIOD) + [0xE3A06000, ENABLE_IRQ]
    loop = len(code)
    code += [WFI, *load_constant(0, work)]
    code += [0xE2500001, 0x1AFFFFFD]  # subs r0, r0, #1; bne .-4
    code += [*load_constant(1, until), 0xE1560001]  # cmp r6, r1
    code.append(branch(len(code), loop) & 0x0FFFFFFF | 0x30000000)  # blo
    return Guest(code + power_off(), TICKING, **options)


def echo_guest(**options: bool) -> Guest:
    """Sends back what it receives, by interrupt; "q" ends it."""
    handler = [*load_constant(2, CPU_INTERFACE), 0xE592800C]  # ldr r8, [r2, #0xc]
    handler += [*load_constant(3, UART), 0xE5934000, 0xE5834000]  # ldr r4, [r3]; str r4, [r3]
    handler += [0xE5828010, 0xE2877001]  # str r8, [r2, #0x10]; add r7, r7, #1
    handler += [0xE3540071, 0x03A06001]  # cmp r4, #'q'; moveq r6, #1
    code = gic_set_up(32 + UART_SPI) + write(UART + 0x38, 0x10) + [0xE3A06000, 0xE3A07000]
    return Guest(code + WAIT_FOR_R6 + power_off(), irq_vectors(handler), **options)
