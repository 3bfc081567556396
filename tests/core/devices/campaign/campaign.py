"""Drives every device of a fully equipped board with what no driver would do: `campaign.py SEED ACCESSES`.

Three kinds of episodes, until so many accesses and descriptors were made: storms of random accesses to the
registers, random chains in queues of devices that were brought to life well, and single mistakes. Run it in a
process with the engine's overrides; run it with the sanitizers, and it says more. It promises:

- nothing crashes, and no device in Python raises;
- nothing is written to the guest's memory but to buffers that a driver has named for it;
- a mistake with a queue is noticed: the device needs a reset, and that is counted;
- after a reset the device works again, whatever was before; so does a board saved and restored.
"""

import faulthandler
import random
import struct
import sys
import traceback
from typing import Final

import msgspec
from campaign_board import RAM_END, RAM_SIZE, EquippedBoard
from campaign_driver import LIMIT, NEEDS_RESET, REQUESTS, Driver
from campaign_hostile import Hostile, written_elsewhere
from campaign_storm import ARENA, CONTROL, Ended

from pocketvisor.board.map import RAM_BASE, VIRTIO, VIRTIO_SLOT_SIZE, VIRTIO_SLOTS

_STORM: Final = 4000
_ROUNDS: Final = 20
_REGISTERS: Final = (*range(0, 0x100, 4), *(LIMIT, 0x38, 0x3C, 0x40, 0x44, 0x50, 0x70, 0x30) * 6)
_SMALL: Final = (0, 0, 1, 1, 2, 3, 4, 5, 7, 8, 11, 15, 16, 64, 128, 256, 1024, 0x8000, 0xFFFF, 0x7FFF_FFFF)


