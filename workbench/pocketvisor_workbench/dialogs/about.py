"""Short dialogs: what Pocketvisor is, its shortcuts, a handset's public figures, and a question."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QFrame, QGridLayout, QLabel, QScrollArea, QWidget

import pocketvisor
from pocketvisor_workbench.commands import COMMANDS, MENUS
from pocketvisor_workbench.dialogs.frame import DialogFrame

if TYPE_CHECKING:
    from pocketvisor.api import Handset


class AboutDialog(DialogFrame):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(f"Pocketvisor {pocketvisor.__version__}", "", parent)
        words = QLabel(
            "Several guests on one emulated ARM handset, each in a process of its own, every instruction "
            "counted.\n\nFree software under the GNU General Public License, version 2."
        )
        words.setWordWrap(True)
        self.body.addWidget(words)
        self.setFixedWidth(420)


class ConfirmDialog(DialogFrame):
    """For what cannot be had back."""

    def __init__(self, title: str, text: str, accept: str, parent: QWidget) -> None:
        super().__init__(title, text, parent, accept=accept)
        self.setObjectName("confirm")
        self.setFixedWidth(400)


class ShortcutsDialog(DialogFrame):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(
            "Keyboard shortcuts",
            "In a pane every key goes to the guest, except these. All commands are in the palette too.",
            parent,
        )
        body = QWidget()
        grid = QGridLayout(body)
        grid.setContentsMargins(0, 0, 10, 0)
        grid.setHorizontalSpacing(24)
        grid.setColumnStretch(0, 1)
        line = 0
        for menu in MENUS:
            commands = [command for command in COMMANDS if command.menu == menu and command.keys]
            if not commands:
                continue
            heading = QLabel(menu)
            heading.setObjectName("section")
            heading.setContentsMargins(0, 8, 0, 0)
            grid.addWidget(heading, line, 0, 1, 2)
            for command in commands:
                line += 1
                grid.addWidget(QLabel(command.title), line, 0)
                keys = QLabel(command.keys)
                keys.setObjectName("value")
                grid.addWidget(keys, line, 1, Qt.AlignmentFlag.AlignRight)
            line += 1
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(body)
        area.setFrameShape(QFrame.Shape.NoFrame)
        self.body.addWidget(area)
        self.resize(460, 560)


class DetailsDialog(DialogFrame):
    """A handset's model, with where its figures come from."""

    def __init__(self, handset: "Handset", parent: QWidget) -> None:
        model = handset.model
        super().__init__(f"{model.maker} {model.name}", f"On the bench as {handset.name}", parent)
        form = QFormLayout()
        form.setVerticalSpacing(6)
        form.setHorizontalSpacing(20)
        panel = model.panel
        for words, value in (
            ("Year", str(model.year)),
            ("Processor", f"{model.cpu}, {model.clock_mhz} MHz"),
            ("Speed", f"{model.mips} MIPS, shared by its guests"),
            ("Memory", f"{model.ram_mib} MiB, {handset.ram_free_mib} MiB free"),
            ("Panel", f"{panel.width} x {panel.height}, {panel.inches:g} in, {model.ppi:.0f} ppi"),
            ("Battery", f"{model.battery_mah} mAh"),
            ("Radios", ", ".join(model.radios)),
            ("Keys", ", ".join(model.keys)),
            ("Sources", "\n".join(model.sources)),
        ):
            label = QLabel(words)
            label.setObjectName("muted")
            text = QLabel(value)
            text.setWordWrap(True)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            form.addRow(label, text)
        self.body.addLayout(form)
        self.setFixedWidth(520)
