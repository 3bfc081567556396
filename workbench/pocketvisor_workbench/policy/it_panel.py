"""IT's page of the Policy pane: whose key governs the guest, and the words that can be sent to it."""

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.widgets import push_button
from pocketvisor_workbench.words import when_words

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.policies.governed import Governed

_ACTIONS = (
    ("policy.edit", "Write a policy…", "pencil-outline"),
    ("policy.deliver", "Deliver a file…", "file-download-outline"),
    ("policy.check-in", "Check in…", "shield-sync-outline"),
    ("policy.keys", "Keys…", "key-outline"),
    ("policy.lock", "Lock…", "lock-outline"),
    ("policy.unlock", "Unlock…", "lock-open-variant-outline"),
    ("policy.release", "Release…", "shield-off-outline"),
    ("policy.wipe", "Wipe…", "cellphone-remove"),
)


class ItPanel(QWidget):
    def __init__(self, bench: Bench) -> None:
        super().__init__()
        form = QFormLayout()
        form.setVerticalSpacing(4)
        form.setHorizontalSpacing(10)
        self.facts: dict[str, QLabel] = {}
        for name in ("Key", "Issued", "Heard of IT", "Last order", "Profile"):
            label = QLabel(name)
            label.setObjectName("muted")
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            value = self.facts[name] = QLabel()
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            value.setWordWrap(True)
            if name in ("Key", "Profile"):
                value.setObjectName("value")
            form.addRow(label, value)
        grid = QGridLayout()
        grid.setSpacing(6)
        self.buttons = {}
        for at, (ident, words, picture) in enumerate(_ACTIONS):
            button = self.buttons[ident] = push_button(words, picture, danger=ident == "policy.wipe")
            button.clicked.connect(lambda _=False, ident=ident: bench.trigger(ident))
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.setToolTip(words)
            grid.addWidget(button, at // 2, at % 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 2, 14, 8)
        layout.setSpacing(14)
        layout.addLayout(form)
        layout.addLayout(grid)
        layout.addStretch()

    def show_guest(self, guest: "Guest", governed: "Governed") -> None:
        policy, now = governed.policy, time.time()
        order = governed.governance.state_order
        reason = f": {order.order.reason}" if order is not None and order.order.reason else ""
        said = {
            "Key": governed.authority.hex()[:16],
            "Issued": when_words(policy.issued_ns, now),
            "Heard of IT": when_words(governed.governance.contact_ns, now),
            "Last order": f"{order.order.kind.capitalize()}{reason}" if order is not None else "none",
            "Profile": governed.profile.hex()[:16],
        }
        for name, words in said.items():
            if self.facts[name].text() != words:
                self.facts[name].setText(words)
        self.facts["Key"].setToolTip(governed.authority.hex())
        self.facts["Profile"].setToolTip(governed.profile.hex())
        ordered = order is not None and order.order.kind == "lock"
        self.buttons["policy.lock"].setEnabled(not ordered)
        self.buttons["policy.unlock"].setEnabled(order is not None and order.order.kind != "unlock")
