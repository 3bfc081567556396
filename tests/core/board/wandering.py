"""Running a machine to a tick by detours: steps, positions, breakpoints, watchpoints, notes, at random."""

import random
from typing import Any

RAM_BASE = 0x4000_0000


class Wanderer:
    """Goes on from stop to stop; none of it may change what the guest does."""

    def __init__(self, machine: Any, ram_size: int, seed: int) -> None:
        from pocketvisor import _native

        self.native = _native
        self.machine = machine
        self.ram_size = ram_size
        self.chance = random.Random(seed)
        self.reasons: dict[int, int] = {}
        self.positions: list[int] = []

    def run_to(self, tick: int) -> None:
        """As machine.run(tick) would; the last steps are one straight run, so that it comes to an end."""
        native, machine, chance = self.native, self.machine, self.chance
        for _ in range(chance.randrange(4, 20)):
            self._set_out()
            before = machine.position
            reason = self._detour(tick, chance)
            assert machine.error is None
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
            if reason == native.RUN_LIMIT:
                return
            assert machine.position >= before
            self.positions.append(machine.position)
        machine.set_stops([])
        machine.note_stops(False)
        assert machine.run(tick) == native.RUN_LIMIT

    def _detour(self, tick: int, chance: random.Random) -> int:
        machine, native = self.machine, self.native
        kind = chance.randrange(4)
        if kind == 0:
            return int(machine.run(tick, steps=chance.randrange(1, 60)))
        if kind == 1:
            position = machine.position + chance.choice([1, 3, 20, 400, 5000, 200_000])
            reason = int(machine.run(tick, position=position))
            if reason == native.RUN_POSITION:
                assert position <= machine.position < position + 4096
            return reason
        reason = int(machine.run(tick, position=machine.position + chance.randrange(2_000_000)))
        if reason in (native.RUN_BREAK, native.RUN_WATCH):
            identity, position, *_ = machine.stop_hit
            assert position == machine.position and 0 <= identity < 40
            if reason == native.RUN_BREAK:
                assert machine.registers()["pc"] in self.breaks
        return reason

    def _set_out(self) -> None:
        machine, native, chance = self.machine, self.native, self.chance
        registers = machine.registers()
        near = [registers[name] for name in ("pc", "lr", "sp", "r0", "r4")]
        stops = []
        for identity in range(chance.choice([0, 0, 1, 4, 40])):
            if chance.random() < 0.5:
                address = (registers["pc"] + chance.randrange(-64, 512)) & 0xFFFF_FFFE
                stops.append((identity, native.STOP_EXECUTE, address, 4, False))
                continue
            virtual = chance.random() < 0.7
            around = (chance.choice(near) if virtual else RAM_BASE + chance.randrange(self.ram_size)) & ~7
            address = (around + chance.randrange(-128, 128)) & 0xFFFF_FFFF
            kind = chance.choice([native.STOP_WRITE, native.STOP_READ, native.STOP_ACCESS])
            stops.append((identity, kind, address, chance.choice([1, 4, 64, 5000]), not virtual))
        self.breaks = {address for _, kind, address, *_ in stops if kind == native.STOP_EXECUTE}
        machine.note_stops(chance.random() < 0.25)
        machine.set_stops(stops)
