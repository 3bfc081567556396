"""A guest that whoever governs it has locked: why, since when it may open by itself, and the ways out."""

import time
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLabel

from pocketvisor_workbench.dialogs.frame import DialogFrame
from pocketvisor_workbench.widgets import push_button
from pocketvisor_workbench.words import when_words

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor_workbench.window import Window

_MISPLACED = "misplaced"


class LockedDialog(DialogFrame):
    def __init__(self, window: "Window", guest: "Guest") -> None:
        governed, lock = guest.governed, guest.lock
        why = lock.why if lock is not None else f"{guest.name} is not locked any more"
        super().__init__(f"{guest.name} is locked", f"{why}.", window)
        standing = governed.standing() if governed is not None else None
        until = standing.until_ns if standing is not None else None
        if until is not None:
            self.body.addWidget(_words(f"It opens by itself: {when_words(until, time.time())}."))
        elif governed is not None:
            self.body.addWidget(
                _words(f"{governed.organisation} can let it go on: with a file that is delivered here.")
            )
        ordered = self._ordered(guest)
        kind, as_it = ("policy.unlock", "Unlock") if ordered else ("policy.check-in", "Check in")
        ways = [
            ("Deliver a file from IT…", "file-download-outline", "policy.deliver"),
            (f"{as_it} as IT…", "shield-key-outline", kind),
        ]
        if lock is not None and lock.kind == _MISPLACED:
            ways[1:] = [("Move to another handset…", "cellphone-arrow-down", "guest.move")]
        for words, picture, ident in ways:
            button = push_button(words, picture)
            button.setObjectName(ident)
            button.clicked.connect(self.accept)
            button.clicked.connect(lambda _=False, ident=ident: window.trigger(ident))
            self.body.addWidget(button)
        self.setFixedWidth(420)
        self.fit()

    def _ordered(self, guest: "Guest") -> bool:
        order = guest.governed.governance.state_order if guest.governed is not None else None
        return order is not None and order.order.kind != "unlock"


def _words(text: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName("muted")
    label.setWordWrap(True)
    return label
