"""Where a guest goes: the other handsets with what they have, and why some of them cannot take it."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from pocketvisor_workbench.dialogs.frame import DialogFrame
from pocketvisor_workbench.panes.library import PhoneTile
from pocketvisor_workbench.widgets import ElidedLabel, EmptyState, push_button

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset
    from pocketvisor_workbench.moves import Moves

_ROW = 68
_MOST_ROWS = 6


class _Row(QFrame):
    """A handset: its picture, name and room, or the reason why not."""

    def __init__(self, handset: "Handset", problem: str) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setEnabled(not problem)
        name = ElidedLabel(handset.name)
        name.setObjectName("cardTitle")
        panel = handset.model.panel
        facts = f"{panel.width} x {panel.height}, {handset.model.mips} MIPS, {handset.ram_free_mib} MiB free"
        words = QLabel(problem or facts)
        words.setWordWrap(True)
        words.setObjectName("problem" if problem else "muted")
        lines = QVBoxLayout()
        lines.setSpacing(1)
        lines.addStretch()
        lines.addWidget(name)
        lines.addWidget(words)
        lines.addStretch()
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 10, 4)
        row.setSpacing(12)
        row.addWidget(PhoneTile(handset.model))
        row.addLayout(lines, 1)


class MoveDialog(DialogFrame):
    picked = Signal(object)
    elsewhere_wanted = Signal()
    """To another machine, which is asked for next."""

    def __init__(self, guest: "Guest", handsets: "list[Handset]", moves: "Moves", parent: QWidget) -> None:
        super().__init__(
            f"Move {guest.name}",
            f"It runs on {guest.handset.name} and goes on where it is put, as it stands.",
            parent,
            accept="Move",
            picture="cellphone-arrow-down",
        )
        self._handsets = [handset for handset in handsets if handset is not guest.handset]
        self.rows = QListWidget()
        self.rows.setObjectName("move-to")
        self.rows.setAccessibleName(f"Handsets that {guest.name} can move to")
        self.rows.setSpacing(2)
        self.rows.setMinimumHeight(_ROW * min(max(len(self._handsets), 1), _MOST_ROWS) + 16)
        first = -1
        for number, handset in enumerate(self._handsets):
            problem = moves.why_not(guest, handset)
            item = QListWidgetItem()
            item.setSizeHint(QSize(0, _ROW))
            item.setData(
                Qt.ItemDataRole.AccessibleTextRole, f"{handset.name}, {problem}" if problem else handset.name
            )
            if problem:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            elif first < 0:
                first = number
            self.rows.addItem(item)
            self.rows.setItemWidget(item, _Row(handset, problem))
        self.rows.itemDoubleClicked.connect(lambda _: self.accept())
        if self._handsets:
            self.body.addWidget(self.rows, 1)
        else:
            self.body.addWidget(
                EmptyState(
                    "cellphone-off",
                    "No other handset",
                    "Put a second phone on the bench (Ctrl+Shift+N), and the guest can go there.",
                )
            )
        self.elsewhere = push_button("Another machine…", "lan-connect")
        self.elsewhere.setAutoDefault(first < 0)
        self.elsewhere.clicked.connect(self._elsewhere)
        self.buttons.insertWidget(0, self.elsewhere)
        self._note = QLabel("None of them can take it now.")
        self._note.setObjectName("muted")
        self._note.setVisible(bool(self._handsets) and first < 0)
        self.body.addWidget(self._note)
        self.rows.setCurrentRow(first)
        assert self.accept_button is not None
        self.accept_button.setEnabled(first >= 0)
        self.setMinimumWidth(440)
        self.rows.setFocus()

    def _elsewhere(self) -> None:
        self.reject()
        self.elsewhere_wanted.emit()

    def accept(self) -> None:
        row = self.rows.currentRow()
        if row >= 0:
            self.picked.emit(self._handsets[row])
            super().accept()
