"""A debugger's door for gdb: opened and closed by the guest's user."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pocketvisor.debug.gdb.server import GdbServer

if TYPE_CHECKING:
    from pocketvisor.debug.debugger import Debugger


class OpensToGdb:
    """The part of a Debugger that gdb comes in by."""

    gdb: GdbServer | None = None
    """Where gdb can connect, while it can."""

    async def open_gdb(self, address: str | int | Path | None = None, token: str | None = None) -> GdbServer:
        """A TCP port or HOST:PORT on loopback, or a path for a Unix socket; None is a free port. One that is
        open is closed first. Raises DebugError."""
        debugger = cast("Debugger", self)
        await self.close_gdb()

        def changed(*arguments: Any) -> None:
            debugger.emit("attached", *arguments)

        self.gdb = await GdbServer.open(debugger.guest, cast("Any", debugger), address, token, changed)
        changed()
        return self.gdb

    async def close_gdb(self) -> None:
        """Whoever is attached is hung up on, and the guest runs on if it ran."""
        server, self.gdb = self.gdb, None
        if server is not None:
            await server.close()
            cast("Debugger", self).emit("attached")
