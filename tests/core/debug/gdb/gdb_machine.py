"""What a debugger can be tested on without an engine: some memory, and a program that only counts and writes.

Each instruction has 4 bytes. Those in `writes` store a word; from `last` on it goes back to `first`.
"""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from msgspec import Struct

from pocketvisor.debug.stops import Stop, StopList
from pocketvisor.errors import DebugError
from pocketvisor.guest.options import GuestState
from pocketvisor.guest.statistics import GuestCounters

BASE = 0x4000_0000
SIZE = 1 << 20


class MadeHalt(Struct):
    reason: str
    position: int
    pc: int
    stop: Stop | None = None
    address: int = 0
    sentence: str = ""


class MadeGuest:
    name = "Made"
    ram_mib = 1
    profile = None
    image = SimpleNamespace(firmware=None)
    ticks = 12

    def __init__(self) -> None:
        self._state = GuestState.RUNNING
        self.notes: list[str] = []
        self._watchers: list[Callable[[], None]] = []

    @property
    def state(self) -> GuestState:
        return self._state

    @state.setter
    def state(self, state: GuestState) -> None:
        self._state = state
        for watcher in tuple(self._watchers):
            watcher()

    def counters(self) -> GuestCounters:
        return GuestCounters(*(1_500_000_000 if name == "clock_ns" else 0 for name in _COUNTERS))

    async def power_off(self) -> None:
        self.state = GuestState.OFF

    def on(self, event: str, callback: Callable[..., None]) -> Callable[[], None]:
        assert event == "state"
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback)

    def run_note(self, sentence: str) -> None:
        self.notes.append(sentence)


_COUNTERS = GuestCounters.__struct_fields__


class MadeTimeline:
    """It keeps nothing."""

    recording = False
    begin, end, size_bytes = 4, 100, 3 << 19

    async def start(self) -> None:
        self.recording = True

    async def stop(self) -> None:
        self.recording = False


class MadeMachine:
    """The debugger of a MadeGuest."""

    def __init__(self, guest: MadeGuest, *, first: int = BASE, last: int = BASE + 0x100) -> None:
        self.guest = guest
        self.stops = StopList()
        self.in_past = False
        self.timeline = MadeTimeline()
        self.memory = bytearray(SIZE)
        self.first, self.last = first, last
        self.writes: dict[int, tuple[int, int]] = {}
        self.values = {name: 0 for name in ("cpsr", "sctlr", "spsr", "fpscr", "sp", "lr")}
        self.values |= {f"r{index}": index for index in range(13)} | {f"d{index}": 0 for index in range(32)}
        self.values |= {"pc": first, "cpsr": 0x1D3}
        self.history: list[tuple[int, int, bytes]] = []
        self._wake = asyncio.Event()
        self._pausing = False
        self.resumed = 0

    @property
    def position(self) -> int:
        return len(self.history)

    async def registers(self) -> dict[str, int]:
        return dict(self.values)

    async def set_register(self, name: str, value: int) -> None:
        if name not in self.values:
            raise DebugError(f"{name} cannot be changed")
        self.values[name] = value

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        at = address - BASE
        return bytes(self.memory[at : at + size]) if 0 <= at < SIZE else b""

    async def write(self, address: int, data: bytes, *, physical: bool = False) -> None:
        at = address - BASE
        if not 0 <= at <= SIZE - len(data):
            raise DebugError(f"{address:#x} is not mapped")
        self.memory[at : at + len(data)] = data

    async def translate(self, address: int) -> tuple[int, int] | None:
        return (address, 7) if BASE <= address < BASE + SIZE else None

    async def pause(self) -> Any:
        self._pausing = True
        self._wake.set()
        self.guest.state = GuestState.PAUSED

    async def resume(self) -> None:
        self.resumed += 1
        self._pausing = False
        self.guest.state = GuestState.RUNNING

    async def wait_stopped(self) -> MadeHalt:
        """Runs on, as long as nothing stops it: the instruction that it began at is passed."""
        for count in range(10_000):
            if count and (hit := self._hit()):
                self.guest.state = GuestState.PAUSED
                return hit
            self._execute()
            if self._pausing:
                break
        while not self._pausing:
            self._wake.clear()
            await self._wake.wait()
        return self._halt("pause")

    async def step(self, count: int = 1) -> MadeHalt:
        for _ in range(count):
            self._execute()
        self.guest.state = GuestState.PAUSED
        return self._halt("step")

    async def reverse_step(self, count: int = 1) -> MadeHalt:
        for _ in range(count):
            if not self._undo():
                return self._halt("start-of-recording", "The recording begins here")
        return self._halt("step")

    async def reverse_resume(self) -> MadeHalt:
        while self._undo():
            if hit := self._hit():
                return hit
        return self._halt("start-of-recording", "The recording begins here")

    async def last_write(self, address: int, size: int = 4, *, physical: bool = False) -> MadeHalt:
        raise DebugError("nobody wrote it")

    async def go_to(self, position: int) -> MadeHalt:
        raise DebugError(f"{position} is in no recording")

    async def return_to_present(self) -> None:
        self.in_past = False

    async def reset(self) -> MadeHalt:
        self.values["pc"] = self.first
        return self._halt("pause")

    def word(self, address: int) -> int:
        at = address - BASE
        return int.from_bytes(self.memory[at : at + 4], "little")

    def _halt(self, reason: str, sentence: str = "") -> MadeHalt:
        return MadeHalt(reason, len(self.history), self.values["pc"], sentence=sentence)

    def _hit(self) -> MadeHalt | None:
        pc = self.values["pc"]
        for stop in self.stops:
            if not stop.watches and stop.address == pc:
                return MadeHalt("breakpoint", len(self.history), pc, stop, sentence="a breakpoint")
            if stop.watches and pc in self.writes and stop.address <= self.writes[pc][0] < stop.end:
                return MadeHalt("watchpoint", len(self.history), pc, stop, self.writes[pc][0], "a watchpoint")
        return None

    def _execute(self) -> None:
        pc = self.values["pc"]
        address, value = self.writes.get(pc, (BASE, self.word(BASE)))
        at = address - BASE
        self.history.append((pc, address, bytes(self.memory[at : at + 4])))
        self.memory[at : at + 4] = value.to_bytes(4, "little")
        self.values["pc"] = self.first if pc + 4 >= self.last else pc + 4

    def _undo(self) -> bool:
        if not self.history:
            return False
        self.values["pc"], address, before = self.history.pop()
        self.memory[address - BASE : address - BASE + 4] = before
        return True
