"""How often things happened in a guest: exits, faults, accesses by device; and how often a second of late."""

import time
from collections.abc import Mapping

from msgspec import Struct
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from pocketvisor.debug.trace.counters import TEXTS, Counters
from pocketvisor_workbench.debug.debug_pane import plain_table
from pocketvisor_workbench.debug.rows_model import Column, RowsModel

_RATE_SECONDS = 1.0


class Count(Struct, frozen=True):
    name: str
    value: int
    rate: float


_COLUMNS: tuple[Column[Count], ...] = (
    Column("Count", lambda row: row.name),
    Column("", lambda row: f"{row.value:,}", mono=True),
    Column("A second", lambda row: _rate_words(row.rate), mono=True, muted=True),
)


class CountersView(QWidget):
    """What counts always, exceptions by kind while they are traced, and devices."""

    def __init__(self) -> None:
        super().__init__()
        self._before: tuple[float, dict[str, int]] = (0.0, {})
        self._rates: dict[str, float] = {}
        self._words = ""
        self._last: dict[str, dict[str, int]] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(8)
        self.models: dict[str, RowsModel[Count]] = {}
        for title in ("The guest", "Devices", "Exceptions"):
            model: RowsModel[Count] = RowsModel(_COLUMNS, self)
            table = plain_table(model, title, (158, 92))
            heading = QLabel(title)
            heading.setObjectName("section")
            heading.setContentsMargins(12, 0, 0, 0)
            column = QVBoxLayout()
            column.setSpacing(2)
            column.addWidget(heading)
            column.addWidget(table, 1)
            layout.addLayout(column, 1)
            self.models[title] = model

    def forget(self) -> None:
        self._before, self._rates, self._last = (0.0, {}), {}, {}
        for model in self.models.values():
            model.show_rows([])

    def show_counters(self, counters: Counters) -> None:
        self._last = {
            "The guest": {TEXTS.get(name, name): value for name, value in counters.totals.items()},
            "Devices": {f"{each.device}": each.accesses for each in counters.devices},
            "Exceptions": dict(counters.exceptions),
        }
        self._measure(
            {f"{group} {name}": n for group, rows in self._last.items() for name, n in rows.items()}
        )
        self._fill()

    def look_for(self, text: str) -> None:
        self._words = text.casefold()
        self._fill()

    def _measure(self, now: Mapping[str, int]) -> None:
        """Over a second or more, so that rates can be read."""
        then, before = self._before
        passed = time.monotonic() - then
        if passed < _RATE_SECONDS and before:
            return
        if before:
            self._rates = {name: (value - before.get(name, value)) / passed for name, value in now.items()}
        self._before = time.monotonic(), dict(now)

    def _fill(self) -> None:
        for group, model in self.models.items():
            model.show_rows(
                [
                    Count(
                        name if group == "Devices" else name[:1].upper() + name[1:],
                        value,
                        self._rates.get(f"{group} {name}", 0.0),
                    )
                    for name, value in self._last.get(group, {}).items()
                    if self._words in name.casefold()
                ]
            )


def _rate_words(rate: float) -> str:
    if rate <= 0:
        return ""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
