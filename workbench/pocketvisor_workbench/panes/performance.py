"""CPU, speed, memory and power of every guest over the last minute: what pyqtgraph draws ten times a second.

Ranges are fixed (a model's own figures), pens one pixel wide, and nothing is drawn while the pane is hidden.
"""

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedLayout, QVBoxLayout, QWidget

from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.metrics import INTERVAL_MS, POINTS, Series
from pocketvisor_workbench.panes.pane_base import Pane
from pocketvisor_workbench.theme import UI_FAMILY, accent_ink, tokens
from pocketvisor_workbench.widgets import Dot, EmptyState, plain_tip

if TYPE_CHECKING:
    from pocketvisor.api import Guest

_SECONDS = np.arange(-POINTS + 1, 1, dtype=np.float32) * (INTERVAL_MS / 1000)
_VALUES_EVERY = 5
_LEGEND_MOST = 6
_NAME_MOST = 140
_LEGEND_FROM = 400
_POWER_FROM = 560
_MILLIAMPS = 400.0
"""A guest at full speed in the foreground, with a panel."""
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


class Graph(QWidget):
    """A heading with the values of now, and a plot of one quantity."""

    def __init__(self, title: str, meaning: str) -> None:
        super().__init__()
        heading = QLabel(title)
        heading.setObjectName("section")
        heading.setToolTip(meaning)
        self._values = QHBoxLayout()
        self._values.setSpacing(10)
        self.plot = pg.PlotWidget(enableMenu=False)
        self.plot.setMouseEnabled(False, False)
        self.plot.hideButtons()
        self.plot.setAntialiasing(False)
        self.plot.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.setAccessibleName(f"{meaning}, of each guest over the last minute")
        item = self.plot.getPlotItem()
        item.setContentsMargins(0, 4, 2, 0)
        item.disableAutoRange()
        item.setXRange(-60, 0, padding=0)
        item.getAxis("left").setWidth(38)
        item.getAxis("bottom").setHeight(20)
        self.top = 0.0
        self.curves: dict[Guest, pg.PlotDataItem] = {}
        self.labels: dict[Guest, QLabel] = {}
        self.marks: dict[Guest, pg.InfiniteLine] = {}
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(heading)
        head.addStretch(1)
        head.addLayout(self._values)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addWidget(self.plot, 1)
        self.set_top(100.0)
        self.tint()

    def resizeEvent(self, _: object) -> None:
        marks = [-30] if self.width() < 190 else [-45, -30, -15]
        self.plot.getPlotItem().getAxis("bottom").setTicks([[(mark, f"{-mark} s") for mark in marks]])
        self._fit_values()

    def _fit_values(self) -> None:
        """The curves say it too: on a narrow graph the values go before they are cut."""
        room = self.width() - 50 >= 40 * len(self.labels)
        for label in self.labels.values():
            label.setVisible(room)

    def add(self, guest: "Guest") -> None:
        curve = pg.PlotDataItem(antialias=False, skipFiniteCheck=True)
        self.plot.addItem(curve)
        label = QLabel("")
        label.setToolTip(guest.name)
        self._values.addWidget(label)
        self.curves[guest], self.labels[guest] = curve, label
        self._fit_values()
        self.tint()

    def set_mark(self, guest: "Guest", value: float) -> None:
        """A dashed line at what the guest has been promised; 0 for none."""
        mark = self.marks.get(guest)
        if mark is None and not value:
            return
        if mark is None:
            mark = self.marks[guest] = pg.InfiniteLine(angle=0, movable=False)
            self.plot.addItem(mark)
            self.tint()
        mark.setVisible(bool(value))
        if value and mark.value() != value:
            mark.setValue(value)

    def remove(self, guest: "Guest") -> None:
        mark = self.marks.pop(guest, None)
        if mark is not None:
            self.plot.removeItem(mark)
        self.plot.removeItem(self.curves.pop(guest))
        label = self.labels.pop(guest)
        label.hide()
        label.deleteLater()

    def set_top(self, top: float) -> None:
        if top == self.top:
            return
        self.top = top
        item = self.plot.getPlotItem()
        item.setYRange(0, top * 1.03, padding=0)
        item.getAxis("left").setTicks([[(0, "0"), (top / 2, f"{top / 2:g}"), (top, f"{top:g}")]])

    def make_room(self, value: float) -> None:
        """The next round figure when a value goes beyond the range: rare, so no autorange."""
        if value > self.top * 1.03:
            scale = 10.0 ** np.floor(np.log10(value))
            self.set_top(next(float(scale * step) for step in _STEPS if scale * step >= value))

    def draw(self, guest: "Guest", values: "np.typing.NDArray[np.float32]", known: int) -> None:
        self.make_room(float(values[-1]))
        self.curves[guest].setData(_SECONDS[-known:], values[-known:])

    def tint(self) -> None:
        colours = tokens()
        self.plot.setBackground(QColor(colours.surface))
        font = QFont(UI_FAMILY)
        font.setPointSizeF(8)
        for side in ("left", "bottom"):
            axis = self.plot.getPlotItem().getAxis(side)
            axis.setPen(pg.mkPen(colours.line))
            axis.setTextPen(pg.mkPen(colours.muted))
            axis.setTickFont(font)
            axis.setStyle(tickLength=-3)
        for guest, curve in self.curves.items():
            ink = accent_ink(QColor(accent_of(guest)))
            curve.setPen(pg.mkPen(ink, width=1))
            self.labels[guest].setStyleSheet(f"color: {ink.name()}; font-weight: 600;")
            if guest in self.marks:
                self.marks[guest].setPen(pg.mkPen(ink, width=1, style=Qt.PenStyle.DashLine))


