"""How often things happened in a guest: exits, faults, accesses by device."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from pocketvisor.debug.trace.exceptions import KINDS
from pocketvisor.debug.trace.mmio import device_name
from pocketvisor.debug.trace.ring import RawDevice

TEXTS: Final = {
    "blocks": "blocks translated",
    "fills": "TLB fills",
    "first_fetches": "pages first executed",
    "irqs": "interrupts taken",
    "data_aborts": "data aborts",
    "prefetch_aborts": "prefetch aborts",
    "supervisor_calls": "supervisor calls",
    "undefined": "undefined instructions",
    "traps": "instructions emulated",
    "waits": "waits (WFI)",
    "mmio": "device accesses",
    "external_aborts": "external aborts",
    "empty_accesses": "accesses of nothing",
    "dirty_marks": "pages first written",
    "frames": "frames published",
    "events": "events from outside",
    "events_refused": "events refused",
    "virtio_refused": "virtio requests refused",
    "input_dropped": "console input dropped",
    "output_dropped": "console output dropped",
}
"""What the counters of a guest's status page are called, in their order."""


class DeviceCount(Struct, frozen=True):
    """Since the guest's process began; `base` 0 and `size` 0: the timer, which has no address."""

    device: str
    base: int
    size: int
    reads: int
    writes: int

    @property
    def accesses(self) -> int:
        return self.reads + self.writes


class Counters(Struct, frozen=True):
    """`totals`: by the names of TEXTS. `exceptions`: by kind, while exceptions are traced. `devices`: those
    that were accessed, the busiest first."""

    totals: Mapping[str, int]
    exceptions: Mapping[str, int]
    devices: Sequence[DeviceCount]


def device_counts(devices: Sequence[RawDevice]) -> list[DeviceCount]:
    found: dict[tuple[str, int], DeviceCount] = {}
    for one in devices:
        if one.reads or one.writes:
            name = "virtio" if one.name == "virtio" else device_name(one)
            found[name, one.base] = DeviceCount(name, one.base, one.size, one.reads, one.writes)
    return sorted(found.values(), key=lambda count: (-count.accesses, count.device))


def exception_counts(by_kind: Sequence[int]) -> dict[str, int]:
    return {KINDS[kind]: count for kind, count in enumerate(by_kind) if kind in KINDS and count}
