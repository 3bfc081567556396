"""What `monitor ...` does in gdb: all that a board can do and gdb has no command for. Each command is a
method here, with its help as docstring; `monitor help` lists them.

gdb does not know that a command may change registers and memory: after one that does, the answer says what to
type so that it looks again.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Final

from pocketvisor.debug.gdb.memory import MemoryPackets
from pocketvisor.debug.gdb.target import DebuggedGuest, Target
from pocketvisor.errors import DebugError

OUTPUT_MAX: Final = 32 << 10
"""Characters of one answer."""
_READ_MAX: Final = 1024
_POSITION_MAX: Final = (1 << 63) - 1
_LOOK_AGAIN: Final = "gdb does not know yet: type 'maintenance flush register-cache'\n"


class Monitor:
    def __init__(self, guest: DebuggedGuest, target: Target, memory: MemoryPackets) -> None:
        self._guest = guest
        self._target = target
        self._memory = memory

    async def run(self, line: str) -> str:
        """Raises PocketvisorError."""
        words = line.split()
        if not words:
            return await self.do_help()
        command = _command(self, words[0])
        if command is None:
            raise DebugError(f"There is no '{words[0][:40]}': see 'monitor help'")
        try:
            inspect.signature(command).bind(*words[1:])
        except TypeError:
            raise DebugError(f"Type: monitor {_usage(words[0], command)}") from None
        return (await command(*words[1:]))[:OUTPUT_MAX]

    async def do_help(self) -> str:
        """this list"""
        lines = ["token WORD                         before anything else, where one is asked for"]
        for name in sorted(dir(self)):
            if name.startswith("do_") and (command := _command(self, name[3:])) is not None:
                lines.append(f"{_usage(name[3:], command):34} {(command.__doc__ or '').strip()}")
        return "\n".join(lines) + "\n"

    async def do_info(self) -> str:
        """the guest, and where it stands"""
        guest = self._guest
        pc = (await self._target.registers()).get("pc", 0)
        past = ", in the past" if self._target.in_past else ""
        return (
            f"{guest.name}: {guest.state.value}{past}, {guest.ram_mib} MiB of RAM\n"
            f"pc {pc:#010x}, position {self._target.position}\n"
            f"{await self.do_time()}{await self.do_record()}"
        )

    async def do_time(self) -> str:
        """what its clock says"""
        clock = self._guest.counters().clock_ns
        return f"{self._guest.ticks} ticks, {clock / 1e9:.9f} s since it was started\n"

    async def do_phys(self, on_or_off: str = "") -> str:
        """whether addresses in memory are physical ones"""
        if on_or_off:
            self._memory.physical = _switch(on_or_off)
        return f"Addresses are {'physical' if self._memory.physical else 'virtual'} ones\n"

    async def do_read(self, physical_address: str, size: str = "64") -> str:
        """bytes by physical address"""
        address, wanted = _number(physical_address), _number(size)
        if wanted > _READ_MAX:
            raise DebugError(f"At most {_READ_MAX} bytes at once")
        data = await self._target.read(address, wanted, physical=True)
        if not data:
            raise DebugError(f"There is no memory at {address:#x}")
        return "".join(
            f"{address + at:#010x}: {data[at : at + 16].hex(' ')}\n" for at in range(0, len(data), 16)
        )

    async def do_write(self, physical_address: str, bytes_in_hex: str) -> str:
        """bytes by physical address, such as 'write 0x40000000 00ff'"""
        try:
            data = bytes.fromhex(bytes_in_hex)
        except ValueError:
            raise DebugError(f"'{bytes_in_hex[:40]}' are no bytes in hexadecimal") from None
        await self._target.write(_number(physical_address), data, physical=True)
        return f"{len(data)} bytes\n"

    async def do_translate(self, address: str) -> str:
        """the physical address of a virtual one, and what may be done there"""
        virtual = _number(address)
        found = await self._target.translate(virtual)
        if found is None:
            return f"{virtual:#010x} is not mapped\n"
        physical, rights = found
        shown = "".join(letter if rights & bit else "-" for letter, bit in (("r", 1), ("w", 2), ("x", 4)))
        return f"{virtual:#010x} is at {physical:#010x}, {shown}\n"

    async def do_record(self, start_or_stop: str = "") -> str:
        """keep its life from now on, for reverse-stepi, reverse-continue and goto"""
        timeline = self._target.timeline
        if start_or_stop == "start":
            await timeline.start()
        elif start_or_stop == "stop":
            await timeline.stop()
        elif start_or_stop:
            raise DebugError(f"It is 'start' or 'stop', not '{start_or_stop[:40]}'")
        if not timeline.recording:
            return "Nothing is recorded\n"
        mib = timeline.size_bytes / (1 << 20)
        return f"Recorded from position {timeline.begin} to {timeline.end}, {mib:.1f} MiB\n"

    async def do_goto(self, position: str) -> str:
        """another place in its recorded life; 'info' says which one this is"""
        halt = await self._target.go_to(_number(position, _POSITION_MAX))
        return f"pc {halt.pc:#010x}, position {halt.position}. {_LOOK_AGAIN}"

    async def do_last_write(self, address: str, size: str = "4") -> str:
        """back to the instruction that wrote there last"""
        halt = await self._target.last_write(_number(address), _number(size), physical=self._memory.physical)
        return f"pc {halt.pc:#010x}, position {halt.position}. {_LOOK_AGAIN}"

    async def do_reset(self) -> str:
        """power off and on: the guest stands at its first instruction"""
        await self._target.reset()
        return f"{self._guest.name} was reset. {_LOOK_AGAIN}"

    async def do_snapshot(self, name: str = "") -> str:
        """save the guest into its profile"""
        profile = self._guest.profile
        if profile is None:
            raise DebugError(f"{self._guest.name} has no profile to save it in")
        generation = await profile.save("snapshot", name)
        return f"Generation {generation.number} of {profile.name}\n"


def _command(monitor: Monitor, name: str) -> Callable[..., Awaitable[str]] | None:
    return getattr(monitor, f"do_{name.replace('-', '_')}", None)


def _usage(name: str, command: Callable[..., Awaitable[str]]) -> str:
    words = [name.replace("_", "-")]
    for parameter in inspect.signature(command).parameters.values():
        word = parameter.name.upper().replace("_", "-")
        words.append(word if parameter.default is parameter.empty else f"[{word}]")
    return " ".join(words)


def _number(text: str, most: int = 0xFFFF_FFFF) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        raise DebugError(f"'{text[:40]}' is no number") from None
    if not 0 <= value <= most:
        raise DebugError(f"{text[:40]} is no number of {most.bit_length()} bits")
    return value


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise DebugError(f"It is 'on' or 'off', not '{text[:40]}'")
    return text == "on"
