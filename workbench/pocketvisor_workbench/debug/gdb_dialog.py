"""The way in for gdb: one action opens the guest's port and shows the command that connects to it."""

import asyncio
import secrets
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QWidget
from shiboken6 import isValid

from pocketvisor.api import PocketvisorError
from pocketvisor_workbench.dialogs.frame import DialogFrame
from pocketvisor_workbench.widgets import CheckBox, push_button

if TYPE_CHECKING:
    from pocketvisor.debug.debugger import Debugger
    from pocketvisor_workbench.debug.inspector import Inspector


class GdbDialog(DialogFrame):
    """Opens the port as it is shown; the port stays until it is closed here or the guest ends."""

    def __init__(self, inspector: "Inspector", debugger: "Debugger", parent: QWidget) -> None:
        guest = debugger.guest
        super().__init__(
            f"Attach gdb to {guest.name}",
            "Paste this into a terminal of this machine. The other guests go on meanwhile.",
            parent,
        )
        self._inspector = inspector
        self._debugger = debugger
        self._one_at_a_time = asyncio.Lock()
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setAccessibleName("Command that attaches gdb")
        self.command.setObjectName("command")
        self.command.setFixedHeight(66)
        self.body.addWidget(self.command)
        row = QHBoxLayout()
        self.token = CheckBox("Ask for a token first")
        self.token.setToolTip("For a machine that others use too: without it gdb is told nothing")
        self.token.toggled.connect(lambda _: self._open(anew=True))
        row.addWidget(self.token, 1)
        self.copy_button = push_button("Copy the command", "content-copy", primary=True)
        self.copy_button.clicked.connect(self.copy)
        row.addWidget(self.copy_button)
        self.body.addLayout(row)
        self.state = QLabel()
        self.state.setObjectName("muted")
        self.state.setWordWrap(True)
        self.body.addWidget(self.state)
        self.close_button = push_button("Close the port", "lan-disconnect")
        self.close_button.clicked.connect(self._close_port)
        self.buttons.insertWidget(0, self.close_button)
        self.setFixedWidth(560)
        server = debugger.gdb
        if server is not None and server.token:
            self.token.blockSignals(True)
            self.token.setChecked(True)
            self.token.blockSignals(False)
        self._unsubscribe = debugger.on("attached", self.refresh)
        self.finished.connect(lambda _: self._unsubscribe())
        self._open(anew=False)

    def _open(self, *, anew: bool) -> None:
        debugger = self._debugger
        token = secrets.token_hex(8) if self.token.isChecked() else None

        async def work() -> None:
            async with self._one_at_a_time:  # a box that is ticked while it opens counts
                try:
                    if anew and debugger.gdb is not None:
                        await debugger.close_gdb()
                    if debugger.gdb is None:
                        await debugger.open_gdb(token=token)
                except PocketvisorError as error:
                    if isValid(self):
                        self.state.setText(str(error))
                    return
                self._refresh_if_there()

        self.copy_button.setEnabled(False)
        self.state.setText("Opening…")
        self._inspector.do("Open a port for gdb into", work)

    def _refresh_if_there(self) -> None:
        """It may have been shut meanwhile."""
        if isValid(self):
            self.refresh()

    def refresh(self) -> None:
        server = self._debugger.gdb
        self.copy_button.setEnabled(server is not None)
        self.close_button.setEnabled(server is not None)
        if server is None:
            self.command.setPlainText("")
            self.state.setText("The port is closed.")
            return
        self.command.setPlainText(server.command)
        self.state.setText(
            "gdb is attached."
            if server.attached
            else "Nobody is attached yet. The guest runs on until gdb comes."
        )

    def copy(self) -> None:
        QGuiApplication.clipboard().setText(self.command.toPlainText())
        self.copy_button.setText("Copied")

    def _close_port(self) -> None:
        async def work() -> None:
            async with self._one_at_a_time:
                await self._debugger.close_gdb()
            self._refresh_if_there()

        self._inspector.do("Close the port for gdb into", work)
