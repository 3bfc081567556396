"""A guest goes to another machine: its address, and where the two do not know each other yet, the code."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QLabel, QLineEdit, QWidget

from pocketvisor.api import PocketvisorError
from pocketvisor_workbench.dialogs.frame import DialogFrame, align
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.log import words_of

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor_workbench.session import Session

_NEVER = "Where a handset waits there: its menu says 'Receive phones from other machines'."


class MigrateDialog(DialogFrame):
    picked = Signal(str)
    """An address at which a machine is that is trusted."""

    def __init__(
        self,
        guest: "Guest",
        session: "Session",
        known: Sequence[tuple[str, str]],
        trusted: Callable[[str, str | None], Awaitable[None]],
        parent: QWidget,
    ) -> None:
        """`known`: addresses, with the names of who was found there, or empty."""
        super().__init__(
            f"Move {guest.name} to another machine",
            "It runs on here while it is copied, stands still for a moment, and goes on there.",
            parent,
            accept="Move",
            picture="lan-connect",
        )
        self._session, self._trusted = session, trusted
        self._names = dict(known)
        self._guest = guest
        self._job: Job | None = None
        self.address = QComboBox()
        self.address.setEditable(True)
        self.address.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.address.setAccessibleName("The other machine's address: HOST:PORT")
        for address, name in known:
            self.address.addItem(address)
            if name:
                at = self.address.count() - 1
                self.address.setItemData(at, f"{name}, {address}", Qt.ItemDataRole.AccessibleTextRole)
        edit = self.address.lineEdit()
        assert edit is not None
        edit.setPlaceholderText("HOST:PORT, as 192.168.1.5:7010")
        edit.setMaxLength(300)
        self.note = QLabel()
        self.note.setObjectName("muted")
        self.note.setWordWrap(True)
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.code = QLineEdit()
        self.code.setPlaceholderText("000 000")
        self.code.setMaxLength(16)
        self.code.setAccessibleName("Pairing code that the other machine shows")
        self._code_label = QLabel("Pairing code")
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.addRow("Machine", self.address)
        form.addRow("", self.note)
        form.addRow(self._code_label, self.code)
        align(form)
        self.body.addLayout(form)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setTextFormat(Qt.TextFormat.PlainText)  # names from elsewhere are in it
        self.problem.hide()
        self.body.addWidget(self.problem)
        self.setMinimumWidth(460)
        self._ask_code(False)
        self.address.editTextChanged.connect(self._address_changed)
        self.code.textChanged.connect(lambda _: self._busy(False))
        self._address_changed()
        edit.selectAll()
        self.address.setFocus()

    def accept(self) -> None:
        """Knocks there first, so that what is wrong is said here."""
        address = self.address.currentText().strip()
        if self._job is not None or not address:
            return
        code = self.code.text().strip() if self.asks_code else None
        if code is not None and not code:
            self.code.setFocus()
            return
        self.problem.hide()

        async def work(_: Job) -> None:
            problem: PocketvisorError | None = None
            try:
                await self._trusted(address, code)
            except PocketvisorError as error:
                problem = error
            finally:
                self._job = None
            if not self.isVisible():
                return
            self._busy(False)  # what is disabled takes no focus
            if problem is not None:
                self._refused(problem)
                self._busy(False)
            else:
                self.picked.emit(address)
                super(MigrateDialog, self).accept()

        self._job = self._session.run(f"Call {address}", work, shown=False)
        self._busy(True)

    def reject(self) -> None:
        if self._job is not None:
            self._job.cancel()
        super().reject()

    @property
    def asks_code(self) -> bool:
        return not self.code.isHidden()

    def _refused(self, problem: PocketvisorError) -> None:
        from pocketvisor.migration.greeting import NotPaired

        stranger = isinstance(problem, NotPaired)
        self.problem.setObjectName("muted" if stranger and not self.asks_code else "bad")
        style = self.problem.style()
        style.unpolish(self.problem)  # it looks by its new name
        style.polish(self.problem)
        self.problem.setText(f"{words_of(problem)}.")
        self.problem.show()
        if stranger:
            self._ask_code(True)
        (self.code if self.asks_code else self.address).setFocus()
        self.code.selectAll()
        self.adjustSize()

    def _ask_code(self, asked: bool) -> None:
        self.code.setVisible(asked)
        self._code_label.setVisible(asked)

    def _busy(self, busy: bool) -> None:
        assert self.accept_button is not None
        self.accept_button.setText("Calling…" if busy else "Pair and move" if self.asks_code else "Move")
        self.accept_button.setEnabled(not busy and bool(self.address.currentText().strip()))
        self.address.setEnabled(not busy)
        self.code.setEnabled(not busy)

    def _address_changed(self) -> None:
        """Another machine: whether it is trusted is not known yet."""
        name = self._names.get(self.address.currentText().strip(), "")
        self.note.setText(f"{name} was found there last; it is trusted." if name else _NEVER)
        self.problem.hide()
        self.code.clear()
        self._ask_code(False)
        self._busy(False)
