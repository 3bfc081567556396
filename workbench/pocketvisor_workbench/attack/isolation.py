"""What the selected guest's process has given up, as it said itself when it began: a section of Controls."""

from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from pocketvisor_workbench.attack.words import isolation_words
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.icons import set_icon
from pocketvisor_workbench.phone.section import Folding
from pocketvisor_workbench.widgets import push_button

if TYPE_CHECKING:
    from pocketvisor.api import Guest


class IsolationSection(Folding):
    def __init__(self, bench: Bench) -> None:
        super().__init__("Isolation", "shield-lock-outline")
        self.words = QLabel()
        self.words.setObjectName("muted")
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.RichText)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.body.addWidget(self.words)
        attack = push_button("Attack…", "sword-cross")
        attack.setToolTip("Puts a hostile guest beside it and counts what that reaches")
        attack.clicked.connect(lambda: bench.trigger("guest.attack"))
        self.body.addWidget(attack, 0, Qt.AlignmentFlag.AlignLeft)

    def refresh(self, guest: "Guest") -> None:
        isolation = guest.isolation
        if isolation is None:
            self.summary.setText("no process")
            self.words.setText("It has no process now.")
            return
        lines = isolation_words(isolation, limits=True)
        rows = "".join(f"<tr><td>·&nbsp;</td><td>{escape(line)}</td></tr>" for line in lines)
        self.words.setText(f"<table cellspacing='0' cellpadding='1'>{rows}</table>")
        self.summary.setText("complete" if isolation.complete else "this computer lacks some of it")
        set_icon(self.head, "shield-lock-outline" if isolation.complete else "shield-alert-outline", "muted")
