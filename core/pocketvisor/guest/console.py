"""A guest's serial console on the handset's side: its history, typing into it, waiting for its output."""

import asyncio
import re
from collections.abc import Callable

from pocketvisor.errors import GuestError
from pocketvisor.guest.listeners import Listeners, Unsubscribe
from pocketvisor.guest.script import PlainText

HISTORY_MAX = 1 << 20
_SLACK = HISTORY_MAX // 4
_WRITE_MAX = 32 << 10


class Console:
    """Output is kept up to a bound, oldest dropped. expect() goes on from where the last one matched."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._listeners = Listeners("output", "changed", "full", "shut")
        self._history = bytearray()
        self._plain = PlainText()
        self._unmatched = ""
        self._ended = ""
        self.guard: Callable[[], None] = lambda: None
        """Raises where whoever governs the guest keeps its console to himself."""
        self.shut = False
        """Nobody hears what it prints, and nothing of it is kept."""

    @property
    def text(self) -> bytes:
        """The output so far, as it came. Raises Refused."""
        self.guard()
        return bytes(self._history)

    def write(self, data: bytes) -> None:
        """Types; never waits. Nothing happens where the guest does not run. Raises Refused."""
        self.guard()
        for at in range(0, len(data), _WRITE_MAX):
            self._send(data[at : at + _WRITE_MAX])

    def subscribe(self, callback: Callable[[bytes], None]) -> Unsubscribe:
        """The callback gets each piece of output as it comes, unless the console is shut."""
        return self._listeners.on("output", callback)

    async def expect(
        self,
        pattern: str | re.Pattern[str],
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> re.Match[str]:
        """Wait for output behind the last match; escape sequences and carriage returns are left out.

        Raises TimeoutError with the last lines, GuestError where the guest ends before, Refused.
        """
        self.guard()
        expression = re.compile(pattern, re.MULTILINE) if isinstance(pattern, str) else pattern
        changed = asyncio.Event()
        found: re.Match[str] | None = None

        def look() -> None:
            nonlocal found
            if found is None and (found := expression.search(self._unmatched)):
                self._unmatched = self._unmatched[found.end() :]
                changed.set()

        # At each pause of what comes, and before anything is dropped that nobody has looked at.
        stops = self._listeners.on("changed", changed.set), self._listeners.on("full", look)
        try:
            async with asyncio.timeout(timeout):
                while True:
                    look()
                    if found is not None:
                        return found
                    if self._ended:
                        raise GuestError(f"{self._ended} before '{expression.pattern}' appeared")
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            look()  # a loop that was held up for longer than that hears of both at once
            if found is not None:
                return found
            tail = "\n".join(self._unmatched.splitlines()[-12:])
            raise TimeoutError(
                f"'{expression.pattern}' did not appear within {timeout} s; the last lines were:\n{tail}"
            ) from None
        finally:
            for stop in stops:
                stop()

    def received(self, data: bytes) -> None:
        """The guest's process sent output."""
        if self.shut:
            return
        self._history += data
        if len(self._history) > HISTORY_MAX + _SLACK:
            del self._history[:-HISTORY_MAX]
        self._unmatched += self._plain.feed(data)
        if len(self._unmatched) > HISTORY_MAX + _SLACK:
            self._listeners.emit("full")
            self._unmatched = self._unmatched[-HISTORY_MAX:]
        self._listeners.emit("output", data)
        self._listeners.emit("changed")

    def set_shut(self, shut: bool) -> None:
        if shut == self.shut:
            return
        self.shut = shut
        if shut:
            self.forget()
        self._listeners.emit("shut", shut)

    def on_shut(self, callback: Callable[[bool], None]) -> Unsubscribe:
        """The callback hears when it is shut or opened again."""
        return self._listeners.on("shut", callback)

    def forget(self) -> None:
        """Nothing of what it has said is kept."""
        self._history.clear()
        self._unmatched = ""

    def begun(self) -> None:
        """The guest starts anew; the history goes on, but no escape sequence that was begun does."""
        self._ended = ""
        self._plain = PlainText()

    def ended(self, how: str) -> None:
        """No more output will come; `how` begins a sentence."""
        self._ended = how
        self._listeners.emit("changed")
