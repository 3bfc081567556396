"""Types a script's lines into a guest's console at its prompts, and sees when the text has come that it waits
for."""

import asyncio
from collections.abc import Callable
from typing import Final

from pocketvisor.guest.guest import Guest
from pocketvisor.guest.script import Script

_SETTLE_SECONDS: Final = 0.1
_SILENT_SECONDS: Final = 1.0


class Typist:
    """`matched` is set when the script is through; a typist without one only passes the output on."""

    def __init__(self, guest: Guest, script: Script | None, on_output: Callable[[bytes], None]) -> None:
        self.script = script
        self.matched = asyncio.Event()
        self._guest = guest
        self._on_output = on_output
        self._settling: asyncio.TimerHandle | None = None
        self._silent = True
        guest.console.subscribe(self._output)

    def goes_on(self) -> None:
        """The guest ran before: it may stand at a prompt that nobody sees again. Where it stays silent, the
        first line is typed at that."""
        if self.script is not None and self._silent and self.script.has_lines:
            loop = asyncio.get_running_loop()
            self._settling = loop.call_later(_SILENT_SECONDS, self._type_unseen)

    def close(self) -> None:
        """It types no more."""
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None

    def _output(self, data: bytes) -> None:
        self._on_output(data)
        self._silent = False
        script = self.script
        if script is None or self.matched.is_set():
            return
        script.feed(data)
        if script.done:
            self.matched.set()
        self.close()
        if script.at_prompt:
            self._settling = asyncio.get_running_loop().call_later(_SETTLE_SECONDS, self._type)

    def _type_unseen(self) -> None:
        self._settling = None
        if self.script is not None:
            self._guest.console.write(self.script.settled())

    def _type(self) -> None:
        self._settling = None
        if self.script is not None and self.script.at_prompt:
            self._guest.console.write(self.script.settled())
