"""The attack's dialog: against whom, how far it is, how the neighbour is meanwhile, and the score sheet.

It is not modal, so that the phone can be seen and used; closed, the attack goes on, and is told when it is
through.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QMargins, QSize, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QWidget

from pocketvisor.api import GuestState
from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.attack.attack_run import AttackRun
from pocketvisor_workbench.attack.export import FILTERS, export_sheet
from pocketvisor_workbench.attack.outcomes import HOW, OutcomesModel, rows_of, worst_first
from pocketvisor_workbench.attack.verdict import Verdict
from pocketvisor_workbench.attack.vitals import Vitals
from pocketvisor_workbench.attack.words import count_words, isolation_words
from pocketvisor_workbench.debug.debug_pane import plain_table
from pocketvisor_workbench.dialogs.frame import DialogFrame
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.phone.section import Choice
from pocketvisor_workbench.swatch import swatch
from pocketvisor_workbench.widgets import EmptyState, push_button
from pocketvisor_workbench.words import span_words

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset
    from pocketvisor.attack.sheet import ScoreSheet
    from pocketvisor_workbench.bench import Bench

_LOOK_MS = 500
_WIDTHS = (310, 132, 82, 118)
_SIZE, _LEAST = (960, 720), (640, 600)
_WIDE, _NARROW = 840, 230
_TABLE_LEAST = 130
_VICTIMS = (GuestState.RUNNING, GuestState.PAUSED)

Begin = Callable[["Handset", "Guest | None"], AttackRun]


class AttackDialog(DialogFrame):
    def __init__(
        self,
        bench: "Bench",
        handset: "Handset",
        victim: "Guest | None",
        begin: Begin,
        parent: QWidget,
        run: AttackRun | None = None,
    ) -> None:
        """`run`: one that is under way or through."""
        super().__init__(
            f"Attack a guest on {handset.name}",
            "A hostile guest is put beside it and tries all it can: devices, memory, hypercalls, floods, and "
            "its own process as an attacker who has taken it over. The neighbour runs on, and stands still "
            "only while its memory is attacked, so that each byte can be compared.",
            parent,
        )
        self.setModal(False)
        self.setObjectName("attack")
        self._bench, self._begin = bench, begin
        self.handset = handset
        self.run: AttackRun | None = None
        self.verdict = Verdict()
        self.vitals = Vitals(bench.sampler)
        self.model = OutcomesModel(self)
        self.table = plain_table(self.model, "Kinds of attack and what came of them", _WIDTHS)
        self.table.setMinimumHeight(_TABLE_LEAST)
        self.isolation = QLabel()
        self.isolation.setObjectName("muted")
        self.isolation.setWordWrap(True)
        self.isolation.setTextFormat(Qt.TextFormat.PlainText)
        self.body.addLayout(self._make_choice(victim))
        self._nothing = EmptyState(
            "shield-outline",
            "Not attacked yet",
            "It takes a minute or two. What is tried, and what comes of it, appears here as it goes on.",
        )
        for part in (self.verdict, self.vitals):
            self.body.addWidget(part)
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self._nothing, 1)
        self.body.addWidget(self.isolation)
        self._make_buttons()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._timer.start()
        self.setMinimumSize(*_LEAST)
        room = parent.window().size().shrunkBy(QMargins(20, 20, 20, 20))
        self.resize(QSize(*_SIZE).boundedTo(room))
        if run is not None:
            self.follow(run)
        self.refresh()

    def _make_choice(self, victim: "Guest | None") -> QHBoxLayout:
        self.victim = Choice("Whom it attacks")
        for guest in self.handset.guests:
            if guest.state in _VICTIMS:
                self.victim.addItem(swatch(accent_of(guest)), guest.name, guest)
        self.victim.addItem("A small phone of its own", None)
        at = self.victim.findText(victim.name) if victim is not None else 0
        self.victim.setCurrentIndex(max(at, 0))
        self._victim_label = QLabel("Against")
        self._victim_label.setObjectName("muted")
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self._victim_label)
        line.addWidget(self.victim, 3)
        line.addStretch(2)
        return line

    def _make_buttons(self) -> None:
        self.export = push_button("Export…", "export-variant")
        self.export.clicked.connect(self.choose_export)
        self.cancel = push_button("Stop")
        self.cancel.clicked.connect(self._cancel)
        self.start = push_button("Attack", "sword-cross", primary=True)
        self.start.setDefault(True)
        self.start.clicked.connect(self.begin)
        self.buttons.insertWidget(0, self.export)
        self.buttons.addWidget(self.cancel)
        self.buttons.addWidget(self.start)

    def begin(self) -> None:
        if self.run is None or not self.run.running:
            self.model.show_rows([])
            self.follow(self._begin(self.handset, self.victim.currentData()))
            self.leave_button.setFocus()

    def follow(self, run: AttackRun) -> None:
        """Shows this one from now on."""
        if self.run is not None:
            self.run.changed.disconnect(self.refresh)
            self.run.ended.disconnect(self.table.scrollToTop)
        self.run = run
        run.changed.connect(self.refresh)
        run.ended.connect(self.table.scrollToTop)
        self.refresh()

    def _cancel(self) -> None:
        if self.run is not None and self.run.running:
            self.cancel.setEnabled(False)
            self.run.cancel()

    # What is shown

    def refresh(self) -> None:
        run = self.run
        running = run is not None and run.running
        sheet = run.sheet if run is not None else None
        for part in (self._victim_label, self.victim):
            part.setVisible(not running)
        self.start.setVisible(not running)
        self.start.setText("Attack again" if run is not None else "Attack")
        self.cancel.setVisible(running)
        self.cancel.setEnabled(running)
        self.export.setVisible(sheet is not None)
        self.table.setVisible(run is not None)
        self.verdict.setVisible(run is not None)
        self._nothing.setVisible(run is None)
        if run is not None:
            self._show_verdict(run)
            now = run.progress.kind if running else None
            rows = rows_of(run.kinds, run.outcomes, now)
            self.model.show_rows(rows if running else worst_first(rows))
            self._follow()
        self.vitals.setVisible(sheet is not None or (running and self._neighbour is not None))
        if sheet is not None:
            self.vitals.show_sheet(sheet)
        words = isolation_words(sheet.isolation) if sheet is not None else []
        self.isolation.setText(f"The attacker's process: {', '.join(words)}." if words else "")
        self.isolation.setVisible(bool(words))
        if sheet is not None:
            self.isolation.setToolTip("\n".join(isolation_words(sheet.isolation, limits=True)))

    def _follow(self) -> None:
        """What is tried now is in sight, unless somebody reads in the table."""
        at = next((number for number, row in enumerate(self.model.rows) if row.now), None)
        if at is not None and not self.table.hasFocus():
            self.table.scrollTo(self.model.index(at, 0))

    def _show_verdict(self, run: AttackRun) -> None:
        show = self.verdict.show_verdict
        if run.running:
            progress = run.progress
            counted = (
                f"{count_words(run.attempts)} attempts" if progress.kind or run.attempts else "Getting ready"
            )
            passed = f"{progress.done} of {progress.total} kinds, {span_words(run.job.seconds)}"
            show("shield-sync-outline", "accent", f"{counted} · {passed}", progress.words, progress.fraction)
        elif run.sheet is None:
            show("shield-off-outline", "warn", "No score sheet", run.problem)
        else:
            self._show_sheet(run.sheet)

    def _show_sheet(self, sheet: "ScoreSheet") -> None:
        early = "" if sheet.complete else " It was ended early."
        title = "Held" if sheet.held else "Not held"
        sign, role = ("shield-check", "good") if sheet.held else ("shield-alert", "bad")
        if not sheet.complete and not any(outcome.reached for outcome in sheet.outcomes):
            sign, role, title = "shield-half-full", "warn", "Not through"
        words = f"{sheet.sentence}. It took {span_words(sheet.seconds)}.{early}"
        self.verdict.show_verdict(sign, role, title, words)

    @property
    def _neighbour(self) -> "Guest | None":
        victim = self.run.neighbour if self.run is not None else None
        return victim if victim is not None and victim.state in _VICTIMS else None

    def _look(self) -> None:
        if self.run is not None and self.run.running:
            neighbour = self._neighbour
            self.vitals.setVisible(neighbour is not None)
            if neighbour is not None:
                self.vitals.show_live(neighbour, time.monotonic())
            self._show_verdict(self.run)

    # Export

    def choose_export(self) -> None:
        if self.run is None or self.run.sheet is None:
            return
        dialog = QFileDialog(self, "Export the score sheet")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setNameFilters(list(FILTERS))
        dialog.setDefaultSuffix("html")
        dialog.filterSelected.connect(lambda chosen: dialog.setDefaultSuffix(FILTERS[chosen]))
        dialog.selectFile("score-sheet.html")
        dialog.fileSelected.connect(lambda path: self.write(Path(path)))
        dialog.open()

    def write(self, path: Path) -> Job | None:
        """HTML or JSON, by the file's name."""
        sheet = self.run.sheet if self.run is not None else None
        if sheet is None:
            return None
        session = self._bench.session

        async def work(_: Job) -> None:
            await asyncio.to_thread(export_sheet, sheet, path)
            session.log.add(f"The score sheet was saved to {path}", source=self.handset.name, notice=True)

        return session.run("Export the score sheet", work, shown=False, source=self.handset.name)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = event.size().width() >= _WIDE
        self.table.setColumnHidden(HOW, not wide)
        self.table.horizontalHeader().resizeSection(0, _WIDTHS[0] if wide else _NARROW)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "model"):
            self.refresh()
