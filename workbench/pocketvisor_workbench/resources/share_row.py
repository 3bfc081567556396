"""One guest's share of the processor: what it has, and below it, unfolded, what it is to have.

While a slider is held only its value is shown; the guest gets it when it is let go. What cannot be granted is
said below the row, and the row shows again what is so.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import structs
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from pocketvisor.scheduler.qos import SHARES, SHARES_MOST, Qos, ShareNow
from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.phone.section import NumberField, Slider, shown
from pocketvisor_workbench.resources.bars import Share, ShareBar
from pocketvisor_workbench.widgets import Dot, ElidedLabel, tool_button

if TYPE_CHECKING:
    from pocketvisor.api import Guest

_STEPS_TO_DOUBLE = 4
_SLIDER_STEPS = 12
_IDLE_BELOW = 1.0
"""MIPS: a kernel at rest does less."""
_SIGNS = {
    "limit": ("arrow-collapse-right", "Held by its limit"),
    "battery": ("battery-alert-variant-outline", "Slowed down: the battery is low"),
    "response": ("timer-outline", "Slowed down, so that the foreground answers in time"),
    "host": ("laptop", "This computer cannot give the phone all of its rate now"),
}
"""What keeps a guest below its share: a picture and a sentence."""
Change = Callable[["Guest", dict[str, int]], str]
"""Sets shares, reservation or limit; answers why not, or nothing."""


def shares_at(step: int) -> int:
    """A slider's step as shares: four steps double them."""
    exact = SHARES * 2.0 ** (step / _STEPS_TO_DOUBLE)
    return int(round(exact, -1 if exact < SHARES else -2))


def step_of(shares: int) -> int:
    steps = range(-_SLIDER_STEPS, _SLIDER_STEPS + 1)
    return min(steps, key=lambda step: abs(shares_at(step) - shares))


class _Setting:
    """A line of the editor: a slider and a field for the same value."""

    def __init__(self, slider: Slider, field: NumberField) -> None:
        self.slider, self.field = slider, field
        field.setFixedWidth(92)
        field.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)


