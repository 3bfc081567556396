"""The library follows the user's folder of guests: what `pocketvisor guests add` does in a terminal is
seen in an open workbench."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer

from pocketvisor.api import ImageError, catalogue
from pocketvisor.images.catalogue import user_guests_path
from pocketvisor_workbench.jobs import Job

if TYPE_CHECKING:
    from pocketvisor_workbench.session import Session

_QUIET_MS = 400
"""A guest that is added comes in several steps."""


class GuestWatch(QObject):
    def __init__(self, session: "Session") -> None:
        super().__init__(session)
        self._session = session
        self._looks = 0
        self._watcher = QFileSystemWatcher(self)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_QUIET_MS)
        self._soon.timeout.connect(lambda: session.run("Look at the library", self._look, shown=False))
        self._watcher.directoryChanged.connect(lambda _: self._soon.start())
        with suppress(OSError):  # without a folder nothing comes into it
            user_guests_path().mkdir(parents=True, exist_ok=True)
            self._watcher.addPath(str(user_guests_path()))

    def close(self) -> None:
        self._watcher.removePaths(self._watcher.directories())
        self._soon.stop()

    async def _look(self, _: Job) -> None:
        problems: list[ImageError] = []
        self._looks += 1
        look = self._looks
        images = await asyncio.to_thread(catalogue, problems.append)
        if look != self._looks:
            return  # one that began later has seen more
        for problem in problems:
            self._session.log.error(problem)
        if images != self._session.images:
            self._session.images = images
            self._session.images_changed.emit()
