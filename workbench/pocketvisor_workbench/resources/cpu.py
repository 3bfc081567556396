"""The processor: who used it over the last minute, and what each guest has, wants and is to have."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QLabel

from pocketvisor.scheduler.qos import BOOST_MOST, RESPONSE_LEAST_MS, RESPONSE_MOST_MS
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.phone.section import Folding, NumberField, shown
from pocketvisor_workbench.resources.cpu_history import CpuHistory
from pocketvisor_workbench.resources.figures import CpuFigures
from pocketvisor_workbench.resources.rows import Rows
from pocketvisor_workbench.resources.share_row import Change, ShareRow
from pocketvisor_workbench.widgets import CheckBox

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.scheduler.qos import SchedulerNow

BOOST_USUAL, RESPONSE_USUAL = 2.0, 20.0
HOST_SHORT = 0.97
"""Below it the computer is too slow, or too busy, for the phone's rate."""


class CpuSection(Folding):
    """`change` sets one guest's share, `set_boost` and `set_response` the whole phone's way of splitting."""

    def __init__(
        self,
        bench: Bench,
        change: Change,
        set_boost: Callable[[float], object],
        set_response: Callable[[float | None], object],
    ) -> None:
        super().__init__("Processor", "speedometer")
        self._mips = 0
        self.history = CpuHistory(bench.sampler)
        self.body.addWidget(self.history)
        self.reserved = QLabel()
        self.reserved.setObjectName("muted")
        self.reserved.setWordWrap(True)
        self.body.addWidget(self.reserved)
        self.rows: Rows[ShareRow] = Rows(lambda guest: ShareRow(guest, self._mips, change), self.head)
        self.body.addWidget(self.rows)
        self.boost, self.factor = self._choice(
            "Boost the foreground",
            "The guest that holds the phone has so many times the shares",
            NumberField(1.0, BOOST_MOST, "How many times the shares", decimals=1, unit=" x"),
            BOOST_USUAL,
            lambda value: set_boost(value or 1.0),
        )
        self.automatic, self.response = self._choice(
            "Keep a response time of",
            "By itself: the background is squeezed as far as it takes for the foreground, when woken, to "
            "wait no longer for the processor",
            NumberField(
                RESPONSE_LEAST_MS, RESPONSE_MOST_MS, "Response time in milliseconds", decimals=0, unit=" ms"
            ),
            RESPONSE_USUAL,
            lambda value: set_response(value or None),
        )
        self.waited = QLabel()
        self.waited.setObjectName("muted")
        self.waited.setWordWrap(True)
        self.body.addWidget(self.waited)

    def _choice(
        self, words: str, tip: str, field: NumberField, usual: float, put: Callable[[float], object]
    ) -> tuple[CheckBox, NumberField]:
        """Something that is off, or on with a value. `put` is given 0 for off."""
        box = CheckBox(words)
        box.setToolTip(tip)
        field.setFixedWidth(72)
        field.set_value(usual)
        box.toggled.connect(lambda wanted: put(field.value if wanted else 0.0))
        field.entered.connect(lambda value: put(value) if box.isChecked() else None)
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(box)
        line.addWidget(field)
        line.addStretch(1)
        self.body.addLayout(line)
        return box, field

    def show_figures(self, figures: CpuFigures, foreground: "Guest | None") -> None:
        now = figures.now
        if now.total != self._mips:  # another phone
            self.rows.show_rows(())
            self._mips = now.total
        guests = [share.guest for share in figures.guests]
        self.rows.show_rows(guests)
        for share in figures.guests:
            self.rows.row(share.guest).show_share(share.now, now.total)
        self.summary.setText(f"{now.used:.0f} of {now.total} MIPS")
        bottom_up = sorted(guests, key=lambda guest: guest is not foreground)
        self.history.show_guests(bottom_up, now.total, now.reserved)
        self.reserved.setVisible(bool(guests))
        self.reserved.setText(reserved_words(now))
        shown(self.boost, now.boost > 1.0)
        if now.boost > 1.0:
            shown(self.factor, now.boost)
        shown(self.automatic, now.response_ms is not None)
        if now.response_ms is not None:
            shown(self.response, now.response_ms)
        self.waited.setText(waited_words(now))
        self.waited.setVisible(bool(self.waited.text()))


def reserved_words(now: "SchedulerNow") -> str:
    left = max(now.total - now.reserved, 0)
    words = f"{now.reserved} MIPS are reserved, {left} can be." if now.reserved else "Nothing is reserved."
    if now.host < HOST_SHORT:
        words += f" This computer gives {100 * now.host:.0f} % of the phone's rate to those that want it."
    return words


def waited_words(now: "SchedulerNow") -> str:
    if now.response_ms is None:
        return ""
    words = f"Waited {now.waited_ms:.1f} ms at most lately"
    if now.squeeze < 1.0:
        words += f"; the background is left {100 * now.squeeze:.0f} % of its share"
    return f"{words}."
