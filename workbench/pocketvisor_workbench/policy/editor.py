"""Writing a policy: a form and the text itself side by side with what each side may do then, as it is typed.
What is applied is what is seen: the same text is signed that the preview was made of."""

from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from pocketvisor.errors import PolicyError
from pocketvisor.policies.document import Policy
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.policy.draft import Draft, rows_of
from pocketvisor_workbench.policy.form import PolicyForm
from pocketvisor_workbench.policy.policing import Signer, read_delivery, text_of
from pocketvisor_workbench.policy.rows import RowsView
from pocketvisor_workbench.policy.signing_dialog import SigningDialog
from pocketvisor_workbench.theme import mono_font
from pocketvisor_workbench.widgets import push_button

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor_workbench.session import Session


class PolicyEditor(SigningDialog):
    def __init__(self, session: "Session", guest: "Guest", text: str, parent: QWidget) -> None:
        governed = guest.governed
        self._before: Policy | None = governed.policy if governed is not None else None
        words = (
            f"Policy {self._before.number} is in force. What changes is marked."
            if self._before is not None
            else f"The first policy of {guest.name}: the key that signs it governs the phone from then on."
        )
        super().__init__(
            session,
            guest,
            "policy",
            f"A policy for {guest.name}",
            words,
            parent,
            accept="Sign and apply",
            picture="shield-check-outline",
            save="Save signed…",
        )
        self.draft = Draft(text)
        self.form = PolicyForm()
        self.form.changed.connect(self._form_changed)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(self.form)
        self.effects = RowsView("What each side may do")
        self.text = QPlainTextEdit()
        self.text.setFont(mono_font(9))
        self.text.setAccessibleName("The policy's text")
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTabChangesFocus(True)
        self.text.setPlainText(self.draft.text)
        self.text.textChanged.connect(self._text_changed)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.addTab(self.effects, "What each side may do")
        self.tabs.addTab(self.text, "Text")
        self.summary = QLabel()
        self.summary.setObjectName("muted")
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(8, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.tabs, 1)
        column.addWidget(self.summary)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(area)
        self.split.addWidget(right)
        area.setMinimumWidth(384)
        self.split.setStretchFactor(0, 5)
        self.split.setStretchFactor(1, 6)
        self.body.addWidget(self.split, 1)
        self.body.addWidget(self.problem)
        signs = QHBoxLayout()
        signs.setSpacing(10)
        label = QLabel("Signed by")
        label.setObjectName("muted")
        label.setMinimumHeight(30)
        signs.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
        signs.addWidget(self.keys, 1)
        self.body.addLayout(signs)
        self.load = push_button("Open…", "folder-open-outline")
        self.load.setToolTip("A policy from a file, to go on from")
        self.load.clicked.connect(self._choose_load)
        self.buttons.insertWidget(0, self.load)
        self.buttons.insertWidget(1, self.save)
        self.setMinimumSize(QSize(680, 440))
        self.resize(min(980, parent.window().width() - 40), min(700, parent.window().height() - 40))
        self._show()

    # What is written

    def _form_changed(self, section: str, name: str, value: object) -> None:
        self.draft.set_value(section, name, value)
        self.text.blockSignals(True)
        self.text.setPlainText(self.draft.text)
        self.text.blockSignals(False)
        self._show()

    def _text_changed(self) -> None:
        self.draft.set_text(self.text.toPlainText())
        self._show()

    def _show(self) -> None:
        self.form.show_table(self.draft.table)
        self.form.setEnabled(self.draft.readable)
        if self.draft.policy is not None:
            rows = rows_of(self.draft.policy, self._before)
            self.effects.rows.show_rows(rows)
            changed = sum(bool(row.before) for row in rows)
            if self._before is not None:
                count = {0: "No change", 1: "1 change"}.get(changed, f"{changed} changes")
                words = f"{count} against policy {self._before.number}"
            else:
                refused = sum(row.role == "bad" for row in rows)
                are = "is" if refused == 1 else "are"
                words = f"{refused} of these {are} not allowed" if refused else "Nothing is forbidden"
            self.summary.setText(words)
        else:
            self.summary.setText("As it was before the mistake")
        self.effects.setEnabled(self.draft.policy is not None)
        self.say(self.draft.problem)
        self.check()

    # What becomes of it

    def ready(self) -> bool:
        return self.draft.policy is not None

    def signed(self, signer: Signer) -> Coroutine[Any, Any, bytes]:
        return self._session.policing.signed_policy(self.draft.text, signer)

    def _choose_load(self) -> None:
        dialog = QFileDialog(self, "A policy")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter("Policies (*.toml);;All files (*)")
        dialog.fileSelected.connect(lambda name: self.load_file(Path(name)))
        dialog.open()

    def load_file(self, path: Path) -> None:
        """Its text; the profile and the number stay those of this one."""

        async def work(_: Job) -> None:
            try:
                text = text_of(await read_delivery(path))
            except PolicyError as error:
                if self.is_open:
                    self.say(str(error))
                return
            if self.is_open:
                self._take(text)

        self._session.run(f"Read {path.name}", work, shown=False)

    def _take(self, text: str) -> None:
        kept = {name: self.draft.value("policy", name) for name in ("profile", "number", "issued")}
        draft = Draft(text)
        if draft.policy is None:
            self.say(draft.problem)
            return
        for name, value in kept.items():
            draft.set_value("policy", name, value)
        self.draft = draft
        self.text.setPlainText(draft.text)
        self._show()
