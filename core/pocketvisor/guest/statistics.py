"""A guest's figures, read from its status page and from the kernel, without asking its process."""

from pathlib import Path

from msgspec import Struct


class GuestCounters(Struct, frozen=True):
    """Since the guest's start or last reset. Times in nanoseconds; `ram_bytes` is RAM that was touched."""

    ticks: int
    clock_ns: int
    idle_ns: int
    cpu_ns: int
    ram_bytes: int
    blocks: int
    fills: int
    first_fetches: int
    irqs: int
    data_aborts: int
    prefetch_aborts: int
    supervisor_calls: int
    undefined: int
    traps: int
    waits: int
    mmio: int
    external_aborts: int
    empty_accesses: int
    dirty_marks: int
    frames: int
    events: int
    events_refused: int
    virtio_refused: int
    input_dropped: int
    output_dropped: int


def proportional_set_size(pid: int) -> int:
    """Bytes of host memory that a process costs, shared pages split among their sharers; 0 if it has gone.

    The kernel walks the whole address space for it: milliseconds, not for the GUI's thread.
    """
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    for line in lines:
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
