"""What happened, as structured events: bounded, shown by the Events pane and counted by tests."""

import enum
import time
from collections import deque
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Signal


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
    ) -> Entry:
        entry = Entry(text, level, source, accent)
        self.entries.append(entry)
        self.added.emit(entry)
        if notice:
            self.notice.emit(entry)
        return entry

    def error(
        self, error: BaseException, source: str = "", accent: str = "", *, notice: bool = True
    ) -> Entry:
        """An error as the sentence that it carries."""
        return self.add(words_of(error), Level.ERROR, source=source, accent=accent, notice=notice)


def words_of(error: BaseException) -> str:
    return str(error) or type(error).__name__
