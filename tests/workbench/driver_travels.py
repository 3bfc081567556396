"""Driven moves between machines: they begin, wait and end as a test says, with no other machine."""

import asyncio
from collections.abc import Callable
from typing import Any

from pocketvisor.errors import MigrationError
from pocketvisor.migration.departure import MoveReport, MoveUnknown
from pocketvisor.migration.greeting import NotPaired

CODE = "314159"


class DriverBorder:
    """As pocketvisor.services.migration.Migrations."""

    def __init__(self) -> None:
        self.changed: Callable[[], None] = lambda: None
        self.problem: Exception | None = None
        self.let_go = asyncio.Event()
        self.lost: dict[Any, str] = {}
        self.asked: list[tuple[str, bool, bool]] = []
        self.here: bool | None = None
        """What the other machine answers; None: it does not."""
        self.paired = False
        self.called: list[tuple[str, str | None]] = []

    async def trusted(self, address: str, code: str | None) -> None:
        await asyncio.sleep(0)
        self.called.append((address, code))
        if self.problem is not None:
            raise self.problem
        if code is not None and code.replace(" ", "") != CODE:
            raise MigrationError("The code is not the one that is shown there; it takes 2 more tries")
        self.paired = self.paired or code is not None
        if not self.paired:
            raise NotPaired(
                "studio (8a1f:33c0:5e5e:0b42) is not trusted yet: pair with the code that it shows"
            )

    async def migrate(self, guest: Any, address: str, tell: Any) -> MoveReport:
        tell("Round 2: 48.0 MiB, 112.4 MiB/s", 0.6)
        await self.let_go.wait()
        if isinstance(self.problem, MoveUnknown):
            guest.held = str(self.problem)
            await guest.pause()
            self.lost[guest] = guest.held
            self.changed()
        if self.problem is not None:
            raise self.problem
        await guest.handset.remove(guest)
        return MoveReport(
            peer="studio", address=address, seconds=1.2, downtime_ms=87.4, rounds=3, sent_bytes=48 << 20
        )

    def undecided(self, guest: Any) -> bool:
        return guest in self.lost

    async def settle(self, guest: Any, *, give_up: bool = False, force: bool = False) -> bool:
        await asyncio.sleep(0)
        self.asked.append((guest.name, give_up, force))
        if self.here is None and not force:
            raise MigrationError(guest.held)
        here = force or bool(self.here)
        del self.lost[guest]
        guest.held = ""
        self.changed()
        await (guest.resume() if here else guest.handset.remove(guest))
        return here

    async def receive(self, handset: Any, host: str, port: int) -> Any:
        raise MigrationError(f"{host}:{port} cannot be listened at: it is driven")

    def reception(self, handset: Any) -> Any:
        return None

    async def receive_no_more(self, handset: Any) -> None:
        pass

    async def close(self) -> None:
        pass
