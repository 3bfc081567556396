"""Writing a device tree: libfdt's sequential writer with the property types that the board needs."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import libfdt

from pocketvisor.board import map as board

CLOCK, CPU, GIC, GPIO, PHONE_GPIO = 0x8000, 0x8001, 0x8002, 0x8004, 0x8010
"""Phandles."""
SPI, PPI = 0, 1
EDGE_RISING: Final = 1
LEVEL_HIGH: Final = 4
LEVEL_LOW_ON_CPU0: Final = 0x104  # as `virt` says for its timer


class Writer:
    def __init__(self) -> None:
        self._fdt = libfdt.FdtSw(0x8000)
        self._fdt.finish_reservemap()

    @contextmanager
    def node(self, name: str) -> Iterator[None]:
        self._fdt.begin_node(name)
        yield
        self._fdt.end_node()

    def flag(self, name: str) -> None:
        self._fdt.property(name, b"")

    def cells(self, name: str, *values: int) -> None:
        self._fdt.property(name, struct.pack(f">{len(values)}I", *values))

    def strings(self, name: str, *values: str) -> None:
        self._fdt.property(name, b"".join(value.encode() + b"\0" for value in values))

    def raw(self, name: str, value: bytes) -> None:
        self._fdt.property(name, value)

    def reg(self, *parts: board.Part) -> None:
        self.cells("reg", *(cell for part in parts for cell in (0, part.base, 0, part.size)))

    def spi(self, number: int | None, kind: int = LEVEL_HIGH) -> None:
        assert number is not None
        self.cells("interrupts", SPI, number, kind)

    def finish(self) -> bytes:
        tree = self._fdt.as_fdt()
        tree.pack()
        return bytes(tree.as_bytearray())
