"""The flame graph with a search, and how to get out of a zoom."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from pocketvisor.debug.trace.profile import Frame
from pocketvisor_workbench.tracing.flame_graph import FlameGraph
from pocketvisor_workbench.widgets import tool_button


class FlameView(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.graph = FlameGraph()
        self.graph.zoomed.connect(self._tell)
        self.out = tool_button("magnify-minus-outline", "Show all of it (Escape)", self)
        self.out.clicked.connect(self.graph.reset_zoom)
        self.words = QLabel()
        self.words.setObjectName("muted")
        self._summary = ""
        line = QHBoxLayout()
        line.setContentsMargins(12, 2, 8, 2)
        line.addWidget(self.words, 1)
        line.addWidget(self.out)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self.graph)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(line)
        layout.addWidget(area, 1)
        self._tell()

    def show_tree(self, root: Frame | None, summary: str) -> None:
        self._summary = summary
        self.graph.show_tree(root)
        self._tell()

    def look_for(self, text: str) -> None:
        self.graph.look_for(text)
        self._tell()

    def _tell(self) -> None:
        self.out.setEnabled(self.graph.is_zoomed)
        found = self.graph.found()
        marked = f" · {100 * found:.1f} % in what is marked" if found else ""
        self.words.setText(f"{self._summary}{marked}")
