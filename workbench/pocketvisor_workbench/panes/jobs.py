"""Long work: what runs, how far it is, and a way to stop it."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QProgressBar,
    QScrollArea,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.jobs import Job, JobState
from pocketvisor_workbench.panes.pane_base import Pane
from pocketvisor_workbench.widgets import ElidedLabel, EmptyState, tool_button

_SIGNS: dict[JobState, tuple[str, str]] = {
    JobState.RUNNING: ("progress-clock", "accent"),
    JobState.DONE: ("check-circle-outline", "good"),
    JobState.FAILED: ("alert-circle", "bad"),
    JobState.CANCELLED: ("cancel", "muted"),
}


class JobRow(QFrame):
    """One job."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job
        self._sign = QLabel()
        self._title = ElidedLabel(job.title)
        self._title.setObjectName("cardTitle")
        self._detail = ElidedLabel()
        self._detail.setObjectName("muted")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._time = QLabel()
        self._time.setObjectName("muted")
        self.cancel = tool_button("close", f"Cancel: {job.title}")
        self.cancel.clicked.connect(job.cancel)
        layout = QGridLayout(self)
        layout.setContentsMargins(12, 6, 10, 6)
        layout.setVerticalSpacing(4)
        layout.setColumnStretch(1, 1)
        layout.addWidget(self._sign, 0, 0, 2, 1)
        layout.addWidget(self._title, 0, 1)
        layout.addWidget(self._detail, 1, 1)
        layout.addWidget(self._bar, 2, 1)
        layout.addWidget(self._time, 0, 2, 2, 1)
        layout.addWidget(self.cancel, 0, 3, 2, 1)
        job.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        job = self.job
        self._sign.setPixmap(icon(*_SIGNS[job.state]).pixmap(18, 18))
        detail = str(job.error) if job.error else job.detail or job.state.value.capitalize()
        self._detail.setText(detail)
        self._detail.setToolTip(detail)
        self._bar.setVisible(job.running)
        if job.progress is None:
            self._bar.setRange(0, 0)
        else:
            self._bar.setRange(0, 1000)
            self._bar.setValue(round(job.progress * 1000))
        self._time.setText(f"{job.seconds:.0f} s" if job.seconds >= 1 else "")
        self.cancel.setVisible(job.running)


class JobsPane(Pane):
    name = "jobs"
    title = "Jobs"
    picture = "progress-check"
    area = Qt.DockWidgetArea.BottomDockWidgetArea

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.rows: dict[Job, JobRow] = {}
        body = QWidget()
        self._list = QVBoxLayout(body)
        self._list.setContentsMargins(0, 4, 0, 4)
        self._list.setSpacing(0)
        self._list.addStretch()
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(body)
        area.setFrameShape(QFrame.Shape.NoFrame)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(area)
        self._stack.addWidget(
            EmptyState(
                "progress-check", "No jobs", "Starting guests and fetching images show their progress here."
            )
        )
        self._seconds = QTimer(self)
        self._seconds.setInterval(1000)
        self._seconds.timeout.connect(self._tick)
        self._seconds.start()
        board = bench.session.jobs
        board.added.connect(self._added)
        board.changed.connect(self._sweep)
        for job in reversed(board.jobs):
            self._added(job)
        self._choose()

    def tools(self) -> list[QWidget]:
        clear = tool_button("broom", "Forget ended jobs")
        clear.clicked.connect(self.bench.session.jobs.clear_ended)
        return [clear]

    def _added(self, job: Job) -> None:
        row = JobRow(job)
        self.rows[job] = row
        self._list.insertWidget(0, row)
        self._choose()

    def _sweep(self) -> None:
        kept = set(self.bench.session.jobs.jobs)
        for job in [job for job in self.rows if job not in kept]:
            row = self.rows.pop(job)
            row.hide()
            row.deleteLater()
        self._choose()

    def _tick(self) -> None:
        if self.isVisible():
            for job, row in self.rows.items():
                if job.running:
                    row.refresh()

    def _choose(self) -> None:
        self._stack.setCurrentIndex(0 if self.rows else 1)

    def changeEvent(self, _: object) -> None:
        for row in getattr(self, "rows", {}).values():
            row.refresh()
