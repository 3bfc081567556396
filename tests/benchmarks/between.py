"""Moves of a running 256 MiB Debian between two machines: TLS over the loopback, files and ledgers of their
own, durable at each step. Both machines are this one, and this process.

The downtime is as the one that gives sees it: from where the guest is told to stand still to where the other
side says that it runs there.
"""

import asyncio
from pathlib import Path

from pocketvisor.errors import MissingImage
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import catalogue
from pocketvisor.migration.departure import Departure, MoveReport
from pocketvisor.migration.greeting import call
from pocketvisor.migration.guests import HandsetLanding, LeavingGuest
from pocketvisor.migration.identity import load_identity
from pocketvisor.migration.leases import Leases
from pocketvisor.migration.listener import Listener
from pocketvisor.migration.peers import TrustedPeers
from pocketvisor.migration.receive import Receiver
from pocketvisor.migration.shelf import Shelf
from pocketvisor.profile.ledger import Ledger

from . import ours
from .bench import Bench, CannotMeasure
from .figures import Figure
from .moving import BOOT_SECONDS, BUSY, PROMPT


class _Machine:
    """A handset with an installation of its own, which waits for phones."""

    def __init__(self, folder: Path, handset: Handset) -> None:
        self.folder = folder / "profiles"
        self.folder.mkdir(parents=True)
        self.identity = load_identity(folder)
        self.peers = TrustedPeers(folder)
        self.leases = Leases(Ledger(folder / "ledger.sqlite"))
        self.came: asyncio.Queue[Guest | None] = asyncio.Queue()
        landing = HandsetLanding(handset, lambda guest, _: self.came.put_nowait(guest))
        self.receiver = Receiver(self.leases, landing, Shelf(self.folder))
        self.listener = Listener(self.identity, self.peers, self.receiver.session)
        self.address = ""

    async def open(self, other: "_Machine") -> None:
        host, port = await self.listener.open("127.0.0.1", 0)
        self.address = f"{host}:{port}"
        self.peers.trust(other.identity.fingerprint, "the other")

    async def close(self) -> None:
        await self.listener.close()
        await self.receiver.close()

    async def move(self, guest: Guest, other: "_Machine") -> tuple[Guest, MoveReport]:
        leaving = LeavingGuest(guest)
        departure = Departure(
            leaving, leaving.file, self.leases, lambda: call(other.address, self.identity, self.peers)
        )
        report = await departure.run()
        arrived = await other.came.get()
        assert arrived is not None
        return arrived, report


async def measure(bench: Bench) -> list[Figure]:
    """Milliseconds; MiB a second."""
    try:
        image = catalogue()["debian"]
        image.check()
    except MissingImage as missing:
        raise CannotMeasure(str(missing)) from missing
    count = bench.rounds(20, 4)
    figures = []
    async with ours.handset() as one, ours.handset() as two:
        machines = [_Machine(bench.folder / "one", one), _Machine(bench.folder / "two", two)]
        try:
            await machines[0].open(machines[1])
            await machines[1].open(machines[0])
            guest = await one.start(image, options=RunOptions(rate="max"))
            await guest.console.expect(PROMPT, BOOT_SECONDS)
            await asyncio.sleep(2)
            await guest.keep(machines[0].folder / "Debian.vphone")
            guest, first = await machines[0].move(guest, machines[1])
            figures.append(Figure(name="first move, all of it", unit="ms", ours=[first.seconds * 1000]))
            machines.reverse()
            for work in ("idle", "gzip"):
                bench.say(f"{count} moves between machines, {work}")
                if work == "gzip":
                    guest.console.write(f"{BUSY}\r".encode())
                    await asyncio.sleep(1)
                times, whole = [], []
                for _ in range(count):
                    guest, report = await machines[0].move(guest, machines[1])
                    machines.reverse()
                    times.append(report.downtime_ms)
                    whole.append(report.seconds * 1000)
                    await asyncio.sleep(0.05)
                figures += [
                    Figure(name=f"downtime of a move to another machine, {work}", unit="ms", ours=times),
                    Figure(name=f"a whole move to another machine, {work}", unit="ms", ours=whole),
                ]
        finally:
            for machine in machines:
                await machine.close()
    return figures
