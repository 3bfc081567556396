"""The phone's memory: what is held of it and by whom, what guests share, and what that saves."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from pocketvisor_workbench.phone.section import Folding, shown
from pocketvisor_workbench.resources.bars import Part, StackBar
from pocketvisor_workbench.resources.figures import GuestMemory, MemoryFigures
from pocketvisor_workbench.resources.legend import Key, Legend
from pocketvisor_workbench.resources.rows import Rows
from pocketvisor_workbench.widgets import CheckBox, Dot, ElidedLabel

if TYPE_CHECKING:
    from pocketvisor.api import Guest

SHARED = "good"
"""The token of what belongs to several guests at once."""
_KEYS = (
    Key("own", "muted"),
    Key("of the image", "muted", faded=True),
    Key("found equal", SHARED, striped=True),
    Key("balloon", "muted", striped=True),
)


class GuestMemoryRow(QWidget):
    """What a guest's RAM is made of."""

    def __init__(self, guest: "Guest") -> None:
        super().__init__()
        self.guest = guest
        name = ElidedLabel(guest.name)
        name.setObjectName("cardTitle")
        self.figure = QLabel()
        self.figure.setObjectName("muted")
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(Dot(guest.image.accent))
        head.addWidget(name, 1)
        head.addWidget(self.figure)
        self.bar = StackBar(f"RAM of {guest.name}", 10)
        self.apart = QLabel()
        self.apart.setObjectName("muted")
        self.apart.setWordWrap(True)
        self.apart.setTextFormat(Qt.TextFormat.PlainText)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 2)
        layout.setSpacing(3)
        layout.addLayout(head)
        layout.addWidget(self.bar)
        layout.addWidget(self.apart)

    def show_memory(self, now: GuestMemory) -> None:
        accent = self.guest.image.accent
        parts = (
            Part(f"{now.private:.0f} MiB of its own", now.private, accent),
            Part(f"{now.shared:.0f} MiB of its image, shared until written", now.shared, accent, faded=True),
            Part(f"{now.merged:.0f} MiB found equal to others' and shared", now.merged, SHARED, striped=True),
            Part(f"{now.balloon:.0f} MiB given back, in its balloon", now.balloon, "muted", striped=True),
        )
        rest = max(now.ram - sum(part.value for part in parts), 0.0)
        self.bar.show_parts(parts, now.ram, f"{rest:.0f} MiB never touched")
        self.figure.setText(f"{now.private:.0f} of {now.ram:.0f} MiB")
        words = ", ".join(part.words for part in (*parts,) if part.value > 0)
        self.setToolTip(f"{self.guest.name}: {words}")
        self.apart.setText(now.apart)
        self.apart.setVisible(bool(now.apart))


class MemorySection(Folding):
    def __init__(self, set_sharing: Callable[[bool], object]) -> None:
        super().__init__("Memory", "memory")
        self.bar = StackBar("Memory of the phone", 16)
        self.body.addWidget(self.bar)
        self.figures = QLabel()
        self.figures.setObjectName("muted")
        self.figures.setWordWrap(True)
        self.body.addWidget(self.figures)
        self.rows: Rows[GuestMemoryRow] = Rows(GuestMemoryRow)
        self.body.addWidget(self.rows)
        self.legend = Legend(_KEYS)
        self.body.addWidget(self.legend)
        self.sharing = CheckBox("Share equal pages")
        self.sharing.setToolTip(
            "Guests hold equal pages once, until one of them writes. Off: each has its own again.\n"
            "A guest can find out by timing that another has the same page: across profiles of work it is "
            "done only where their policies allow it."
        )
        self.sharing.toggled.connect(set_sharing)
        self.body.addWidget(self.sharing)

    def show_figures(self, figures: MemoryFigures) -> None:
        self.rows.show_rows([guest.guest for guest in figures.guests])
        for guest in figures.guests:
            self.rows.row(guest.guest).show_memory(guest)
        parts = [
            Part(f"{one.private:.0f} MiB of {one.guest.name}'s own", one.private, one.guest.image.accent)
            for one in figures.guests
        ]
        parts.append(Part(f"{figures.shared:.0f} MiB shared", figures.shared, SHARED, striped=True))
        self.bar.show_parts(parts, figures.ram, f"{figures.free:.0f} MiB free")
        self.summary.setText(f"{figures.held:.0f} of {figures.ram:.0f} MiB")
        self.figures.setText(memory_words(figures))
        self.legend.setVisible(bool(figures.guests))
        shown(self.sharing, figures.sharing)


def memory_words(figures: MemoryFigures) -> str:
    words = f"{figures.free:.0f} MiB free"
    balloon = sum(guest.balloon for guest in figures.guests)
    if figures.shared:
        words += f", {figures.shared:.0f} shared"
    if balloon:
        words += f", {balloon:.0f} given back"
    if figures.saved >= 0.5:
        whole = figures.held + figures.saved
        words += f". Sharing saves {figures.saved:.0f} MiB, {100 * figures.saved / whole:.0f} %"
    return f"{words}."
