"""What happened, as structured events: bounded, shown by the Events pane and counted by tests."""

import enum
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from pocketvisor.errors import Refused
from pocketvisor_workbench.accents import accent_of

if TYPE_CHECKING:
    from pocketvisor.api import Guest


class Level(enum.IntEnum):
    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True)
class Entry:
    """One event; `source` is a guest's or a handset's name, empty for the workbench itself."""

    text: str
    level: Level = Level.INFO
    source: str = ""
    accent: str = ""
    when: float = field(default_factory=time.time)
    refused: bool = False
    """A policy did not allow it: nothing has failed."""


class EventLog(QObject):
    """The last events, oldest first."""

    added = Signal(object)
    notice = Signal(object)
    """An entry that the person in front of the screen should see now."""

    KEPT = 5000

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.entries: deque[Entry] = deque(maxlen=self.KEPT)

    def add(
        self,
        text: str,
        level: Level = Level.INFO,
        *,
        source: str = "",
        accent: str = "",
        notice: bool = False,
        refused: bool = False,
    ) -> Entry:
        entry = Entry(text, level, source, accent, refused=refused)
        self.entries.append(entry)
        self.added.emit(entry)
        if notice:
            self.notice.emit(entry)
        return entry

    def error(
        self, error: BaseException, source: str = "", accent: str = "", *, notice: bool = True
    ) -> Entry:
        """An error as the sentence that it carries."""
        refused = isinstance(error, Refused)
        level = Level.WARNING if refused else Level.ERROR
        return self.add(words_of(error), level, source=source, accent=accent, notice=notice, refused=refused)

    def refuse(self, sentence: str, guest: "Guest | None") -> Entry:
        """What the policy of a guest does not allow."""
        source, accent = (guest.name, accent_of(guest)) if guest is not None else ("", "")
        return self.add(sentence, Level.WARNING, source=source, accent=accent, notice=True, refused=True)


def words_of(error: BaseException) -> str:
    return str(error) or type(error).__name__
