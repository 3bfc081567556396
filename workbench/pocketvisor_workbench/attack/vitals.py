"""How the neighbour is: tiles, live while the attack runs; in the end they compare before and after."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from pocketvisor.api import GuestState
from pocketvisor.attack.sheet import ScoreSheet
from pocketvisor_workbench.attack.words import effect_name, effect_words, searched_words, secrets_words
from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.stage.chip import STATE_WORDS
from pocketvisor_workbench.widgets import ElidedLabel, plain_tip

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor_workbench.metrics import Sampler

_TILE = 140
_COLUMNS_MOST = 12


class Tile(QFrame):
    """A name and a value; a sign where it is known whether it is as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "tile")
        self.setFixedHeight(48)
        self._name = ElidedLabel()
        self._name.setObjectName("muted")
        self._value = ElidedLabel()
        self._value.setObjectName("cardTitle")
        self._sign = QLabel()
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(self._name)
        words.addWidget(self._value)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 6, 8, 6)
        layout.setSpacing(6)
        layout.addLayout(words, 1)
        layout.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignVCenter)

    def show_vital(self, name: str, value: str, held: bool | None = None, note: str = "") -> None:
        self._name.setText(name)
        self._value.setText(value)
        self.setToolTip(plain_tip(note or f"{name}: {value}"))
        how = {None: "", True: ", as before", False: ", changed"}[held]
        self.setAccessibleName(f"{name}: {value}{how}")
        self._sign.setVisible(held is not None)
        if held is not None:
            sign, role = ("check-circle", "good") if held else ("alert-circle", "bad")
            self._sign.setPixmap(icon(sign, role).pixmap(18, 18))

    @property
    def words(self) -> tuple[str, str]:
        return self._name.text(), self._value.text()


class Vitals(QWidget):
    def __init__(self, sampler: "Sampler") -> None:
        super().__init__()
        self._sampler = sampler
        self.tiles: list[Tile] = []
        self._frames: tuple[float, int] | None = None
        self._rate = 0.0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(8)
        self._shown: list[tuple[str, str, bool | None, str]] = []

    def show_live(self, victim: "Guest", now: float) -> None:
        """While it goes on. `now` is in seconds; called about twice in one."""
        frames = victim.panel.sequence
        if self._frames is not None and now > self._frames[0]:
            self._rate = max(frames - self._frames[1], 0) / (now - self._frames[0])
        self._frames = now, frames
        series = self._sampler.series.get(victim)
        mips = series.latest()[1] if series is not None else 0.0
        state = STATE_WORDS[victim.state]
        if victim.not_responding:
            state = "does not respond"
        elif victim.state is GuestState.PAUSED:
            state = "stands still, to be compared"
        self._show(
            [
                (victim.name, state, None, victim.not_responding),
                ("Frames", f"{self._rate:.0f} a second", None, "What it drew over the last moment"),
                ("Instructions", f"{mips:.0f} MIPS", None, ""),
            ]
        )

    def show_sheet(self, sheet: ScoreSheet) -> None:
        shown: list[tuple[str, str, bool | None, str]] = [
            (effect_name(effect), effect_words(effect), effect.unchanged, effect.note)
            for effect in sheet.effects
        ]
        search = sheet.secrets
        if search.secrets:
            shown.append(("Secrets", secrets_words(search), not search.found, searched_words(search)))
        self._show(shown)

    def _show(self, shown: list[tuple[str, str, bool | None, str]]) -> None:
        if len(shown) != len(self.tiles):
            for tile in self.tiles:
                self._grid.removeWidget(tile)
                tile.hide()
                tile.deleteLater()
            self.tiles = [Tile() for _ in shown]
            self._place()
        for tile, vital in zip(self.tiles, shown, strict=True):
            tile.show_vital(*vital)

    def _place(self) -> None:
        """In rows as even as they can be."""
        most = max(self.width() // _TILE, 1)
        rows = -(-len(self.tiles) // most) or 1
        columns = -(-len(self.tiles) // rows) or 1
        for number, tile in enumerate(self.tiles):
            self._grid.addWidget(tile, number // columns, number % columns)
        for column in range(_COLUMNS_MOST):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)

    def resizeEvent(self, _: object) -> None:
        for tile in self.tiles:
            self._grid.removeWidget(tile)
        self._place()
