"""What an access to a device costs, its logic included, on Pocketvisor and on QEMU's `virt`.

One bare-metal image (mmio.S) runs on both. The cost of the loop itself, over RAM, is taken off. Left out:
accesses with the MMU on, whose translation costs the same as any other access's.
"""

import struct
from contextlib import AbstractAsyncContextManager
from itertools import pairwise
from typing import Protocol

from . import ours, qemu
from .bench import Bench, CannotMeasure
from .figures import Figure
from .timing import LineStamps, take_turns

CODE = bytes.fromhex(
    # mmio.S as assembled, without its last word, the number of rounds
    "0944a0e3455f8fe20273a0e3030ca0e3010080e2300084e51010a0e33000a0e3000084e50a00a0e3"
    "000084e5006095e5000095e5000095e5000095e5000095e5000095e5000095e5000095e5000095e5"
    "016056e2f5ffff1a3100a0e3000084e50a00a0e3000084e5006095e5180094e5180094e5180094e5"
    "180094e5180094e5180094e5180094e5180094e5016056e2f5ffff1a3200a0e3000084e50a00a0e3"
    "000084e5006095e5381084e5381084e5381084e5381084e5381084e5381084e5381084e5381084e5"
    "016056e2f5ffff1a3300a0e3000084e50a00a0e3000084e5006095e5000197e5000197e5000197e5"
    "000197e5000197e5000197e5000197e5000197e5016056e2f5ffff1a3400a0e3000084e50a00a0e3"
    "000084e5beffffea"
)
_ACCESSES = 8  # in one round of a loop
_PHASES = ("PL011 read (UARTFR)", "PL011 write (UARTIMSC)", "GIC distributor read (GICD_ISENABLER0)")
_NS = 1e9


class _Running(Protocol):
    console: LineStamps


async def measure(bench: Bench) -> list[Figure]:
    """Nanoseconds an access, for each kind of access."""
    if problem := qemu.missing():
        raise CannotMeasure(problem)
    rounds = 100_000 if bench.quick else 400_000
    image = bench.folder / "mmio.bin"
    image.write_bytes(CODE + struct.pack("<I", rounds))

    async def ours_once() -> dict[str, float]:
        return await _once(ours.running_raw(image), rounds)

    async def peer_once() -> dict[str, float]:
        return await _once(qemu.running(qemu.VIRT, image), rounds)

    results = await take_turns({"ours": ours_once, "QEMU": peer_once}, bench.rounds(7, 3), bench.say)
    return [
        Figure(
            name=phase,
            unit="ns",
            ours=results["ours"][phase],
            peer=results["QEMU"][phase],
            peer_name="QEMU virt",
            judge="ratio" if phase.startswith("PL011") else "none",
            goal=0.8 if phase.startswith("PL011") else None,
        )
        for phase in _PHASES
    ]


async def _once(machine: AbstractAsyncContextManager[_Running], rounds: int) -> dict[str, float]:
    """CPU time, not wall time, for a neighbour's work must not count. The first pass warms up."""
    async with machine as running:
        await running.console.line("^4$", 120)
        begin = len(running.console.stamps)
        cpu = []
        for mark in range(5):
            stamp = await running.console.line(f"^{mark}$", 120, begin)
            cpu.append(stamp.cpu)
    loop, *phases = (after - before for before, after in pairwise(cpu))
    return {
        name: (phase - loop) / (rounds * _ACCESSES) * _NS for name, phase in zip(_PHASES, phases, strict=True)
    }
