"""A listening Unix socket at a path that the user named: his alone, and never in place of something else."""

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from pocketvisor.errors import GuestError

_PATH_MAX: Final = 107
_BACKLOG: Final = 16


def listen(path: Path) -> socket.socket:
    """Mode 0600. One that nobody listens at any more is replaced. Raises GuestError with the sentence."""
    if len(os.fsencode(path)) > _PATH_MAX:
        raise GuestError(f"{path}: the path is too long for a socket")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.setblocking(False)
    try:
        _clear(path)
        mask = os.umask(0o177)
        try:
            listener.bind(os.fspath(path))
        finally:
            os.umask(mask)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise GuestError(f"{path}: no socket can be made there: {error.strerror}") from error
    except GuestError:
        listener.close()
        raise
    return listener


def stop(listener: socket.socket, path: Path) -> None:
    """Closes it, and takes its name away."""
    listener.close()
    with suppress(OSError):
        path.unlink()


def _clear(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise GuestError(f"{path}: there is a file already, and it is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass  # its backlog is full: somebody is there
    raise GuestError(f"{path}: somebody listens there already")
