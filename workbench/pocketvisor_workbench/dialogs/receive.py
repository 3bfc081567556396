"""A handset waits for phones from other machines: where, and the code by which another one gets trusted.

The code counts only as long as it is shown: closing the dialog hides it, and the handset waits on.
"""

import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from pocketvisor_workbench.dialogs.frame import DialogFrame, align
from pocketvisor_workbench.jobs import Job, JobState
from pocketvisor_workbench.log import words_of
from pocketvisor_workbench.widgets import push_button

if TYPE_CHECKING:
    from pocketvisor.api import Handset
    from pocketvisor.migration.pairing import PairingCode
    from pocketvisor_workbench.settings import Settings
    from pocketvisor_workbench.travels import Travels

_HOST, _PORT = "127.0.0.1", "7010"
_ALONE = "Only this machine reaches that. For another one use a tunnel, such as ssh -R, or choose an address."
_OPEN = (
    "Every machine that reaches this address can knock. Only those that are paired are let in, and all that "
    "goes over is encrypted."
)


class ReceiveDialog(DialogFrame):
    def __init__(self, handset: "Handset", travels: "Travels", settings: "Settings", parent: QWidget) -> None:
        super().__init__(
            f"Receive phones on {handset.name}",
            "Phones that come from other machines run on this handset.",
            parent,
            accept="Wait for phones",
            picture="access-point",
        )
        self._handset, self._travels, self._settings = handset, travels, settings
        self._code: PairingCode | None = None
        self._starting: Job | None = None
        self._asking = self._address_page()
        self._waiting = self._waiting_page()
        self.body.addWidget(self._asking)
        self.body.addWidget(self._waiting)
        self.problem = QLabel()
        self.problem.setObjectName("bad")
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.body.addWidget(self.problem)
        self.setMinimumWidth(460)
        self._unsubscribe: Callable[[], None] = handset.on("message", self._message)
        travels.changed.connect(self._refresh)
        self.finished.connect(self._left)
        self._refresh()

    def _address_page(self) -> QWidget:
        page = QWidget()
        self.host = QLineEdit(self._settings.text("receive-host", _HOST))
        self.host.setAccessibleName("Address to wait at")
        self.host.setMaxLength(255)
        self.port = QLineEdit(self._settings.text("receive-port", _PORT))
        self.port.setAccessibleName("Port to wait at, 0 for any that is free")
        self.port.setPlaceholderText("0: any that is free")
        self.port.setMaxLength(5)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setObjectName("muted")
        form = QFormLayout(page)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(8)
        form.addRow("Address", self.host)
        form.addRow("Port", self.port)
        form.addRow("", self.note)
        align(form)
        for field in (self.host, self.port):
            field.textChanged.connect(self._host_changed)
        self._host_changed()
        return page

    def _waiting_page(self) -> QWidget:
        page = QWidget()
        self.where = QLabel()
        self.where.setWordWrap(True)
        self.where.setTextFormat(Qt.TextFormat.PlainText)
        self.where.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.code = QLabel()
        self.code.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.code.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        font = self.code.font()
        font.setPointSizeF(30)
        font.setBold(True)
        self.code.setFont(font)
        self.said = QLabel()
        self.said.setObjectName("muted")
        self.said.setWordWrap(True)
        self.said.setTextFormat(Qt.TextFormat.PlainText)
        self.said.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.copy = push_button("Copy the code", "content-copy")
        self.copy.clicked.connect(self._copy)
        self.again = push_button("Show another code", "refresh")
        self.again.clicked.connect(self._show_code)
        row = QHBoxLayout()
        row.addStretch()
        row.addWidget(self.copy)
        row.addWidget(self.again)
        row.addStretch()
        card = QWidget()
        inside = QVBoxLayout(card)
        inside.setContentsMargins(16, 14, 16, 14)
        inside.setSpacing(8)
        inside.addWidget(self.code)
        inside.addWidget(self.said)
        inside.addLayout(row)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.where)
        column.addWidget(card)
        self.stop = push_button("Stop waiting", "stop", danger=True)
        self.stop.clicked.connect(self._stop)
        self.buttons.insertWidget(0, self.stop)
        return page

    # Before

    def _host_changed(self) -> None:
        host = self.host.text().strip()
        self.note.setText(_ALONE if _is_loopback(host) else _OPEN)
        if self.accept_button is not None:
            self.accept_button.setEnabled(bool(host) and self._port() is not None and self._starting is None)

    def _port(self) -> int | None:
        """None where it is no port."""
        text = self.port.text().strip()
        number = int(text) if text.isascii() and text.isdigit() else -1
        return number if 0 <= number < 65536 else None

    def accept(self) -> None:
        """Begins to wait, and stays open with the code."""
        host = self.host.text().strip().removeprefix("[").removesuffix("]")
        port = self._port()
        if (
            not host
            or port is None
            or self._starting is not None
            or self._travels.reception(self._handset) is not None
        ):
            return
        self.problem.hide()
        self._starting = self._travels.receive(self._handset, host, port)
        self._starting.changed.connect(self._started)
        self._host_changed()

    def _started(self) -> None:
        job = self._starting
        if job is None or job.running:
            return
        self._starting = None
        self._host_changed()
        if job.state is JobState.DONE:
            self._settings.set("receive-host", self.host.text().strip())
            self._settings.set("receive-port", self.port.text().strip())
            self._settings.save()
        elif job.error is not None:
            self.problem.setText(words_of(job.error))
            self.problem.show()
            self.host.setFocus()
        self._refresh()

    # While it waits

    def _refresh(self) -> None:
        reception = self._travels.reception(self._handset)
        waiting = reception.waiting if reception is not None else None
        self._asking.setVisible(waiting is None)
        self._waiting.setVisible(waiting is not None)
        self.stop.setVisible(waiting is not None)
        assert self.accept_button is not None
        self.accept_button.setVisible(waiting is None)
        self.leave_button.setText("Close" if waiting is not None else "Cancel")
        if waiting is None:
            self._code = None
        else:
            self.problem.hide()
            self.where.setText(
                f"Waits at {waiting.address} as {waiting.name}, with the fingerprint {waiting.fingerprint}."
            )
            if self._code is None:
                self._show_code()
                self.leave_button.setFocus()
        self.adjustSize()

    def _show_code(self) -> None:
        reception = self._travels.reception(self._handset)
        if reception is not None:
            self._code = reception.show_code()
            self._tell("Type it on the other machine, the first time. It counts as long as it is shown here.")

    def _tell(self, words: str) -> None:
        code = self._code
        usable = code is not None and code.open
        self.code.setText(code.shown if code is not None and usable else "\N{EN DASH}" * 3)
        spoken = " ".join(code.code) if code is not None and usable else "none"
        self.code.setAccessibleName(f"Pairing code: {spoken}")
        self.copy.setVisible(usable)
        self.again.setVisible(not usable)
        self.said.setText(words)

    def _message(self, sentence: str) -> None:
        """Somebody has paired, has tried to, or has arrived."""
        if self._code is not None:
            self._tell(sentence if self._code.open else f"{sentence}. The code is used up.")

    def _copy(self) -> None:
        if self._code is not None:
            QGuiApplication.clipboard().setText(self._code.code)
            self.said.setText("The code is in the clipboard.")

    def _stop(self) -> None:
        self._travels.receive_no_more(self._handset)
        super().reject()

    def _left(self) -> None:
        self._unsubscribe()
        self._travels.changed.disconnect(self._refresh)
        reception = self._travels.reception(self._handset)
        if reception is not None and reception.waiting is not None and self._code is not None:
            reception.hide_code()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
