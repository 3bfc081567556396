"""What gdb may ask and change while it is attached: registers, memory, breakpoints, its `monitor` commands.

ANSWERS says which packet is answered by what. A method gives the answer's body; it raises ValueError for a
packet that cannot be understood, and PocketvisorError with the sentence for what cannot be had.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from pocketvisor.debug.gdb import registers as layout
from pocketvisor.debug.gdb.breakpoints import Breakpoints
from pocketvisor.debug.gdb.memory import MemoryPackets
from pocketvisor.debug.gdb.monitor import Monitor
from pocketvisor.debug.gdb.packet import PACKET_MAX, escaped, from_hex, number, numbers
from pocketvisor.debug.gdb.target import DebuggedGuest, Target
from pocketvisor.debug.gdb.target_xml import memory_map
from pocketvisor.errors import PocketvisorError

_OK: Final = b"OK"


class Answers:
    def __init__(self, guest: DebuggedGuest, target: Target) -> None:
        self._guest = guest
        self._target = target
        self.breakpoints = Breakpoints(target)
        self.memory = MemoryPackets(target)
        self.monitor = Monitor(guest, target, self.memory)

    async def memory_map(self, packet: bytes) -> bytes:
        mmu = (await self._target.registers()).get("sctlr", 0) & 1
        rom = self._guest.image.firmware is not None and not mmu
        return part_of(memory_map(self._guest.ram_mib << 20, rom=rom), packet)

    async def read_registers(self, _: bytes) -> bytes:
        return layout.encoded_all(await self._target.registers())

    async def write_registers(self, digits: bytes) -> bytes:
        wanted = layout.decoded_all(from_hex(digits))
        now = await self._target.registers()
        for name, value in wanted.items():
            if name in now and now[name] != value:
                await self._target.set_register(name, value)
        return _OK

    async def read_register(self, digits: bytes) -> bytes:
        return layout.encoded(_register(digits), await self._target.registers())

    async def write_register(self, packet: bytes) -> bytes:
        digits, _, value = packet.partition(b"=")
        register = _register(digits)
        wanted = layout.decoded(register, from_hex(value))
        if register.bits == 128:
            for half in layout.halves(register):
                await self._target.set_register(half, wanted & (1 << 64) - 1)
                wanted >>= 64
        else:
            await self._target.set_register(register.name, wanted)
        return _OK

    async def read(self, packet: bytes) -> bytes:
        try:
            return await self.memory.read(packet)
        except (ValueError, PocketvisorError):
            return b"E01"  # gdb would take a sentence for data here

    async def write(self, packet: bytes) -> bytes:
        await self.memory.write(packet)
        return _OK

    async def write_hex(self, packet: bytes) -> bytes:
        await self.memory.write_hex(packet)
        return _OK

    async def insert(self, packet: bytes) -> bytes:
        self.breakpoints.insert(packet, self.memory.physical)
        return _OK

    async def remove(self, packet: bytes) -> bytes:
        self.breakpoints.remove(packet)
        return _OK

    async def set_physical(self, packet: bytes) -> bytes:
        self.memory.physical = bool(numbers(packet, 1)[0])
        return _OK

    async def get_physical(self, _: bytes) -> bytes:
        return b"1" if self.memory.physical else b"0"

    async def thread_about(self, _: bytes) -> bytes:
        return f"{self._guest.name}'s CPU".encode().hex().encode()

    async def command(self, digits: bytes) -> bytes:
        line = from_hex(digits).decode("utf-8", "replace")
        try:
            output = await self.monitor.run(line)
        except PocketvisorError as error:
            output = f"{error}\n"
        return as_output(output)


ANSWERS: Final[tuple[tuple[bytes, Callable[[Answers, bytes], Awaitable[bytes]]], ...]] = (
    (b"qXfer:memory-map:read::", Answers.memory_map),
    (b"qThreadExtraInfo,", Answers.thread_about),
    (b"qqemu.PhyMemMode", Answers.get_physical),
    (b"Qqemu.PhyMemMode:", Answers.set_physical),
    (b"qRcmd,", Answers.command),
    (b"g", Answers.read_registers),
    (b"G", Answers.write_registers),
    (b"p", Answers.read_register),
    (b"P", Answers.write_register),
    (b"m", Answers.read),
    (b"M", Answers.write_hex),
    (b"X", Answers.write),
    (b"Z", Answers.insert),
    (b"z", Answers.remove),
)
"""By how a packet begins; the first that fits."""


def as_output(text: str) -> bytes:
    """The answer to a command, for gdb's terminal."""
    return text.encode().hex().encode() or _OK


def part_of(data: bytes, packet: bytes) -> bytes:
    """Of 'offset,length': 'm' where more follows, 'l' at the end. Raises ValueError."""
    offset, length = numbers(packet, 2)
    length = min(length, PACKET_MAX // 2 - 16)
    return (b"m" if offset + length < len(data) else b"l") + escaped(data[offset : offset + length])


def _register(digits: bytes) -> layout.Register:
    wanted = number(digits)
    if wanted not in layout.BY_NUMBER:
        raise ValueError(f"there is no register {wanted}")
    return layout.BY_NUMBER[wanted]