class Campaign:
    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self.board = EquippedBoard(
            display="ramfb" if seed & 1 else "gpu", legacy=bool(seed & 2), sync=not seed & 4
        )
        self._threaded = bool(seed & 4)
        if self._threaded:
            self.board.board.loop.start()
        self._drivers = [Driver(self.board, number) for number in self.board.slots]
        unknown = {driver.device_id for driver in self._drivers} - REQUESTS.keys()
        assert not unknown, f"virtio devices {unknown} need a line in campaign_driver.REQUESTS"
        self._before = bytearray(RAM_SIZE)
        self.descriptors = 0
        self.counts = {"storms": 0, "chains": 0, "mistakes": 0, "resets needed": 0, "saves": 0, "ended": 0}

    @property
    def accesses(self) -> int:
        return self.board.storm.accesses + self.descriptors

    def episode(self) -> None:
        rng = self._rng
        try:
            kind = rng.random()
            if kind < 0.25:
                self._storm()
            elif kind < 0.85:
                self._chains(rng.choice(self._drivers))
            else:
                self._mistake(rng.choice(self._drivers))
        except Ended:  # a guest may do that
            self.counts["ended"] += 1
            self.board.machine.reset()
            self.board.storm.start()
        assert self.board.storm.intact, "the guest's program was written over"
        if rng.random() < 0.02:
            self._save()

    def finish(self) -> None:
        """Every device still works, and notices each mistake."""
        self.board.machine.reset()
        self.board.storm.start()
        for driver in self._drivers:
            driver.works(self._rng)
            for mistake in Hostile(self._rng, driver).mistakes():
                self._mistake(driver, mistake)

    # Storms

    def _storm(self) -> None:
        self.counts["storms"] += 1
        rng, board = self._rng, self.board
        ram = board.ram
        if rng.random() < 0.5:
            ram[ARENA - RAM_BASE :] = rng.randbytes(4096) * ((RAM_END - ARENA) // 4096)
        driver = rng.choice(self._drivers)
        if rng.random() < 0.5:
            driver.start(rng)
        for _ in range(rng.randint(1, 4)):
            board.storm.storm(rng, _STORM, self._addresses(driver), self._values())
            self._disturb()
            board.pump()
        driver.reset()
        driver.works(rng)

    def _addresses(self, driver: Driver) -> list[int]:
        rng, kind = self._rng, self._rng.random()
        if kind < 0.5:
            bases = [driver.base]
        elif kind < 0.7:
            bases = [VIRTIO.base + VIRTIO_SLOT_SIZE * slot for slot in range(VIRTIO_SLOTS)]
        else:
            base, size = rng.choice(list(self.board.bus_devices.values()))
            low = [base + rng.randrange(min(size, 0x40)) & ~3 for _ in range(40)]
            return low + [base + rng.randrange(size) for _ in range(24)]
        registers = [rng.choice(_REGISTERS) for _ in range(52)] + [
            rng.randrange(VIRTIO_SLOT_SIZE) for _ in range(12)
        ]
        return [rng.choice(bases) + register for register in registers]

    def _values(self) -> list[int]:
        rng = self._rng
        places = [rng.randrange(ARENA, RAM_END) & -(1 << rng.choice((0, 2, 4, 12, 12))) for _ in range(40)]
        # What firmware's DMA is told of is big-endian: accesses at places that are named the other way round.
        for place in places[:10]:
            control = rng.choice((0, 1, 2, 4, 8, 0x190008, 0x200008, 0x18, 0x10)), rng.choice(_SMALL)
            struct.pack_into(
                ">IIQ", self.board.ram, place % 0x1000 + ARENA - RAM_BASE, *control, rng.choice(places)
            )
        swapped = [
            int.from_bytes((place % 0x1000 + ARENA).to_bytes(4, "big"), "little") for place in places[:10]
        ]
        values = (
            [rng.choice(_SMALL) for _ in range(140)]
            + places
            + [place >> 12 for place in places[:10]]
            + swapped
        )
        values += [RAM_END - rng.randrange(64) for _ in range(6)] + [4096] * 10
        return values + [rng.getrandbits(32) for _ in range(40)]

    # Queues

    def _chains(self, driver: Driver) -> None:
        self.counts["chains"] += 1
        rng, board = self._rng, self.board
        refused = self._start_alone(driver)
        hostile = Hostile(rng, driver)
        unanswered: list[tuple[int, int]] = []
        for _ in range(_ROUNDS):
            named = self._try(hostile, driver, unanswered)
            if self._threaded:  # what was offered may be answered in a later round
                unanswered += named
            if driver.status() & NEEDS_RESET:
                self.counts["resets needed"] += 1
                assert board.machine.counters()["virtio_refused"] > refused, (
                    "a reset is needed, and not counted"
                )
                driver.start(rng)
                refused = board.machine.counters()["virtio_refused"]
                unanswered.clear()
        self.descriptors += hostile.descriptors
        driver.works(rng)

    def _start_alone(self, driver: Driver) -> int:
        """Answers how many mistakes were counted before: the others' devices, which may have a thread of
        their own, add none from here on."""
        for other in self._drivers:
            if other is not driver:
                other.reset()
        driver.start(self._rng)
        return self.board.machine.counters()["virtio_refused"]

    def _try(
        self, hostile: Hostile, driver: Driver, unanswered: list[tuple[int, int]]
    ) -> list[tuple[int, int]]:
        """Answers what the driver has named for writing; `unanswered` is what it named before."""
        board = self.board
        hostile.round()
        named = list(hostile.named())  # before a device writes into the tables themselves
        before = self._before
        before[:] = board.ram
        self._disturb()
        board.pump()
        own = (CONTROL, ARENA - CONTROL)  # the program's
        where = written_elsewhere(before, board.ram, iter([*unanswered, *named, *hostile.named(), own]))
        assert where is None, f"{driver!r} wrote to 0x{where:x}, which was not named"
        return named

    def _mistake(self, driver: Driver, mistake: str = "") -> None:
        self.counts["mistakes"] += 1
        board = self.board
        refused = self._start_alone(driver)
        request = REQUESTS[driver.device_id](driver.legacy)
        driver.offer(request.queue, request.readable, request.room)
        mistakes = Hostile(self._rng, driver).mistakes()
        mistake = mistake or self._rng.choice(list(mistakes))
        mistakes[mistake]()
        driver.kick(request.queue)
        self.descriptors += 2
        board.pump_until(lambda: bool(driver.status() & NEEDS_RESET))
        assert driver.status() & NEEDS_RESET, f"{driver!r} does not notice {mistake}"
        assert board.machine.counters()["virtio_refused"] == refused + 1, f"{mistake} was not counted"
        driver.works(self._rng)

    # Besides

    def _disturb(self) -> None:
        """The host has something to say, too."""
        rng, board = self._rng, self.board
        if rng.random() < 0.3:
            board.send("network", rng.randbytes(rng.choice((1, 14, 60, 1514, 2000))))
        if rng.random() < 0.3:
            board.send(rng.choice(("console", "one")), rng.randbytes(rng.choice((1, 10, 4000))))
        if rng.random() < 0.3:
            board.board.touch(rng.randrange(200), rng.randrange(200), rng.choice(("down", "move", "up")))
            board.board.key(30, rng.random() < 0.5)
        if rng.random() < 0.1:
            board.board.console_input(rng.randbytes(20))
            board.board.hardware_key("power", rng.random() < 0.5)

    def _save(self) -> None:
        self.counts["saves"] += 1
        board = self.board.board
        state = msgspec.msgpack.encode(board.save())
        board.restore(msgspec.msgpack.decode(state))


def main(arguments: list[str]) -> int:
    faulthandler.enable()
    seed, accesses = (int(argument, 0) for argument in arguments)
    campaign = Campaign(seed)
    try:
        while campaign.accesses < accesses:
            campaign.episode()
        campaign.finish()
    except BaseException:
        traceback.print_exc()
        print(f"seed {seed}, after {campaign.accesses} accesses", file=sys.stderr)
        return 1
    finally:
        campaign.board.board.loop.close()
        sys.stderr.flush()
    counts = ", ".join(f"{count} {name}" for name, count in campaign.counts.items())
    print(
        f"seed {seed}: {campaign.board.storm.accesses} accesses, {campaign.descriptors} descriptors; {counts}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
