"""The score sheet's table: each kind of attack, how often it was tried, whether that held, what held it."""

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from pocketvisor.attack.sheet import Kind, Outcome
from pocketvisor_workbench.attack.words import FAMILIES, count_words, result_words, stopper_words
from pocketvisor_workbench.debug.rows_model import Column, RowsModel
from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.theme import tokens
from pocketvisor_workbench.widgets import plain_tip

_Index = QModelIndex | QPersistentModelIndex
HOW, RESULT = 1, 3


@dataclass(frozen=True)
class Row:
    """`outcome`: None where it has not come in yet."""

    kind: Kind
    outcome: Outcome | None = None
    now: bool = False
    """It is being tried."""

    @property
    def role(self) -> str:
        """The token of its result's colour."""
        if self.outcome is None:
            return "accent" if self.now else "muted"
        return "good" if self.outcome.held else "bad" if self.outcome.reached else "warn"

    @property
    def sign(self) -> str:
        if self.outcome is None:
            return "progress-clock" if self.now else "circle-outline"
        if self.outcome.held:
            return "shield-check"
        return "shield-alert" if self.outcome.reached else "help-circle-outline"


def _result(row: Row) -> str:
    if row.outcome is None:
        return "trying" if row.now else ""
    return result_words(row.outcome)


def _stopped(row: Row) -> str:
    """What it is meant to be stopped by, until it is known what did."""
    return row.kind.defence if row.outcome is None else stopper_words(row.outcome)


COLUMNS: tuple[Column[Row], ...] = (
    Column("Attack", lambda row: row.kind.title),
    Column("How", lambda row: FAMILIES.get(row.kind.family, row.kind.family), muted=True),
    Column("Attempts", lambda row: count_words(row.outcome.attempts) if row.outcome else "", mono=True),
    Column("Result", _result),
    Column("Stopped by", _stopped, muted=True),
)


class OutcomesModel(RowsModel[Row]):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(COLUMNS, parent)

    def data(self, index: _Index, role: int = 0) -> Any:
        row, column = self.rows[index.row()], index.column()
        if column == 0 and role == Qt.ItemDataRole.DecorationRole:
            return icon(row.sign, row.role)
        if column == RESULT and role == Qt.ItemDataRole.ForegroundRole:
            return QColor(getattr(tokens(), row.role))
        if column == 2 and role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(tip_of(row))
        return super().data(index, role)


def tip_of(row: Row) -> str:
    """All of it: a table's cells are cut."""
    lines = [row.kind.title, f"Defence: {row.kind.defence}"]
    if row.outcome is not None:
        lines.append(f"Stopped by: {stopper_words(row.outcome, all_of_them=True)}")
        lines += [row.outcome.sentence] if row.outcome.sentence else []
    return "\n".join(lines)


def worst_first(rows: list[Row]) -> list[Row]:
    """What got through is at the top, then what could not be tried."""
    ranks = {"bad": 0, "warn": 1}
    return sorted(rows, key=lambda row: ranks.get(row.role, 2))


def rows_of(kinds: tuple[Kind, ...], outcomes: list[Outcome], now: Kind | None) -> list[Row]:
    """All kinds in their order, with what has come in."""
    found = {outcome.kind.name: outcome for outcome in outcomes}
    return [
        Row(kind, found.get(kind.name), now is not None and kind.name == now.name and kind.name not in found)
        for kind in kinds
    ]
