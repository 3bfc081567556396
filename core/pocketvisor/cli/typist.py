"""Types a script's lines into a guest's console at its prompts, and sees when the text has come that it waits
for."""

import asyncio
from collections.abc import Callable
from typing import Final

from pocketvisor.guest.guest import Guest
from pocketvisor.guest.script import Script

_SETTLE_SECONDS: Final = 0.1


class Typist:
    """`matched` is set when the script is through; a typist without one only passes the output on."""

    def __init__(self, guest: Guest, script: Script | None, on_output: Callable[[bytes], None]) -> None:
        self.script = script
        self.matched = asyncio.Event()
        self._guest = guest
        self._on_output = on_output
        self._settling: asyncio.TimerHandle | None = None
        guest.console.subscribe(self._output)

    def close(self) -> None:
        """It types no more."""
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None

    def _output(self, data: bytes) -> None:
        self._on_output(data)
        script = self.script
        if script is None or self.matched.is_set():
            return
        script.feed(data)
        if script.done:
            self.matched.set()
        self.close()
        if script.at_prompt:
            self._settling = asyncio.get_running_loop().call_later(_SETTLE_SECONDS, self._type)

    def _type(self) -> None:
        self._settling = None
        if self.script is not None and self.script.at_prompt:
            self._guest.console.write(self.script.settled())
