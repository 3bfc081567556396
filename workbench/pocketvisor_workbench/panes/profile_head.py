"""The upper part of the Profiles pane: where the guest is kept, since when, and saving it now."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from pocketvisor.api import GuestState
from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.history import History
from pocketvisor_workbench.icons import icon, set_icon
from pocketvisor_workbench.keeping import profile_of, saved_seconds
from pocketvisor_workbench.widgets import Dot, ElidedLabel, push_button
from pocketvisor_workbench.words import ago_words, place_words, size_words, span_words

if TYPE_CHECKING:
    from pocketvisor.api import Guest

INTERVALS: tuple[float | None, ...] = (None, 5.0, 15.0, 60.0, 300.0, 900.0)
NAME_MOST = 200


class ProfileHead(QWidget):
    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self._guest: Guest | None = None
        self._size = 0
        self._dot = Dot("#808080", size=12)
        self.title = ElidedLabel()
        self.title.setObjectName("heading")
        self._lock = QLabel()
        self._lock.setAccessibleName("Sealed")
        self.saved = ElidedLabel()
        self.saved.setObjectName("muted")
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.title)
        words.addWidget(self.saved)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._dot)
        head.addLayout(words, 1)
        head.addWidget(self._lock)
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name it, if you like")
        self.name.setMaxLength(NAME_MOST)
        self.name.setAccessibleName("Name of the snapshot")
        self.name.returnPressed.connect(self._snapshot)
        self.snapshot = push_button("Snapshot", "camera-plus-outline", primary=True)
        self.snapshot.setToolTip("Save the guest as it is now; it runs on")
        self.snapshot.clicked.connect(self._snapshot)
        saving = QHBoxLayout()
        saving.setSpacing(6)
        saving.addWidget(self.name, 1)
        saving.addWidget(self.snapshot)
        self.autosave = QComboBox()
        self.autosave.setAccessibleName("How often it is saved by itself")
        for seconds in INTERVALS:
            words_of = "Not saved by itself" if seconds is None else f"Saved every {span_words(seconds)}"
            self.autosave.addItem(words_of, seconds)
        self.autosave.activated.connect(self._set_autosave)
        self.autosave.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.suspend = push_button("Suspend", "sleep")
        self.suspend.setToolTip(
            "Save the guest and end its process; it goes on from there when it is resumed"
        )
        self.suspend.clicked.connect(self._suspend)
        keeping = QHBoxLayout()
        keeping.setSpacing(6)
        keeping.addWidget(self.autosave, 1)
        keeping.addWidget(self.suspend)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addLayout(saving)
        layout.addLayout(keeping)
        self._seconds = QTimer(self)
        self._seconds.setInterval(1000)
        self._seconds.timeout.connect(self._tell_saved)

    def showEvent(self, _: object) -> None:
        self._seconds.start()

    def hideEvent(self, _: object) -> None:
        self._seconds.stop()

    def show_guest(self, guest: "Guest") -> None:
        if guest is not self._guest:
            self.name.clear()
        self._guest = guest
        self._dot.set_accent(accent_of(guest))
        self.refresh()

    def show_history(self, history: History | None) -> None:
        self._size = history.size if history is not None else 0
        sealed = history is not None and history.sealed
        self._lock.setVisible(sealed)
        if sealed:
            self._lock.setPixmap(icon("lock-outline", "muted").pixmap(16, 16))
            self._lock.setToolTip("Sealed: it opens with a passphrase or a key alone")
        self._tell_saved()

    def refresh(self) -> None:
        guest, profile = self._guest, profile_of(self._guest)
        if guest is None or profile is None:
            return
        self.title.setText(profile.path.stem)
        self.title.setToolTip(place_words(profile.path))
        live = guest.state in (GuestState.RUNNING, GuestState.PAUSED)
        asleep = guest.state in (GuestState.OFF, GuestState.CRASHED)
        self.snapshot.setEnabled(live and not profile.saving)
        self.name.setEnabled(live)
        self.suspend.setEnabled(live or asleep)
        self.suspend.setText("Resume" if asleep else "Suspend")
        set_icon(self.suspend, "play" if asleep else "sleep")
        at = self.autosave.findData(profile.autosave)
        if at < 0 and profile.autosave is not None:
            self.autosave.addItem(f"Saved every {span_words(profile.autosave)}", profile.autosave)
            at = self.autosave.count() - 1
        self.autosave.setCurrentIndex(max(at, 0))
        self._tell_saved()

    def _tell_saved(self) -> None:
        guest, profile = self._guest, profile_of(self._guest)
        if guest is None or profile is None:
            return
        seconds = saved_seconds(guest)
        if profile.saving:
            words = "Saving…"
        else:
            words = f"Saved {ago_words(seconds)}" if seconds is not None else "Not saved yet"
        self.saved.setText(
            " · ".join(part for part in (words, size_words(self._size) if self._size else "") if part)
        )

    def _snapshot(self) -> None:
        if self._guest is not None and self.snapshot.isEnabled():
            self.bench.session.keeping.snapshot(self._guest, self.name.text().strip())
            self.name.clear()

    def _suspend(self) -> None:
        guest = self._guest
        if guest is None:
            return
        if guest.state in (GuestState.OFF, GuestState.CRASHED):
            self.bench.session.keeping.resume(guest)
        else:
            self.bench.session.keeping.suspend(guest)

    def _set_autosave(self) -> None:
        if self._guest is not None:
            self.bench.session.keeping.set_autosave(self._guest, self.autosave.currentData())
            self.refresh()

    def changeEvent(self, _: object) -> None:
        if hasattr(self, "_seconds") and self._lock.isVisible():
            self._lock.setPixmap(icon("lock-outline", "muted").pixmap(16, 16))
