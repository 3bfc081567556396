"""What governs driven guests: the real thing, over a guest that has no process."""

from functools import cached_property
from typing import Any

from pocketvisor.guest.governed import GuestGoverned
from pocketvisor.policies.act import Act


class DriverClipboard:
    """Of a driven guest: asks the policy where the real one does."""

    def __init__(self, guest: Any) -> None:
        self._guest, self.text, self.pasted = guest, "", ""

    async def copy(self) -> str:
        self._guest.check(Act.COPY_OUT)
        return self.text

    async def paste(self, text: str) -> None:
        self._guest.check(Act.COPY_IN)
        self.pasted = text


class GovernedDriver(GuestGoverned):
    has_debugger = False
    has_clipboard = True

    @cached_property
    def clipboard(self) -> DriverClipboard:
        return DriverClipboard(self)

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

    async def forget(self) -> None:
        self._driven.contents = b""
        self._driven.console.forget()

    @property
    def _driven(self) -> Any:
        return self
