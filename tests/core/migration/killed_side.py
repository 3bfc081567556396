"""One side of a move, as a program that can be killed: `killed_side.py source|target FOLDER [ADDRESS]`.

It says on standard output when its phone runs and when it stands still, with the time of day.
"""

import asyncio
import contextlib
import sys
import time
from pathlib import Path

from machines import Machine
from phones import FakeLanding, Recorded, World

from pocketvisor.errors import MigrationError
from pocketvisor.migration import lease
from pocketvisor.migration.departure import Departure
from pocketvisor.migration.greeting import call
from pocketvisor.migration.lease import State
from pocketvisor.migration.leases import Leases
from pocketvisor.migration.link import Link
from pocketvisor.migration.receive import Receiver
from pocketvisor.migration.settling import settled
from pocketvisor.migration.shelf import Shelf
from pocketvisor.profile.ledger import Ledger


def say(word: str) -> None:
    print(word, time.monotonic_ns(), flush=True)


class Spoken(World):
    def runs(self, where: str) -> None:
        super().runs(where)
        say("runs")

    def stands(self, where: str) -> None:
        super().stands(where)
        say("stands")


async def source(folder: Path, address: str) -> None:
    machine = Machine(folder, "here")
    leases = Leases(Ledger(folder / "here" / "ledger.sqlite"))

    async def connect() -> Link:
        return await call(address, machine.identity, machine.peers)

    path = folder / "phone.vphone"
    phone = Recorded.opened(Spoken(), path)
    record = leases.get(phone.file.id)
    if record is not None and record.state in (State.COMMITTING, State.UNKNOWN):
        with contextlib.suppress(MigrationError):
            record = await settled(leases, phone.file.id, connect)
    if not lease.may_run(record):
        return
    phone.world.runs("here")
    departure = Departure(phone, phone.file, leases, connect)
    departure.patience = 3.0
    with contextlib.suppress(MigrationError):
        await departure.run()
    if phone.running:
        phone.world.stands("here")  # it would go on; this program ends


async def target(folder: Path) -> None:
    machine = Machine(folder, "there")
    receiver = Receiver(
        Leases(Ledger(folder / "there" / "ledger.sqlite")),
        FakeLanding(Spoken()),
        Shelf(folder / "there" / "profiles"),
    )
    print(await machine.listen(session=receiver.session), flush=True)
    await asyncio.sleep(120)


if __name__ == "__main__":
    role, place, *rest = sys.argv[1:]
    asyncio.run(source(Path(place), rest[0]) if role == "source" else target(Path(place)))
