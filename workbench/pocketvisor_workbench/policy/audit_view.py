"""The audit log of a governed profile: the newest line first, live, to be filtered and verified."""

import asyncio
import time
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from pocketvisor.errors import PolicyError
from pocketvisor.policies.audit import AuditLine
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.policy.rows import Row, RowsView
from pocketvisor_workbench.widgets import push_button, tool_button
from pocketvisor_workbench.words import when_words

if TYPE_CHECKING:
    from pocketvisor.policies.governed import Governed
    from pocketvisor_workbench.session import Session

LINES_MOST = 2000

_SIGNS = {
    "policy": ("shield-check-outline", "good"),
    "check-in": ("shield-sync-outline", "good"),
    "lock": ("lock-outline", "warn"),
    "unlock": ("lock-open-variant-outline", "good"),
    "wipe": ("cellphone-remove", "bad"),
    "wipe begun": ("cellphone-remove", "bad"),
    "wiped": ("cellphone-remove", "bad"),
    "conflict": ("alert-outline", "warn"),
}
_REFUSED = ("minus-circle-outline", "bad")
_OTHER = ("circle-small", "muted")


class AuditView(QWidget):
    def __init__(self, session: "Session") -> None:
        super().__init__()
        self._session = session
        self._governed: Governed | None = None
        self._lines: list[AuditLine] = []
        self._reading = False
        self.words = QLineEdit()
        self.words.setPlaceholderText("Filter")
        self.words.setClearButtonEnabled(True)
        self.words.setAccessibleName("Filter the audit log by words")
        self.words.textChanged.connect(self._show)
        self.refusals = tool_button("minus-circle-outline", "Refusals alone", checkable=True)
        self.refusals.toggled.connect(self._show)
        self.verify = push_button("Verify")
        self.verify.setToolTip("Whether a line was changed, added or taken away since it was written")
        self.verify.clicked.connect(self.verify_now)
        tools = QHBoxLayout()
        tools.setContentsMargins(12, 0, 12, 0)
        tools.setSpacing(4)
        tools.addWidget(self.words, 1)
        tools.addWidget(self.refusals)
        tools.addWidget(self.verify)
        self.verdict = QLabel()
        self.verdict.setWordWrap(True)
        self.verdict.setContentsMargins(14, 0, 14, 0)
        self.verdict.hide()
        self.list = RowsView("Audit log")
        self.empty = QLabel("Nothing is in the audit log that fits.")
        self.empty.setObjectName("muted")
        self.empty.setWordWrap(True)
        self.empty.setContentsMargins(14, 4, 14, 4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(tools)
        layout.addWidget(self.verdict)
        layout.addWidget(self.empty)
        layout.addWidget(self.list, 1)

    def show_governed(self, governed: "Governed | None") -> None:
        if governed is not self._governed:
            self._governed, self._lines = governed, []
            self.verdict.hide()
            self._show()
        self.read()

    def read(self) -> None:
        """What came since the last look, in a thread."""
        governed = self._governed
        if governed is None or self._reading:
            return
        self._reading = True
        after = self._lines[-1].n if self._lines else 0

        async def work(_: Job) -> None:
            try:
                new = await asyncio.to_thread(governed.log, after, LINES_MOST)
            except PolicyError as error:
                self._say(str(error), "bad")
                return
            finally:
                self._reading = False
            if new and governed is self._governed:
                self._lines = (self._lines + new)[-LINES_MOST:]
                self._show()

        self._session.run("Read the audit log", work, shown=False)

    def verify_now(self) -> None:
        governed = self._governed
        if governed is None:
            return

        async def work(_: Job) -> None:
            try:
                problems = await asyncio.to_thread(governed.audit.verify)
            except PolicyError as error:
                problems = [str(error)]
            if governed is not self._governed:
                return
            if problems:
                more = f" And {len(problems) - 3} more." if len(problems) > 3 else ""
                self._say(". ".join(problems[:3]) + f".{more}", "bad")
            else:
                self._say("The log is whole: no line was changed, added or taken away.", "good")

        self._session.run("Verify the audit log", work, shown=False)

    def _say(self, words: str, name: str) -> None:
        self.verdict.setObjectName(name)
        self.verdict.style().polish(self.verdict)
        self.verdict.setText(words)
        self.verdict.show()

    def _show(self, *_: object) -> None:
        wanted = self.words.text().casefold().split()
        rows = [
            row_of(line)
            for line in reversed(self._lines)
            if (not self.refusals.isChecked() or line.what.startswith("refused"))
            and all(word in f"{line.what} {line.who} {line.said}".casefold() for word in wanted)
        ]
        self.list.rows.show_rows(rows)
        self.list.setVisible(bool(rows))
        self.empty.setVisible(not rows)


def row_of(line: AuditLine) -> Row:
    sign, role = _REFUSED if line.what.startswith("refused") else _SIGNS.get(line.what, _OTHER)
    who = f" ({line.who})" if line.who and line.who not in line.said else ""
    title = line.what[:1].upper() + line.what[1:]
    return Row(title, f"{line.said}{who}", tail=_when(line.time), sign=sign, role=role)


def _when(text: str) -> str:
    """As the line has it, in local time; whatever it has instead is shown as it is."""
    try:
        return when_words(int(datetime.fromisoformat(text).timestamp() * 1e9), time.time())
    except (ValueError, OverflowError, OSError):
        return text[:19]
