"""Coverage as drcov files (version 2) have it, DynamoRIO's form, which Lighthouse, Cartographer, bncov and
others read. A module is a file of symbols, or the whole address space; what is in none goes into the latter.

Left out: how often a block ran, and Thumb state: the form has no room for them.
"""

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from pocketvisor.debug.trace.coverage import Coverage

_BLOCK: Final = struct.Struct("<IHH")
_SIZE_MAX: Final = 0xFFFF
MODULES_MAX: Final = 1000


class Module(NamedTuple):
    """`end` is exclusive."""

    name: str
    base: int
    end: int


def drcov(coverage: Coverage, modules: Iterable[Module] = ()) -> bytes:
    """The first module that holds a block has it."""
    known = [module for module in modules if module.base < module.end][:MODULES_MAX]
    known.append(Module("guest", 0, 1 << 32))
    table = bytearray()
    count = 0
    for block in coverage.executed:
        number = next(n for n, module in enumerate(known) if module.base <= block.start < module.end)
        table += _BLOCK.pack(block.start - known[number].base, min(block.size, _SIZE_MAX), number)
        count += 1
    lines = [
        "DRCOV VERSION: 2",
        "DRCOV FLAVOR: drcov",
        f"Module Table: version 2, count {len(known)}",
        "Columns: id, base, end, entry, checksum, timestamp, path",
        *(
            f"{number:3}, 0x{module.base:08x}, 0x{min(module.end, 0xFFFFFFFF):08x}, 0x0000000000000000, "
            f"0x00000000, 0x00000000, {_one_line(module.name)}"
            for number, module in enumerate(known)
        ),
        f"BB Table: {count} bbs",
    ]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace") + bytes(table)


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
