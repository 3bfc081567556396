"""Names for what a guest runs, without being asked: its ELF file's, or those that a Linux kernel keeps."""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.debug.debugger import Debugger

_AGAIN_SECONDS = 5.0
"""A kernel that is not found may not be unpacked yet."""


class OwnNames:
    """Of one guest."""

    def __init__(self, guest: "Guest") -> None:
        self._elf = guest.image.elf if guest.image.kind == "elf" else None
        self._linux = guest.image.kind == "linux"
        self._tried = -_AGAIN_SECONDS

    def due(self, debugger: "Debugger") -> bool:
        if self._elf is not None:
            return True
        known = debugger.linux.found and bool(debugger.linux.release)
        return self._linux and not known and time.monotonic() - self._tried >= _AGAIN_SECONDS

    async def learn(self, debugger: "Debugger") -> None:
        """Raises DebugError where there is nothing to learn yet, or at all."""
        self._tried = time.monotonic()
        elf, self._elf = self._elf, None
        if elf is not None and all(file.path != elf for file in debugger.symbols.layers):
            await debugger.symbols.open(elf, debugger)
        elif self._linux:
            if debugger.linux.found:  # so early in its boot that the kernel did not tell all about itself yet
                debugger.linux.forget()
            await debugger.linux.find()
            await debugger.linux.modules()
