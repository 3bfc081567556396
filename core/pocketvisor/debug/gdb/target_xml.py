"""What a debugger is told of the target before it asks for anything else: registers and memory, as XML
(appendices "Target Descriptions" and "Memory Map Format" of gdb's manual).

gdb reads the memory map once and refuses whatever is not in it. Its addresses are the guest's virtual ones,
and those change their meaning when the guest turns its MMU on. So the map has no holes, and the firmware's
bank of the flash is told to be read-only only while its addresses are its own: with the MMU off.
"""

from collections.abc import Iterable
from html import escape
from typing import Final

from pocketvisor.board.map import FLASH_BANK_SIZE, FLASH_BANKS, PARTS, RAM_BASE
from pocketvisor.debug.gdb.registers import FEATURES, Feature

_FIRMWARE: Final = FLASH_BANKS[0]
_END: Final = 1 << 32
_OTHERWISE: Final = ("flash", "ram")  # by bank, and of the guest's size


def target_description() -> bytes:
    features = "".join(_feature(feature) for feature in FEATURES)
    return (
        '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd">'
        f'<target version="1.0"><architecture>arm</architecture>{features}</target>'
    ).encode()


def _feature(feature: Feature) -> str:
    group = f' group="{escape(feature.group)}"' if feature.group else ""
    registers = "".join(
        f'<reg name="{escape(register.name)}" bitsize="{register.bits}" regnum="{register.number}"'
        f' type="{escape(register.type or f"uint{register.bits}")}"{group}/>'
        for register in feature.registers
    )
    return f'<feature name="{escape(feature.name)}">{feature.types}{registers}</feature>'


def memory_map(ram_bytes: int, *, rom: bool) -> bytes:
    ranges = "".join(_range(begin, end, rom) for begin, end in _covering(_known(ram_bytes)))
    return (
        '<?xml version="1.0"?><!DOCTYPE memory-map PUBLIC "+//IDN gnu.org//DTD GDB Memory Map V1.0//EN" '
        f'"gdb-memory-map.dtd"><memory-map>{ranges}</memory-map>'
    ).encode()


def _known(ram_bytes: int) -> list[tuple[int, int]]:
    parts = [(part.base, part.base + part.size) for name, part in PARTS.items() if name not in _OTHERWISE]
    banks = [(base, base + FLASH_BANK_SIZE) for base in FLASH_BANKS]
    return sorted([*parts, *banks, (RAM_BASE, RAM_BASE + ram_bytes)])


def _covering(known: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """With what lies between them, up to the end of memory."""
    covering, at = [], 0
    for begin, end in known:
        if begin > at:
            covering.append((at, begin))
        covering.append((begin, end))
        at = end
    if at < _END:
        covering.append((at, _END))
    return covering


def _range(begin: int, end: int, rom: bool) -> str:
    kind = "rom" if rom and begin == _FIRMWARE else "ram"
    return f'<memory type="{kind}" start="{begin:#x}" length="{end - begin:#x}"/>'
