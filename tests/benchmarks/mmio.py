"""What an access to a device costs, its logic included, on Pocketvisor and on QEMU's `virt`.

The same bare-metal images run on both, and what their loops cost by themselves is taken off. Judged is the
sample guest `bench_mmio`, which has its MMU on, as drivers do; mmio.S, with the MMU off, stands beside it.
"""

import struct
from contextlib import AbstractAsyncContextManager
from itertools import pairwise
from typing import Protocol

import msgspec

from pocketvisor.images.catalogue import catalogue, image_from_files

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
_MMU_OFF = ("PL011 read (UARTFR)", "PL011 write (UARTIMSC)", "GIC distributor read (GICD_ISENABLER0)")
_MMU_ON = {
    "pl011-read": "PL011 read (UARTFR)",
    "pl011-write": "PL011 write (UARTIMSC)",
    "gic-read": "GIC priority mask read (GICC_PMR)",
    "gic-write": "GIC priority mask write (GICC_PMR)",
}
_GOAL = 0.8
_NS = 1e9
_SECONDS = 120.0


class _Running(Protocol):
    console: LineStamps


_Machine = AbstractAsyncContextManager[_Running]


async def measure(bench: Bench) -> list[Figure]:
    """Nanoseconds of CPU time an access, for each kind of access."""
    if problem := qemu.missing():
        raise CannotMeasure(problem)
    count = 1_000_000 if bench.quick else 4_000_000
    rounds = count // 8
    raw = bench.folder / "mmio.bin"
    raw.write_bytes(CODE + struct.pack("<I", rounds))
    sample = catalogue()["bench_mmio"]
    elf, append = sample.main_file, f"rounds={count} repeat=2"
    own_image = msgspec.structs.replace(sample, append=append)
    own_raw = image_from_files(kernel=raw, kind="raw", ram_mib=64)

    async def own() -> dict[str, float]:
        return await _mmu_on(ours.running(own_image)) | await _mmu_off(ours.running(own_raw), rounds)

    async def peer() -> dict[str, float]:
        on = await _mmu_on(qemu.running(qemu.VIRT, elf, append=append))
        return on | await _mmu_off(qemu.running(qemu.VIRT, raw), rounds)

    results = await take_turns({"ours": own, "QEMU virt": peer}, bench.rounds(7, 3), bench.say)
    figures = []
    for name, samples in results["ours"].items():
        figure = Figure(name=name, unit="ns", ours=samples, peer=results["QEMU virt"][name])
        figure.peer_name = "QEMU virt"
        if "PL011" in name and "MMU off" not in name:
            figure.judge, figure.goal = "ratio", _GOAL
        figures.append(figure)
    return figures


async def _mmu_on(machine: _Machine) -> dict[str, float]:
    """The sample guest's rounds: the second of each, for the first warms up."""
    async with machine as running:
        await running.console.line("^DONE", _SECONDS)
        stamps = running.console.stamps
    cost: dict[str, float] = {}
    for begin, end in pairwise(stamps):
        if begin.line.startswith("BEGIN ") and end.line.startswith("END "):
            _, kind, count = end.line.split()
            cost[kind] = (end.cpu - begin.cpu) / int(count) * _NS
    return {name: cost[kind] - cost["empty"] for kind, name in _MMU_ON.items()}


async def _mmu_off(machine: _Machine, rounds: int) -> dict[str, float]:
    """The second pass of mmio.S."""
    async with machine as running:
        await running.console.line("^4$", _SECONDS)
        begin = len(running.console.stamps)
        cpu = [(await running.console.line(f"^{mark}$", _SECONDS, begin)).cpu for mark in range(5)]
    loop, *phases = (after - before for before, after in pairwise(cpu))
    return {
        f"{name}, MMU off": (phase - loop) / (rounds * _ACCESSES) * _NS
        for name, phase in zip(_MMU_OFF, phases, strict=True)
    }
