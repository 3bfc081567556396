"""The battery: how full it is, what is drawn from it and by whom, and how long that can go on."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.icons import icon, set_icon
from pocketvisor_workbench.phone.battery import picture_of
from pocketvisor_workbench.phone.section import Folding, NumberField, shown
from pocketvisor_workbench.resources.bars import Part, StackBar
from pocketvisor_workbench.resources.figures import PowerFigures, PowerShare
from pocketvisor_workbench.resources.rows import Rows
from pocketvisor_workbench.widgets import CheckBox, Dot, ElidedLabel

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.power import PowerNow

LOW_USUAL = 15
_BASE = "Standby, whoever runs"


class GuestPowerRow(QWidget):
    def __init__(self, guest: "Guest") -> None:
        super().__init__()
        self.guest = guest
        name = ElidedLabel(guest.name)
        name.setObjectName("cardTitle")
        self._slow = QLabel()
        self._slow.hide()
        self.figure = QLabel()
        self.figure.setObjectName("muted")
        self.figure.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        head = QHBoxLayout(self)
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(6)
        head.addWidget(Dot(accent_of(guest)))
        head.addWidget(name, 1)
        head.addWidget(self._slow)
        head.addWidget(self.figure)

    def show_power(self, share: PowerShare) -> None:
        now = share.now
        self.figure.setText(f"{now.ma:.0f} mA · {mah_words(now.mah)} · {100 * now.share:.0f} %")
        parts = (("processor", now.cpu_ma), ("panel", now.panel_ma), ("radio", now.radio_ma))
        kinds = ", ".join(f"{words} {ma:.0f} mA" for words, ma in parts if ma >= 0.5) or "nothing now"
        tip = f"{self.guest.name} takes: {kinds}. It took {mah_words(now.mah)} since it is on this phone"
        self.setToolTip(f"{tip}, {100 * now.share:.0f} % of what its guests did.")
        self._slow.setVisible(bool(now.throttled_mips))
        if now.throttled_mips:
            words = f"The battery is low: it gets at most {now.throttled_mips} MIPS in the background"
            if words != self._slow.toolTip():
                self._slow.setPixmap(icon("battery-alert-variant-outline", "warn").pixmap(16, 16))
            self._slow.setToolTip(words)
            self._slow.setAccessibleName(words)


class PowerSection(Folding):
    """`set_low` is given percent and MIPS: when the background is slowed down, and to what."""

    def __init__(self, set_low: Callable[[int, int], object]) -> None:
        super().__init__("Battery", "battery")
        self._set_low = set_low
        self.bar = StackBar("What is drawn from the battery", 16)
        self.level = QLabel()
        self.level.setObjectName("muted")
        self.level.setWordWrap(True)
        self.rows: Rows[GuestPowerRow] = Rows(GuestPowerRow)
        lines = QVBoxLayout()
        lines.setSpacing(6)
        for part in (self.bar, self.level, self.rows):
            lines.addWidget(part)
        self.body.addLayout(lines)
        self._make_low()

    def _make_low(self) -> None:
        self.low = CheckBox("Slow the background at")
        self.low.setToolTip("When the battery is low, guests in the background get fewer MIPS")
        self.percent = NumberField(1, 100, "Battery level in percent", decimals=0, unit=" %")
        self.percent.set_value(LOW_USUAL)
        self.mips = NumberField(1, 100_000, "MIPS left to the background", decimals=0, unit=" MIPS")
        for field, width in ((self.percent, 60), (self.mips, 86)):
            field.setFixedWidth(width)
        self.low.toggled.connect(lambda _: self._put())
        for field in (self.percent, self.mips):
            field.entered.connect(lambda _: self._put() if self.low.isChecked() else None)
        first = QHBoxLayout()
        first.setSpacing(6)
        first.addWidget(self.low)
        first.addWidget(self.percent)
        first.addStretch(1)
        self._to = QLabel("to")
        self._to.setObjectName("muted")
        second = QHBoxLayout()
        second.setContentsMargins(25, 0, 0, 0)
        second.setSpacing(6)
        second.addWidget(self._to)
        second.addWidget(self.mips)
        second.addStretch(1)
        self.body.addLayout(first)
        self.body.addLayout(second)

    def _put(self) -> None:
        self._set_low(int(self.percent.value) if self.low.isChecked() else 0, int(self.mips.value))

    def show_figures(self, figures: PowerFigures) -> None:
        now = figures.now
        self.rows.show_rows([share.guest for share in figures.guests])
        for share in figures.guests:
            self.rows.row(share.guest).show_power(share)
        parts = [
            Part(f"{one.guest.name}: {one.now.ma:.0f} mA", one.now.ma, accent_of(one.guest))
            for one in figures.guests
        ]
        parts.append(Part(f"{_BASE}: {now.base_ma:.0f} mA", now.base_ma, "muted", faded=True))
        self.bar.show_parts([part for part in parts if part.value >= 0.5], max(now.ma, 1.0))
        status = "charging" if now.plugged else "discharging"
        set_icon(self.head, picture_of(now.level, status), "muted")
        self.summary.setText(f"{now.level:.0f} %, {now.ma:.0f} mA")
        self.level.setText(power_words(now))
        shown(self.low, bool(now.low.percent))
        if now.low.percent:
            shown(self.percent, now.low.percent)
        shown(self.mips, now.low.background_mips)


def power_words(now: "PowerNow") -> str:
    if now.plugged:
        return "On the charger."
    if now.hours_left is None or now.ma < 0.5:
        return "Nothing is drawn from it."
    left = f"about {hours_words(now.hours_left)} at this rate"
    return f"Lasts {left}." if now.draining else f"Would last {left}, but stays at the level set in Controls."


def hours_words(hours: float) -> str:
    minutes = round(hours * 60)
    if minutes < 90:
        return f"{minutes} min"
    whole, rest = divmod(minutes, 60)
    if whole >= 48:
        return f"{round(hours / 24)} days"
    return f"{whole} h {rest} min" if whole < 10 and rest else f"{round(hours)} h"


def mah_words(mah: float) -> str:
    return f"{mah:.2f} mAh" if mah < 10 else f"{mah:.0f} mAh"
