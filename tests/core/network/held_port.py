"""A port of this machine for a test that lets somebody else listen at it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_port() -> Iterator[int]:
    """Nobody is given it by chance, neither another test nor a connection: it is bound here, where nobody
    listens. Who asks for this very port, as passt does, may still have it."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
