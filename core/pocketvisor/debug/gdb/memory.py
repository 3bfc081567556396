"""What gdb reads and writes: memory by virtual or by physical address.

Left out: writing the flash. The first bank is the firmware's file, which a guest cannot write either.
"""

from typing import Final

from pocketvisor.debug.gdb.packet import PACKET_MAX, from_hex, numbers
from pocketvisor.debug.gdb.target import Target
from pocketvisor.errors import DebugError

_READ_MAX: Final = PACKET_MAX // 2 - 16
_TOP: Final = 1 << 32


class MemoryPackets:
    def __init__(self, target: Target) -> None:
        self._target = target
        self.physical = False
        """Whether the addresses that come are physical ones."""

    async def read(self, packet: bytes) -> bytes:
        """Of 'address,length', in hexadecimal; possibly shorter. Raises ValueError, DebugError."""
        address, length = numbers(packet, 2)
        length = min(length, _READ_MAX, _TOP - address)
        data = await self._target.read(address, length, physical=self.physical) if length else b""
        if length and not data:
            raise DebugError(f"Nothing is mapped at {address:#x}")
        return data.hex().encode()

    async def write_hex(self, packet: bytes) -> None:
        where, _, digits = packet.partition(b":")
        await self._write(where, from_hex(digits))

    async def write(self, packet: bytes) -> None:
        where, _, data = packet.partition(b":")
        await self._write(where, data)

    async def _write(self, where: bytes, data: bytes) -> None:
        address, length = numbers(where, 2)
        if length != len(data) or address + length > _TOP:
            raise ValueError(f"{length} bytes were said, {len(data)} came")
        if data:
            await self._target.write(address, data, physical=self.physical)
