"""A new profile's file: whole under its name, or not there."""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from pocketvisor.errors import ProfileError
from pocketvisor.profile.connection import APPLICATION, FORMAT, PAGE, SCHEMA, connect, told


def create(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """A new file, whole or not at all; one of that name stays as it is. Raises ProfileError."""
    new = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_native_id()}.new")
    with told(path, "made"):
        if os.path.lexists(path):
            raise ProfileError(f"{path.name} is there already")
        try:
            # Nobody else's from its first byte on: key slots are in it.
            os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            with contextlib.closing(connect(new, "rw")) as connection:
                for pragma in (
                    # Straight into the file: a log or journal would be a copy of the key slots elsewhere.
                    "journal_mode=MEMORY",
                    f"page_size={PAGE}",
                    "auto_vacuum=INCREMENTAL",
                    "encoding='UTF-8'",
                    "secure_delete=ON",
                    f"application_id={APPLICATION}",
                    f"user_version={FORMAT}",
                ):
                    connection.execute(f"PRAGMA {pragma}").fetchall()
                connection.execute("PRAGMA synchronous=FULL")
                connection.execute("BEGIN IMMEDIATE")
                for sql in SCHEMA:
                    connection.execute(sql)
                fill(connection)
                connection.execute("COMMIT")
            appear(new, path)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(new)
        sync_folder(path.parent)


def appear(new: Path, path: Path) -> None:
    """A rename that replaces nothing. Raises OSError."""
    try:
        os.link(new, path)
        os.unlink(new)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        os.rename(new, path)


def sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
