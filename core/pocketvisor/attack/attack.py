"""Runs the attack on a handset: a hostile guest beside another guest, kind after kind.

It takes what it needs: without an attacker it starts a hostile guest and removes it afterwards, and without a
victim a small phone. However it ends, what it started is gone then, and a guest that was there before runs on
as it did.
"""

from collections.abc import Callable, Sequence

from pocketvisor.attack.sheet import Kind, Progress, ScoreSheet
from pocketvisor.guest.guest import Guest
from pocketvisor.handset import Handset

Tell = Callable[[Progress], None]


class Attack:
    """`kinds`: which ones, by name; all of kinds.KINDS if none are named."""

    def __init__(self, handset: Handset, *, victim: Guest | None = None, kinds: Sequence[str] = ()) -> None:
        self.handset = handset
        self.victim = victim
        self.attacker: Guest | None = None
        """While it runs: its own hostile guest, also in handset.guests."""
        self.kinds: tuple[Kind, ...] = ()

    async def run(self, progress: Tell = lambda _: None) -> ScoreSheet:
        """Cancel the task that waits here to end it early. Raises PocketvisorError where it cannot begin."""
        raise NotImplementedError
