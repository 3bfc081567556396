"""gdb's breakpoints and watchpoints ('Z' and 'z' packets), kept in the guest's list of stops.

gdb takes all of them out whenever the guest stops and puts them back before it runs. What it takes out stays
in the list, unwanted, until the guest runs: most come back, and nobody sees them blink.

Left out: conditions and commands on our side; gdb looks at its conditions itself.
"""

from typing import Final

from pocketvisor.debug.gdb.packet import numbers
from pocketvisor.debug.gdb.target import Halt, Target
from pocketvisor.debug.stops import Kind, Stop
from pocketvisor.errors import DebugError

ORIGIN: Final = "gdb"
_KINDS: Final[dict[bytes, Kind]] = {
    b"0": "execute",  # software breakpoints: nothing is written into the guest's memory for them either
    b"1": "execute",
    b"2": "write",
    b"3": "read",
    b"4": "access",
}
_WORDS: Final = {b"0": b"swbreak", b"1": b"hwbreak", b"2": b"watch", b"3": b"rwatch", b"4": b"awatch"}
_INSTRUCTION_SIZES: Final = (2, 3, 4)
"""Thumb, Thumb of 32 bits, ARM."""

Key = tuple[bytes, int, int, bool]
"""Type, address, size, whether the address is a physical one."""


class Breakpoints:
    def __init__(self, target: Target) -> None:
        self._target = target
        self._stops: dict[Key, Stop] = {}
        self._wanted: set[Key] = set()

    def insert(self, packet: bytes, physical: bool) -> None:
        """Raises ValueError for a malformed packet, DebugError where there can be none."""
        kind, address, size = self._parsed(packet)
        key = (kind, address, size, physical and _KINDS[kind] != "execute")
        if not self._listed(key):
            if _KINDS[kind] == "execute":
                size = 2 if size in (2, 3) else 4
            self._stops[key] = self._target.stops.add(
                _KINDS[kind], address, size, physical=key[3], origin=ORIGIN
            )
        self._wanted.add(key)

    def remove(self, packet: bytes) -> None:
        """One that is not there is as removed as can be. Raises ValueError."""
        kind, address, size = self._parsed(packet)
        for physical in (False, True):
            self._wanted.discard((kind, address, size, physical))

    def settle(self) -> None:
        """Before the guest runs: what is not wanted goes, and what somebody else took away comes back."""
        for key in [key for key in self._stops if key not in self._wanted]:
            stop = self._stops.pop(key)
            if self._in_list(stop):
                self._target.stops.remove(stop.id)
        for key, stop in self._stops.items():
            if not self._in_list(stop):
                self._stops[key] = self._target.stops.add(
                    stop.kind, stop.address, stop.size, physical=stop.physical, origin=ORIGIN
                )

    def clear(self) -> None:
        self._stops.clear()
        self._wanted.clear()
        self._target.stops.clear(ORIGIN)

    @property
    def watches(self) -> bool:
        """Whether gdb wants to hear of accesses."""
        return any(_KINDS[key[0]] != "execute" for key in self._wanted)

    def words(self, halt: Halt) -> bytes:
        """What a stop's answer says of it; nothing where the stop is not one of gdb's."""
        if halt.reason == "breakpoint":
            for key in sorted(self._wanted):
                if _KINDS[key[0]] == "execute" and key[1] & ~1 == halt.pc & ~1:
                    return _WORDS[key[0]] + b":;"
        elif halt.reason == "watchpoint" and halt.stop is not None:
            for key in self._wanted:
                stop = self._stops.get(key)
                if stop is not None and stop.id == halt.stop.id:
                    # gdb compares the address with what it watches: an access may begin before that.
                    address = min(max(halt.address, stop.address), stop.end - 1)
                    return b"%b:%x;" % (_WORDS[key[0]], address)
        return b""

    def _listed(self, key: Key) -> bool:
        stop = self._stops.get(key)
        return stop is not None and self._in_list(stop)

    def _in_list(self, stop: Stop) -> bool:
        try:
            return self._target.stops.get(stop.id) is stop
        except DebugError:
            return False

    @staticmethod
    def _parsed(packet: bytes) -> tuple[bytes, int, int]:
        """Of 'T,address,kind'."""
        kind, _, rest = packet.partition(b",")
        if kind not in _KINDS:
            raise ValueError("there is no such kind of breakpoint")
        address, size = numbers(rest, 2)
        if _KINDS[kind] == "execute" and size not in _INSTRUCTION_SIZES:
            raise ValueError(f"no instruction has {size} bytes")
        return kind, address, size