class ShareRow(QWidget):
    def __init__(self, guest: "Guest", mips: int, change: Change) -> None:
        super().__init__()
        self.guest = guest
        self._mips = mips
        self._change = change
        self._now: ShareNow | None = None
        name = ElidedLabel(guest.name)
        name.setObjectName("cardTitle")
        self._sign = QLabel()
        self._sign.hide()
        self.figure = QLabel()
        self.figure.setObjectName("muted")
        self.edit = tool_button(
            "tune-variant", f"Shares, reservation and limit of {guest.name}", checkable=True
        )
        self.edit.toggled.connect(self._unfold)
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(Dot(accent_of(guest)))
        head.addWidget(name, 1)
        head.addWidget(self._sign)
        head.addWidget(self.figure)
        head.addWidget(self.edit)
        self.bar = ShareBar(guest.name, accent_of(guest))
        self.problem = QLabel()
        self.problem.setObjectName("bad")
        self.problem.setWordWrap(True)
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.hide()
        self._editor = self._make_editor()
        self._editor.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addWidget(self.bar)
        layout.addWidget(self._editor)
        layout.addWidget(self.problem)

    def _make_editor(self) -> QWidget:
        name, page = self.guest.name, max(self._mips // 20, 1)
        self.shares = _Setting(
            Slider(-_SLIDER_STEPS, _SLIDER_STEPS, f"Shares of {name}", page=_STEPS_TO_DOUBLE),
            NumberField(1, SHARES_MOST, f"Shares of {name}", decimals=0, unit=""),
        )
        self.reserved = _Setting(
            Slider(0, self._mips, f"MIPS that {name} gets whenever it wants them", page=page),
            NumberField(
                0, self._mips, f"Reservation of {name} in MIPS", decimals=0, unit=" MIPS", zero="none"
            ),
        )
        self.limit = _Setting(
            Slider(1, self._mips, f"MIPS that {name} gets at most; at the right end, no limit", page=page),
            _mips_field(self._mips, f"Limit of {name} in MIPS"),
        )
        made = QWidget()
        grid = QGridLayout(made)
        grid.setContentsMargins(15, 4, 0, 4)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        for line, (words, key, setting, tip) in enumerate(
            (
                (
                    "Shares",
                    "shares",
                    self.shares,
                    "What is not reserved is split by them: twice as many, twice as much",
                ),
                (
                    "Reserved",
                    "reservation",
                    self.reserved,
                    "What it gets whenever it wants it, whatever others do",
                ),
                ("At most", "limit", self.limit, "More it does not get, though nobody else wants it"),
            )
        ):
            label = QLabel(words)
            label.setObjectName("muted")
            label.setToolTip(tip)
            grid.addWidget(label, line, 0)
            grid.addWidget(setting.slider, line, 1)
            grid.addWidget(setting.field, line, 2)
            self._wire(key, setting)
        self.usual = QToolButton()
        self.usual.setText("As at first")
        self.usual.setToolTip(f"{SHARES} shares, no reservation, no limit")
        self.usual.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.usual.clicked.connect(lambda: self._put(structs.asdict(Qos())))
        grid.addWidget(self.usual, 3, 1, 1, 2, Qt.AlignmentFlag.AlignRight)
        return made

    def _wire(self, key: str, setting: _Setting) -> None:
        slider, field = setting.slider, setting.field

        def moved() -> None:
            value = self._value_of(key, slider.value())
            field.setModified(False)
            field.set_value(value)
            if not slider.isSliderDown():
                self._set(key, value)

        slider.valueChanged.connect(moved)
        slider.sliderReleased.connect(moved)
        field.entered.connect(lambda value: self._set(key, int(value)))

    def _value_of(self, key: str, position: int) -> int:
        if key == "shares":
            return shares_at(position)
        return 0 if key == "limit" and position >= self._mips else position

    def _set(self, key: str, value: int) -> None:
        now = self._now
        if now is None or value == getattr(now.qos, key):
            return
        self._put({key: value})

    def _put(self, wanted: dict[str, int]) -> None:
        sentence = self._change(self.guest, wanted)
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))
        if sentence and self._now is not None:
            self._show_settings(self._now)

    def _unfold(self, wanted: bool) -> None:
        self._editor.setVisible(wanted)
        if not wanted:
            self.problem.hide()

    def show_share(self, now: ShareNow, total: float) -> None:
        self._now = now
        qos = now.qos
        idle = now.used < _IDLE_BELOW
        granted = 0.0 if idle else now.granted  # what it might run says nothing while it does not
        self.bar.show_share(Share(total, now.used, granted, now.entitled, qos.reservation, qos.limit))
        self.figure.setText("idle" if idle else f"{now.used:.0f} MIPS · {100 * now.share:.0f} %")
        waits = f" It waits {now.wait_ms:.1f} ms for the processor when it is woken." if now.wait_ms else ""
        self.figure.setToolTip(
            f"What it ran over the last second, and its part of what all guests here ran.{waits}"
        )
        self._show_sign(now)
        if not self._held():
            self._show_settings(now)

    def _show_sign(self, now: ShareNow) -> None:
        """What keeps it below its share; or that it is boosted."""
        sign, tip = _SIGNS.get(now.limited_by, ("", ""))
        role = "warn"
        if not sign and now.boosted:
            sign, tip, role = "rocket-launch-outline", "Boosted: it is in the foreground", "accent"
        self._sign.setVisible(bool(sign))
        if sign:
            self._sign.setPixmap(icon(sign, role).pixmap(16, 16))
        self._sign.setToolTip(tip)
        self._sign.setAccessibleName(tip)

    def _held(self) -> bool:
        return any(setting.slider.isSliderDown() for setting in (self.shares, self.reserved, self.limit))

    def _show_settings(self, now: ShareNow) -> None:
        qos = now.qos
        self.usual.setEnabled(qos != Qos())
        values: tuple[tuple[_Setting, int, Any], ...] = (
            (self.shares, step_of(qos.shares), qos.shares),
            (self.reserved, qos.reservation, qos.reservation),
            (self.limit, qos.limit or self._mips, qos.limit),
        )
        for setting, position, value in values:
            shown(setting.slider, position)
            shown(setting.field, value)


def _mips_field(most: int, name: str) -> NumberField:
    return NumberField(0, most, name, decimals=0, unit=" MIPS", zero="none")
