"""A piece of work that somebody began and waits for: how far it is, a way to stop it, and when it has ended
what came of it, with the way back."""

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QVBoxLayout

from pocketvisor_workbench.banners import ERROR_SHOWN_MS, SIGNS, Notice
from pocketvisor_workbench.ending import Ending
from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.log import Level
from pocketvisor_workbench.widgets import push_button, tool_button


class JobCard(Notice):
    resized = Signal()

    def __init__(self, job: Job, ending: Callable[[Job], Ending]) -> None:
        super().__init__()
        self.job = job
        self._ending = ending
        self._run: Callable[[], object] | None = None
        self.pinned = True
        self.text = job.title
        job.told = True
        self._sign = QLabel()
        self._sign.setPixmap(icon("progress-clock", "accent").pixmap(20, 20))
        self._words = QLabel(job.title)
        self._words.setWordWrap(True)
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._detail = QLabel("Beginning")
        self._detail.setObjectName("muted")
        self._detail.setWordWrap(True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(f"Progress: {job.title}")
        self.button = push_button("Cancel")
        self.button.setObjectName("card-button")
        self.button.setAccessibleName(f"Cancel: {job.title}")
        self.button.clicked.connect(self._clicked)
        self._close = tool_button("close", "Dismiss")
        self._close.clicked.connect(self.leave)
        self._close.hide()
        lines = QVBoxLayout()
        lines.setSpacing(4)
        for part in (self._words, self._detail, self._bar):
            lines.addWidget(part)
        layout = QHBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addLayout(lines, 1)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(self._close, 0, Qt.AlignmentFlag.AlignVCenter)
        self.set_slim(False)
        self._seconds = QTimer(self)
        self._seconds.setInterval(1000)
        self._seconds.timeout.connect(self._refresh)
        self._seconds.start()
        job.changed.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        job = self.job
        if not job.running:
            self._end()
            return
        if job.progress is None:
            self._bar.setRange(0, 0)
        else:
            self._bar.setRange(0, 1000)
            self._bar.setValue(round(job.progress * 1000))
        passed = f"{job.seconds:.0f} s" if job.seconds >= 1 else ""
        self._detail.setText(" · ".join(part for part in (job.detail or "Beginning", passed) if part))

    def _end(self) -> None:
        if not self._seconds.isActive():
            return
        self._seconds.stop()
        self.job.changed.disconnect(self._refresh)
        ending = self._ending(self.job)
        self.pinned = False
        self.text = ending.text
        self._run = ending.run
        self._sign.setPixmap(icon(*SIGNS[ending.level]).pixmap(20, 20))
        self._words.setText(ending.text)
        self._detail.hide()
        self._bar.hide()
        self.button.setText(ending.button)
        self.button.setAccessibleName(ending.button)
        self.button.setVisible(bool(ending.button))
        self._close.show()
        shown_ms = ERROR_SHOWN_MS if ending.level is Level.ERROR else ending.duration_ms
        self.live(shown_ms)
        QTimer.singleShot(0, self, self.resized.emit)  # when the layout knows that parts are hidden

    def _clicked(self) -> None:
        if self.job.running:
            self.button.setEnabled(False)
            self.job.cancel()
            return
        run = self._run
        self.leave()
        if run is not None:
            run()
