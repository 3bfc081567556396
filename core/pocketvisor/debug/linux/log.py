"""The kernel's log, as `dmesg` shows it, out of its ring of records (kernel/printk/printk_ringbuffer.c in
Linux, since 5.10). Where everything is in there the kernel's crash notes say; these are taken for hints.

Left out: older kernels, and which device a line is of.
"""

import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

from pocketvisor.debug.linux.kernel_memory import KernelMemory
from pocketvisor.errors import DebugError

LEVELS: Final = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")
_COUNT_BITS_MAX: Final = 17
_SIZE_BITS_MAX: Final = 25
_TEXT_MAX: Final = 1 << 16
_STATE_SHIFT: Final = 30
_ID: Final = (1 << _STATE_SHIFT) - 1
_COMMITTED, _FINALIZED = 1, 2
_PLAIN_LAYOUT: Final = {
    "printk_ringbuffer.desc_ring": 0,
    "printk_ringbuffer.text_data_ring": 24,
    "prb_desc_ring.count_bits": 0,
    "prb_desc_ring.descs": 4,
    "prb_desc_ring.infos": 8,
    "prb_desc_ring.head_id": 12,
    "prb_desc_ring.tail_id": 16,
    "prb_desc": 12,
    "prb_desc.state_var": 0,
    "prb_desc.text_blk_lpos": 4,
    "printk_info": 88,
    "printk_info.seq": 0,
    "printk_info.ts_nsec": 8,
    "printk_info.text_len": 16,
    "prb_data_ring.size_bits": 0,
    "prb_data_ring.data": 4,
}
"""Of every 32-bit kernel so far: for those without crash notes."""


class LogLine(NamedTuple):
    sequence: int
    ns: int
    """Since the guest's start."""
    level: int
    facility: int
    text: str

    def __str__(self) -> str:
        time = f"[{self.ns // 10**9:5d}.{self.ns % 10**9 // 1000:06d}] "
        return "\n".join(time + line for line in self.text.split("\n"))


async def read_log(memory: KernelMemory, ring: int, layout: Mapping[str, int]) -> list[LogLine]:
    """`ring`: the address of the ring (what `prb` points to). Raises DebugError where it makes no sense."""
    places = {name: layout.get(name, otherwise) for name, otherwise in _PLAIN_LAYOUT.items()}
    if any(not 0 <= value < 4096 for value in places.values()):
        raise _senseless()

    async def word(at: int) -> int:
        value = await memory.word(at)
        if value is None:
            raise _senseless()
        return value

    records = ring + places["printk_ringbuffer.desc_ring"]
    text = ring + places["printk_ringbuffer.text_data_ring"]
    count_bits = await word(records + places["prb_desc_ring.count_bits"])
    size_bits = await word(text + places["prb_data_ring.size_bits"])
    if not (0 < count_bits <= _COUNT_BITS_MAX and 0 < size_bits <= _SIZE_BITS_MAX):
        raise _senseless()
    count = 1 << count_bits
    records_at = await word(records + places["prb_desc_ring.descs"])
    infos_at = await word(records + places["prb_desc_ring.infos"])
    first = await word(records + places["prb_desc_ring.tail_id"])
    last = await word(records + places["prb_desc_ring.head_id"])
    descriptors = await memory.read(records_at, count * places["prb_desc"])
    infos = await memory.read(infos_at, count * places["printk_info"])
    data = await memory.read(await word(text + places["prb_data_ring.data"]), 1 << size_bits)
    found = []
    for number in range(min((last - first & _ID) + 1, count)):
        line = _line(places, (first + number) & _ID, count, descriptors, infos, data)
        if line is not None:
            found.append(line)
    return found


def _line(
    places: Mapping[str, int], record: int, count: int, descriptors: bytes, infos: bytes, data: bytes
) -> LogLine | None:
    """None for one that is not finished, or whose text is lost."""
    index = record % count
    at, info = index * places["prb_desc"], index * places["printk_info"]
    try:
        (state,) = struct.unpack_from("<I", descriptors, at + places["prb_desc.state_var"])
        begin, end = struct.unpack_from("<II", descriptors, at + places["prb_desc.text_blk_lpos"])
        (sequence,) = struct.unpack_from("<Q", infos, info + places["printk_info.seq"])
        (ns,) = struct.unpack_from("<Q", infos, info + places["printk_info.ts_nsec"])
        length, facility, bits = struct.unpack_from("<HBB", infos, info + places["printk_info.text_len"])
        if state & _ID != record or state >> _STATE_SHIFT not in (_COMMITTED, _FINALIZED):
            return None
        text = b""
        if not begin & 1:  # else there is none
            size = len(data)
            # A block that does not fit before the ring's end is at its beginning.
            start = begin % size if begin // size == (end - 1) // size else 0
            (owner,) = struct.unpack_from("<I", data, start)
            if owner & _ID != record:
                return None
            text = data[start + 4 : start + 4 + min(length, _TEXT_MAX)]
    except (struct.error, ZeroDivisionError):
        return None
    shown = "".join(
        letter if letter.isprintable() or letter in "\n\t" else "?"
        for letter in text.decode("utf-8", "replace")
    )
    return LogLine(sequence, ns, bits >> 5, facility, shown)


def _senseless() -> DebugError:
    return DebugError("The kernel's log is not in memory yet, or not where its crash notes say")
