"""Exceptions and interrupts of a guest: along its time, and one by one below."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QScrollArea, QSplitter, QVBoxLayout, QWidget

from pocketvisor.debug.trace.exceptions import Event, Span
from pocketvisor_workbench.debug.inspector import Inspector
from pocketvisor_workbench.debug.rows_model import Column
from pocketvisor_workbench.tracing.lanes import Lane, Lanes, Mark
from pocketvisor_workbench.tracing.trace_table import TraceTable

_ROLES: Final = {
    "undefined": "bad",
    "supervisor call": "accent",
    "prefetch abort": "warn",
    "data abort": "warn",
    "hypercall": "accent",
    "input": "good",
}


class ExceptionsView(QWidget):
    def __init__(self, inspector: Inspector) -> None:
        super().__init__()
        self._begin_ns = 0
        columns: tuple[Column[Event], ...] = (
            Column("Time", lambda event: time_words(event.clock_ns - self._begin_ns), mono=True, muted=True),
            Column("Kind", lambda event: event.kind.capitalize()),
            Column("What", lambda event: event.text),
            Column("PC", lambda event: f"{event.pc:08x}", mono=True),
            Column("Where", lambda event: inspector.label(event.pc)),
            Column("Mode", lambda event: event.mode, muted=True),
            Column("Tick", lambda event: f"{event.position // 4:,}", mono=True, muted=True),
        )
        self.table: TraceTable[Event] = TraceTable(
            inspector,
            "Exceptions and interrupts",
            columns,
            (104, 118, 220, 80, 180, 88),
            lambda event: (
                f"{event.kind} {event.text} {event.pc:08x} {inspector.label(event.pc)} {event.mode}"
            ),
        )
        self.table.more_actions = lambda event, menu: _memory_action(event, menu, inspector)
        self.lanes = Lanes()
        self.lanes.chosen.connect(self._choose)
        self.table.chosen.connect(self.lanes.set_current)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self.lanes)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(area)
        split.addWidget(self.table)
        split.setSizes([150, 200])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(split)

    def show_events(self, events: Sequence[Event], spans: Sequence[Span]) -> None:
        self._begin_ns = events[0].clock_ns if events else 0
        self.table.show_rows(events)
        end = events[-1].clock_ns if events else 0
        self.lanes.show_lanes(lanes_of(events, spans), self._begin_ns, end)

    def _choose(self, number: int) -> None:
        self.lanes.set_current(number)
        self.table.choose(number)


def lanes_of(events: Sequence[Event], spans: Sequence[Span]) -> list[Lane]:
    """A lane for each interrupt, one for each other kind, and the waits last."""
    by_name: dict[str, list[Mark]] = {}
    for span in spans:
        by_name.setdefault(span.name, []).append(Mark(span.begin_ns, span.end_ns, span.event))
    interrupts = sorted(name for name in by_name if name != "waiting")
    found = [Lane(name, "good", by_name[name]) for name in interrupts]
    for kind, role in _ROLES.items():
        marks = [Mark(event.clock_ns, event.clock_ns, event.number) for event in events if event.kind == kind]
        if marks:
            found.append(Lane(kind.capitalize(), role, marks))
    if "waiting" in by_name:
        found.append(Lane("Waiting", "muted", by_name["waiting"]))
    return found


def time_words(ns: int) -> str:
    """Since the trace began, to the microsecond."""
    return f"{ns / 1e9:.6f} s"


def _memory_action(event: Event, menu: QMenu, inspector: Inspector) -> None:
    if event.kind == "data abort":
        menu.addAction(
            f"Memory at {event.address:#010x}", lambda: inspector.show_memory(event.address & ~0xF)
        )
