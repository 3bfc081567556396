"""What the selected guest does, written down while it does it: exceptions and interrupts along its time,
accesses of devices, where it spends its time, which code it executed; and what is counted always.

Nothing is written down until it is asked for. What was stays to be read when the trace has ended.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QFileDialog,
    QLineEdit,
    QMenu,
    QPushButton,
    QStackedLayout,
    QWidget,
)

from pocketvisor.debug.trace.trace import KINDS
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.debug.debug_pane import DebugPane, words_box
from pocketvisor_workbench.icons import set_icon
from pocketvisor_workbench.tracing.accesses_view import AccessesView
from pocketvisor_workbench.tracing.counters_view import CountersView
from pocketvisor_workbench.tracing.coverage_view import CoverageView, by_function
from pocketvisor_workbench.tracing.exceptions_view import ExceptionsView
from pocketvisor_workbench.tracing.flame_view import FlameView
from pocketvisor_workbench.tracing.segments import Segments
from pocketvisor_workbench.widgets import EmptyState, push_button, tool_button

_VIEWS: Final = (
    ("Exceptions", "chart-gantt"),
    ("Devices", "swap-horizontal"),
    ("Flame graph", "fire"),
    ("Coverage", "format-list-checks"),
    ("Counters", "counter"),
)
_EXCEPTIONS, _DEVICES, _FLAME, _COVERAGE, _COUNTERS = range(5)
_KIND_OF: Final = ("exceptions", "mmio", "profile", "coverage", "")
_KIND_WORDS: Final = {
    "mmio": "Accesses of devices",
    "exceptions": "Exceptions and interrupts",
    "coverage": "Coverage",
    "profile": "Profile",
}
_EXPORTS: Final = (
    ("drcov", "Coverage for other tools (drcov)…", "coverage.drcov"),
    ("lcov", "Coverage by source line (lcov)…", "coverage.info"),
    ("html", "Flame graph (HTML)…", "flame-graph.html"),
    ("svg", "Flame graph (SVG)…", "flame-graph.svg"),
    ("folded", "Folded stacks…", "stacks.folded"),
    ("chrome", "Timeline for trace viewers (JSON)…", "timeline.json"),
)
_ROWS_MOST: Final = 4000
_SLOW_SECONDS: Final = 1.5
_SLOW_SHARE: Final = 4
"""What takes long is made anew after this time, and after so many times as long as it took."""
_SHORT_BELOW: Final = 900
_TIGHT_BELOW: Final = 520
_FILTER_FROM: Final = 380
_BUTTON_FROM: Final = 200


class TracingPane(DebugPane):
    name = "tracing"
    title = "Tracing"
    picture = "radar"
    area = Qt.DockWidgetArea.BottomDockWidgetArea
    empty_title = "Nothing to trace"
    waits = True

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        inspector = self.inspector
        self.exceptions = ExceptionsView(inspector)
        self.accesses = AccessesView(inspector)
        self.flame = FlameView()
        self.coverage = CoverageView(inspector)
        self.counters = CountersView()
        self.segments = Segments(_VIEWS, "What of the trace is shown")
        self.segments.chosen.connect(lambda _: self.show_view())
        self.words: QLineEdit = words_box("Filter", "Filter what is shown", 170)
        self.words.textChanged.connect(self._look_for)
        self.start: QPushButton = push_button("Trace", "record-circle-outline")
        self.start.clicked.connect(self.toggle)
        self.choice = tool_button("tune-variant", "What is traced", self)
        self.choice.clicked.connect(lambda: self._pop_up(self.choice, self._kinds_menu()))
        self.exports = tool_button("export-variant", "Export", self)
        self.exports.clicked.connect(lambda: self._pop_up(self.exports, self._export_menu()))
        self.wanted = set(KINDS)
        self._not_before = 0.0
        self._odd = True
        self._tight = False
        self._covered = False
        """Blocks are known: there may be many, to be asked once."""
        self._slow: asyncio.Task[None] | None = None
        self._begin = push_button("Trace it", "record-circle-outline", primary=True)
        self._begin.clicked.connect(self.toggle)
        self._empty = EmptyState("radar", "Not traced", "", button=self._begin)
        self._place()

    def _place(self) -> None:
        self._views = QStackedLayout()
        self.column.addLayout(self._views, 1)  # before it has views: it shows them, and they were windows
        for view in (self.exceptions, self.accesses, self.flame, self.coverage, self.counters, self._empty):
            self._views.addWidget(view)

    def tools(self) -> list[QWidget]:
        return [self.segments, self.words, self.start, self.choice, self.exports]

    def resizeEvent(self, _: object) -> None:
        short = self.width() < _SHORT_BELOW
        self.segments.set_short(short)
        self._tight = self.width() < _TIGHT_BELOW
        self.words.setFixedWidth(70 if self._tight else 92 if short else 170)
        self.words.setVisible(self.width() >= _FILTER_FROM)
        self._show_buttons()
        self._begin.setVisible(self.height() > _BUTTON_FROM and not self.traces)

    @property
    def trace(self) -> Any:
        return getattr(self.inspector.debugger, "trace", None)

    def forget(self) -> None:
        self._not_before, self._covered = 0.0, False
        self.exceptions.show_events([], [])
        self.accesses.show_accesses([], 0)
        self.flame.show_tree(None, "")
        self.coverage.forget()
        self.counters.forget()
        self.inspector.executed = None
        self.show_view()

    # Starting and ending

    @property
    def traces(self) -> bool:
        trace = self.trace
        return bool(trace is not None and trace.kinds)

    def toggle(self) -> None:
        trace = self.trace
        if trace is None:
            return
        if self.traces:
            self.inspector.do("End the trace of", trace.stop)
        else:
            kinds = tuple(kind for kind in KINDS if kind in self.wanted)
            self.inspector.do("Trace", lambda: trace.start(kinds))

    def _kinds_menu(self) -> QMenu:
        menu = QMenu(self)
        for kind, words in _KIND_WORDS.items():
            action = QAction(words, menu)
            action.setCheckable(True)
            action.setChecked(kind in self.wanted)
            action.setEnabled(not self.traces)
            action.toggled.connect(lambda on, kind=kind: self._want(kind, on))
            menu.addAction(action)
        return menu

    def _want(self, kind: str, on: bool) -> None:
        (self.wanted.add if on else self.wanted.discard)(kind)
        self.start.setEnabled(bool(self.wanted))

    def _pop_up(self, button: QWidget, menu: QMenu) -> None:
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(button.mapToGlobal(QPoint(0, button.height())))

    # Looking

    async def look(self) -> None:
        trace = self.trace
        if trace is None:
            return
        self._show_buttons()
        self.show_view(looks=False)
        shown = self._views.currentIndex()
        self._odd = not self._odd
        if self._odd and shown in (_EXCEPTIONS, _DEVICES) and not self.inspector.standing:
            return  # twice a second is enough for what nobody can read faster
        if shown == _EXCEPTIONS:
            self.exceptions.show_events(trace.exceptions(_ROWS_MOST), trace.timeline(_ROWS_MOST))
        elif shown == _DEVICES:
            found = trace.mmio(_ROWS_MOST)
            self.accesses.show_accesses(found, found[-1].number + 1 if found else 0)
        elif shown == _COUNTERS:
            self.counters.show_counters(await trace.counters())
        elif shown in (_FLAME, _COVERAGE) and (
            time.monotonic() >= self._not_before or self.inspector.standing
        ):
            self._look_long()

    def _look_long(self) -> None:
        if self._slow is None or self._slow.done():
            self._slow = self.inspector.session.jobs.beside(self._make(self._views.currentIndex()))

    async def _make(self, view: int) -> None:
        """The tree and the functions are made beside, for they take a while."""
        trace, guest = self.trace, self.inspector.guest
        began = time.monotonic()
        try:
            await self._make_now(view, trace, guest)
        finally:
            took = time.monotonic() - began
            self._not_before = time.monotonic() + max(_SLOW_SECONDS, _SLOW_SHARE * took)

    async def _make_now(self, view: int, trace: Any, guest: Any) -> None:
        if view == _FLAME:
            profile = await trace.profile_with_callers()
            tree = await asyncio.to_thread(profile.tree, trace.function_name)
            if guest is self.inspector.guest:
                lost = f", {profile.lost:,} earlier ones are lost" if profile.lost else ""
                self.flame.show_tree(tree if tree.samples else None, f"{tree.samples:,} samples{lost}")
            return
        coverage = await asyncio.to_thread(trace.coverage)
        functions = await asyncio.to_thread(by_function, coverage, trace.function_name)
        if guest is self.inspector.guest:
            self.coverage.show_coverage(coverage, functions)
            self.inspector.executed = lambda address: coverage.runs(address) > 0

    def show_view(self, *, looks: bool = True) -> None:
        """The view that is chosen, or why there is nothing in it."""
        chosen = self.segments.index
        empty = bool(_KIND_OF[chosen]) and not self._has(_KIND_OF[chosen])
        if empty:
            what = _VIEWS[chosen][0].lower()
            name = self.inspector.guest.name if self.inspector.guest is not None else "It"
            self._empty.set_words(
                "Not traced", f"{name} is not traced for its {what}. It costs little, and changes nothing."
            )
            self._begin.setVisible(self.height() > _BUTTON_FROM and not self.traces)
        self._views.setCurrentIndex(len(_VIEWS) if empty else chosen)
        self._show_buttons()
        if looks:
            self._not_before = 0.0
            self.inspector.look()

    def _has(self, kind: str) -> bool:
        """It is traced now, or was."""
        trace = self.trace
        if trace is None:
            return False
        if kind in trace.kinds:
            return True
        answers: dict[str, Callable[[], Any]] = {
            "exceptions": lambda: trace.exceptions(1),
            "mmio": lambda: trace.mmio(1),
            "profile": lambda: trace.profile(1).samples,
            "coverage": lambda: self._covered or trace.coverage().blocks,
        }
        found = bool(answers[kind]())
        self._covered = self._covered or (kind == "coverage" and found)
        return found

    def _show_buttons(self) -> None:
        traces = self.traces
        words = "Stop" if traces else "Trace"
        self.start.setText("" if self._tight else words)
        self.start.setToolTip(words)
        self.start.setAccessibleName(words)
        set_icon(
            self.start,
            "stop-circle-outline" if traces else "record-circle-outline",
            "bad" if traces else "text",
        )
        self.start.setEnabled(traces or bool(self.wanted))

    def _look_for(self, text: str) -> None:
        for view in (self.exceptions.table, self.accesses, self.flame, self.coverage.table, self.counters):
            view.look_for(text)

    # Export

    def _export_menu(self) -> QMenu:
        menu = QMenu(self)
        kinds = {"drcov": "coverage", "lcov": "coverage", "chrome": "exceptions"}
        for form, words, name in _EXPORTS:
            action = menu.addAction(words, partial(self._ask_export, form, name))
            action.setEnabled(self._has(kinds.get(form, "profile")))
        return menu

    def _ask_export(self, form: str, name: str) -> None:
        dialog = QFileDialog(self, "Export")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.selectFile(name)
        dialog.fileSelected.connect(lambda path: self.export(Path(path), form))
        dialog.open()

    def export(self, path: Path, form: str) -> None:
        trace, log = self.trace, self.bench.session.log

        async def work() -> None:
            await asyncio.to_thread(trace.export, path, form)
            log.add(f"The trace was written to {path}", notice=True)

        self.inspector.do("Export the trace of", work)
