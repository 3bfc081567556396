"""The guest's modem: messages and calls to it, and what it sends. It is the guest's, not the handset's."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QListWidget, QSizePolicy

from pocketvisor.api import GuestError
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.phone.section import Folding, labelled
from pocketvisor_workbench.widgets import push_button, tool_button

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.guest.modem import Modem

_NUMBER = "+12025550142"
_SENT_SHOWN = 20
_SENT_HEIGHT = 92


class ModemSection(Folding):
    """For the guest that is shown; without a modem it only says so."""

    def __init__(self, bench: Bench) -> None:
        super().__init__("Modem", "message-processing-outline")
        self.bench = bench
        self._guest: Guest | None = None
        self._modem: Modem | None = None
        self._forget: list[Callable[[], None]] = []
        self.number = QLineEdit(_NUMBER)
        self.number.setAccessibleName("Who sends or calls")
        self.number.setToolTip("The number that a message or a call comes from; a message's may be a name")
        self.body.addLayout(labelled("From", self.number))
        self.text = QLineEdit()
        self.text.setPlaceholderText("A message to the guest")
        self.text.setAccessibleName("Text of a message to the guest")
        self.text.returnPressed.connect(self._send)
        self.send = tool_button("send", "Send this message to the guest")
        self.send.clicked.connect(self._send)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.text, 1)
        row.addWidget(self.send)
        self.body.addLayout(row)
        self.call = push_button("Call", "phone-incoming")
        self.call.clicked.connect(self._call)
        self.hang_up = push_button("Hang up", "phone-hangup", danger=True)
        self.hang_up.clicked.connect(self._hang_up)
        row = QHBoxLayout()
        row.setSpacing(6)
        for button in (self.call, self.hang_up):
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            row.addWidget(button)
        self.body.addLayout(row)
        self.sent = QListWidget()
        self.sent.setAccessibleName("Messages that the guest has sent")
        self.sent.setToolTip("Messages that the guest has sent")
        self.sent.setWordWrap(True)
        self.sent.setMaximumHeight(_SENT_HEIGHT)
        self.sent.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.body.addWidget(self.sent)

    def show_guest(self, guest: "Guest | None") -> None:
        self._guest = guest
        self._listen(None)
        self.refresh(guest)

    def refresh(self, guest: "Guest | None") -> None:
        """The guest's state has changed: a modem is there once it has begun."""
        try:
            modem = guest.modem if guest is not None else None
        except (GuestError, AttributeError):
            modem = None
        if modem is not self._modem:
            self._listen(modem)
        self._show()

    def _listen(self, modem: "Modem | None") -> None:
        for forget in self._forget:
            forget()
        self._forget = []
        self._modem = modem
        if modem is not None:
            self._forget = [modem.on(event, lambda _: self._show()) for event in ("sms", "call")]

    def _show(self) -> None:
        modem = self._modem
        self.inside.setEnabled(modem is not None)
        current = modem.current if modem is not None else None
        if modem is None:
            self.summary.setText("none")
        elif current is None:
            self.summary.setText("no call")
        else:
            words = {"ringing": "rings", "dialled": "calls", "active": "speaks to"}[current.state]
            self.summary.setText(f"{words} {current.number}" if current.state != "ringing" else "rings")
        dialled = current is not None and current.state == "dialled"
        self.call.setText("Answer" if dialled else "Call")
        self.call.setEnabled(current is None or dialled)
        self.hang_up.setEnabled(current is not None)
        sent = modem.sent[-_SENT_SHOWN:] if modem is not None else []
        self.sent.clear()
        self.sent.addItems([f"To {message.number}: {message.text}" for message in sent])
        self.sent.scrollToBottom()
        self.sent.setVisible(bool(sent))

    def _send(self) -> None:
        modem, text = self._modem, self.text.text()
        if modem is not None and text and self._act(lambda: modem.receive_sms(self.number.text(), text)):
            self.text.clear()

    def _call(self) -> None:
        modem = self._modem
        if modem is not None:
            answering = modem.current is not None
            self._act(modem.answer if answering else lambda: modem.call(self.number.text()))

    def _hang_up(self) -> None:
        if self._modem is not None:
            self._act(self._modem.hang_up)

    def _act(self, what: Callable[[], None]) -> bool:
        try:
            what()
        except GuestError as error:
            self.bench.session.log.error(error, self._guest.name if self._guest is not None else "")
            return False
        return True
