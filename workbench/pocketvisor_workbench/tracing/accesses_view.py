"""What a guest reads from its devices and writes to them, with the names of the registers."""

from collections.abc import Sequence

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from pocketvisor.debug.trace.mmio import Access
from pocketvisor_workbench.debug.inspector import Inspector
from pocketvisor_workbench.debug.rows_model import Column
from pocketvisor_workbench.tracing.trace_table import TraceTable

_EVERY = "Every device"
_WAYS = ("Reads and writes", "Reads", "Writes")


class AccessesView(QWidget):
    def __init__(self, inspector: Inspector) -> None:
        super().__init__()
        columns: tuple[Column[Access], ...] = (
            Column("Tick", lambda access: f"{access.position // 4:,}", mono=True, muted=True),
            Column("Device", lambda access: access.device),
            Column("Register", lambda access: access.register),
            Column("", lambda access: "write" if access.write else "read", muted=True),
            Column("Value", lambda access: f"{access.value:#0{access.size * 2 + 2}x}", mono=True),
            Column("Address", lambda access: f"{access.address:08x}" if access.address else "", mono=True),
            Column("PC", lambda access: f"{access.pc:08x}", mono=True),
            Column("Where", lambda access: inspector.label(access.pc)),
        )
        self.table: TraceTable[Access] = TraceTable(
            inspector,
            "Accesses of devices",
            columns,
            (116, 104, 168, 58, 146, 84, 84),
            lambda access: f"{access} {access.address:08x} {access.pc:08x} {inspector.label(access.pc)}",
        )
        self.table.model.marked = lambda access: access.device == "nothing"
        self.table.accepts = self._accepts
        self.device = QComboBox()
        self.device.setAccessibleName("Device")
        self.device.addItem(_EVERY)
        self.way = QComboBox()
        self.way.setAccessibleName("Reads or writes")
        self.way.addItems(_WAYS)
        self.words = QLabel()
        self.words.setObjectName("muted")
        for box in (self.device, self.way):
            box.currentIndexChanged.connect(lambda _: self._refilter())
        line = QHBoxLayout()
        line.setContentsMargins(10, 4, 10, 4)
        line.setSpacing(8)
        for part in (self.device, self.way):
            line.addWidget(part)
        line.addWidget(self.words, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(line)
        layout.addWidget(self.table, 1)

    def show_accesses(self, accesses: Sequence[Access], total: int) -> None:
        """`total`: how many there were since the trace began, of which these are the last."""
        known = {self.device.itemText(index) for index in range(1, self.device.count())}
        for name in sorted({access.device for access in accesses} - known):
            self.device.addItem(name)
        self.table.show_rows(accesses)
        self._total = total
        self._tell()

    _total = 0

    def _accepts(self, access: Access) -> bool:
        if self.device.currentIndex() > 0 and access.device != self.device.currentText():
            return False
        way = self.way.currentIndex()
        return way == 0 or access.write is (way == 2)

    def _refilter(self) -> None:
        self.table.refilter()
        self._tell()

    def look_for(self, text: str) -> None:
        self.table.look_for(text)
        self._tell()

    def _tell(self) -> None:
        shown, kept = len(self.table.model.rows), self.table.count
        words = f"{shown:,} shown" if shown != kept else f"{kept:,} shown"
        self.words.setText(f"{words} of {self._total:,}")
