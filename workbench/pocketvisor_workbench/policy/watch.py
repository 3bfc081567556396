"""What governs the guests on the bench, as the window shows it: who, by which policy, whether it is locked.

A guest tells when it is locked or let go on. That another policy is in force is told by nobody, since another
program may have applied it: so it is looked at, with a look that costs next to nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.guest.governed import Lock
    from pocketvisor_workbench.session import Session

LOOK_MS = 500


@dataclass(frozen=True)
class Seen:
    """Of one guest. `by` is empty for one that nobody governs."""

    by: str = ""
    number: int = 0
    lock: "Lock | None" = None
    wiped: bool = False

    @property
    def governed(self) -> bool:
        return bool(self.by)

    @property
    def badge(self) -> str:
        return f"Managed by {self.by}" if self.by else ""


class Policies(QObject):
    changed = Signal(object)
    """A guest is governed by another policy than before, by none any more, locked, or let go on."""
    unlock_wanted = Signal(object)

    def __init__(self, session: "Session") -> None:
        super().__init__(session)
        self._session = session
        self._seen: dict[Guest, Seen] = {}
        self._unsubscribe: dict[Guest, Callable[[], None]] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)
        session.guest_added.connect(self._added)
        session.guest_removed.connect(self._removed)

    def of(self, guest: "Guest | None") -> Seen:
        return self._seen.get(guest, _NOBODY) if guest is not None else _NOBODY

    def is_locked(self, guest: "Guest | None") -> bool:
        """Then nothing that is on it is shown anywhere."""
        return self.of(guest).lock is not None

    def look(self) -> None:
        for guest in list(self._seen):
            self._look_at(guest)

    def _added(self, guest: "Guest") -> None:
        self._seen[guest] = _seen(guest)
        self._unsubscribe[guest] = guest.on("lock", lambda *_: self._look_at(guest))
        self._timer.start()

    def _removed(self, guest: "Guest") -> None:
        self._seen.pop(guest, None)
        unsubscribe = self._unsubscribe.pop(guest, None)
        if unsubscribe is not None:
            unsubscribe()
        if not self._seen:
            self._timer.stop()

    def _look_at(self, guest: "Guest") -> None:
        seen = _seen(guest)
        if guest in self._seen and seen != self._seen[guest]:
            self._seen[guest] = seen
            self.changed.emit(guest)
            self._session.changed.emit()


_NOBODY = Seen()


def _seen(guest: "Guest") -> Seen:
    governed = guest.governed
    if governed is None:
        return Seen(lock=guest.lock)
    return Seen(governed.organisation, governed.policy.number, guest.lock, governed.wiped)
