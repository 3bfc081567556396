"""The phone's memory: what is held of it and by whom, what guests share, and what that saves."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.phone.section import Folding, shown
from pocketvisor_workbench.resources.bars import Part, StackBar
from pocketvisor_workbench.resources.figures import MemoryFigures
from pocketvisor_workbench.resources.legend import Key, Legend
from pocketvisor_workbench.resources.rows import Rows
from pocketvisor_workbench.widgets import CheckBox, Dot, ElidedLabel

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.handset_memory.figures import GuestMemoryNow, MemoryNow

MIB = 1 << 20
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
        head.addWidget(Dot(accent_of(guest)))
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

    def show_memory(self, now: "GuestMemoryNow", share: bool) -> None:
        """`share`: the phone's switch. Where that is off, nobody has to be told why one shares nothing."""
        parts = parts_of(now, accent_of(self.guest))
        rest = max(now.ram - sum(part.value for part in parts), 0)
        self.bar.show_parts(parts, now.ram, f"{mib_words(rest)} never touched")
        self.figure.setText(f"{now.held / MIB:.0f} of {mib_words(now.ram)}")
        self.setToolTip(guest_words(self.guest.name, now))
        self.apart.setText(now.alone)
        self.apart.setVisible(bool(now.alone) and share)


def parts_of(now: "GuestMemoryNow", accent: str) -> tuple[Part, ...]:
    return (
        Part(f"{mib_words(now.private)} of its own", now.private, accent),
        Part(f"{mib_words(now.shared)} of its image, shared until written", now.shared, accent, faded=True),
        Part(f"{mib_words(now.merged)} found equal to others' and shared", now.merged, SHARED, striped=True),
        Part(f"{mib_words(now.balloon)} given back, in its balloon", now.balloon, "muted", striped=True),
    )


def guest_words(name: str, now: "GuestMemoryNow") -> str:
    """What a guest holds, in lines."""
    lines = [f"{name} holds {mib_words(now.held)} of the phone's memory:"]
    lines += [part.words for part in parts_of(now, "") if part.value >= MIB / 2]
    if now.saved >= MIB / 2:
        lines.append(f"Sharing saves it {mib_words(now.saved)}")
    return "\n".join([*lines, *([now.alone] if now.alone else [])])


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
        self.sharing = CheckBox("Share equal memory")
        self.sharing.setToolTip(
            "Guests hold equal memory once, until one of them writes. Off: each has its own again.\n"
            "By timing a guest can find out that another has the same: with a guest that is managed it is "
            "done only where its policy allows it."
        )
        self.sharing.toggled.connect(set_sharing)
        self.body.addWidget(self.sharing)

    def show_figures(self, figures: MemoryFigures) -> None:
        now = figures.now
        self.rows.show_rows([share.guest for share in figures.guests])
        for share in figures.guests:
            self.rows.row(share.guest).show_memory(share.now, now.share)
        parts = [
            Part(f"{mib_words(one.now.private)}: {one.guest.name}", one.now.private, accent_of(one.guest))
            for one in figures.guests
        ]
        parts.append(Part(f"{mib_words(now.shared)} of images, held once", now.shared, "muted", faded=True))
        parts.append(
            Part(f"{mib_words(now.merged)} found equal, held once", now.merged, SHARED, striped=True)
        )
        self.bar.show_parts(parts, now.ram, f"{mib_words(now.free)} free")
        self.summary.setText(f"{now.held / MIB:.0f} of {mib_words(now.ram)}")
        self.figures.setText(memory_words(now))
        self.legend.setVisible(bool(figures.guests))
        shown(self.sharing, now.share)


def memory_words(now: "MemoryNow") -> str:
    parts = [f"{mib_words(now.free)} free"]
    if now.over:
        parts = [f"{mib_words(now.over)} more than it has: its guests are asked to give some back"]
    if now.balloon:
        parts.append(f"{mib_words(now.balloon)} given back")
    words = f"{', '.join(parts)}."
    if now.saved >= MIB / 2:
        part = 100 * now.saved / (now.held + now.saved)
        words += f" Sharing saves {mib_words(now.saved)}, {part:.0f} %."
    if now.share and now.search >= 0.0005:
        words += f" The search for equal memory takes {100 * now.search:.1f} % of a core."
    return words


def mib_words(size: float) -> str:
    return f"{size / MIB:.0f} MiB"
