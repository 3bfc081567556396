"""What governs driven guests: the real thing, over a guest that has no process."""

from typing import Any

from pocketvisor.guest.governed import GuestGoverned
from pocketvisor.policies.act import Act


class GovernedDriver(GuestGoverned):
    has_debugger = False

    def guard_console(self) -> None:
        self.check(Act.CONSOLE)

    def run_note(self, words: str) -> None:
        self._driven.tell("event", f"{self._driven.name} {words}")

    def set_shut(self, shut: bool) -> None:
        self._driven.console.set_shut(shut)

    def policy_changed(self) -> None:
        """It has no network that would have to follow."""

    def lock_changed(self) -> None:
        self._driven.tell("lock")

    @property
    def _driven(self) -> Any:
        return self