class PerformancePane(Pane):
    name = "performance"
    title = "Performance"
    picture = "chart-line"
    area = Qt.DockWidgetArea.BottomDockWidgetArea

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.graphs = [
            Graph("CPU %", "Share of one of this computer's cores, in per cent"),
            Graph("MIPS", "Millions of instructions a second"),
            Graph("MiB", "Memory that the guest has touched, in MiB"),
            Graph("mA", "What the guest draws from the phone's battery, in milliamperes"),
        ]
        self.guests: list[Guest] = []
        self._tick = 0
        self._legend = QWidget()
        self._legend_row = QHBoxLayout(self._legend)
        self._legend_row.setContentsMargins(0, 0, 8, 0)
        self._legend_row.setSpacing(6)
        self._legend_parts: dict[Guest, list[QWidget]] = {}
        graphs = QWidget()
        layout = QHBoxLayout(graphs)
        layout.setContentsMargins(12, 8, 12, 6)
        layout.setSpacing(16)
        layout.setSizeConstraint(QHBoxLayout.SizeConstraint.SetNoConstraint)
        for graph in self.graphs:
            layout.addWidget(graph, 1)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(graphs)
        self._stack.addWidget(
            EmptyState("chart-line", "Nothing to measure yet", "Start a guest and its graphs appear here.")
        )
        bench.session.guest_added.connect(self._added)
        bench.session.guest_removed.connect(self._removed)
        bench.sampler.sampled.connect(self.refresh)
        for guest in bench.session.guests:
            self._added(guest)
        self._choose()

    def tools(self) -> list[QWidget]:
        return [self._legend]

    def _added(self, guest: "Guest") -> None:
        if guest in self.guests:
            return
        self.guests.append(guest)
        for graph in self.graphs:
            graph.add(guest)
        name = QLabel()
        name.setText(name.fontMetrics().elidedText(guest.name, Qt.TextElideMode.ElideRight, _NAME_MOST))
        name.setToolTip(plain_tip(guest.name))
        parts: list[QWidget] = [Dot(accent_of(guest)), name]
        for part in parts:
            self._legend_row.addWidget(part)
            part.setVisible(len(self.guests) <= _LEGEND_MOST)
        self._legend_parts[guest] = parts
        self._set_ranges()
        self._choose()

    def _removed(self, guest: "Guest") -> None:
        if guest not in self.guests:
            return
        self.guests.remove(guest)
        for graph in self.graphs:
            graph.remove(guest)
        for part in self._legend_parts.pop(guest):
            part.hide()
            part.deleteLater()
        self._set_ranges()
        self._choose()

    def _set_ranges(self) -> None:
        """What the largest of the phones can do."""
        models = [guest.handset.model for guest in self.guests]
        if models:
            self.graphs[1].set_top(float(max(model.mips for model in models)))
            self.graphs[2].set_top(float(max(guest.ram_mib for guest in self.guests)))
            self.graphs[3].set_top(_MILLIAMPS)

    def refresh(self) -> None:
        """Draws the samples; does nothing while the pane is hidden."""
        if not self.isVisible() or not self.guests:
            return
        self._tick += 1
        for guest in self.guests:
            series = self.bench.sampler.series.get(guest)
            if series is not None:
                self._draw(guest, series)

    def _draw(self, guest: "Guest", series: Series) -> None:
        known = int(np.count_nonzero(~np.isnan(series.cpu)))
        if not known:
            return
        for graph, values in zip(self.graphs, series.curves(), strict=True):
            graph.draw(guest, values, known)
        if self._tick % _VALUES_EVERY == 0:
            self.graphs[1].set_mark(guest, float(guest.qos.reservation))
            for graph, value in zip(self.graphs, series.latest(), strict=True):
                graph.labels[guest].setText(f"{value:.0f}")

    def resizeEvent(self, _: object) -> None:
        self._legend.setVisible(self.width() >= _LEGEND_FROM)
        self.graphs[3].setVisible(self.width() >= _POWER_FROM)

    def _choose(self) -> None:
        self._stack.setCurrentIndex(0 if self.guests else 1)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "graphs"):
            for graph in self.graphs:
                graph.tint()
