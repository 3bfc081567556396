"""The form of a policy: it shows what a text says, and tells each field that is changed."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QLineEdit, QToolButton, QVBoxLayout, QWidget

from pocketvisor.policies.times import DAYS
from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.phone.section import Choice, NumberField, shown
from pocketvisor_workbench.policy.draft import Table
from pocketvisor_workbench.policy.fields import GROUPS, Field
from pocketvisor_workbench.widgets import CheckBox

_LABELS = 116
_DAY = 29
_TIME = "%Y-%m-%d %H:%M"


class PolicyForm(QWidget):
    changed = Signal(str, str, object)
    """A section, a field, and its value; None: as a policy that does not name it."""

    def __init__(self) -> None:
        super().__init__()
        self._table: Table = {}
        self.inputs: dict[tuple[str, str], QWidget] = {}
        self._show: dict[tuple[str, str], Callable[[Any], None]] = {}
        self._rows: list[tuple[Field, list[QWidget]]] = []
        self._signs: list[tuple[QLabel, str]] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 14, 12)
        layout.setSpacing(6)
        for group in GROUPS:
            layout.addWidget(self._heading(group.title, group.picture))
            grid = QGridLayout()
            grid.setContentsMargins(24, 0, 0, 8)
            grid.setHorizontalSpacing(8)
            grid.setVerticalSpacing(6)
            grid.setColumnMinimumWidth(0, _LABELS)
            grid.setColumnStretch(1, 1)
            for line, field in enumerate(group.fields):
                self._add(grid, line, field)
            layout.addLayout(grid)
        layout.addStretch()

    def show_table(self, table: Table) -> None:
        """What a text says now; what is being typed here is left alone."""
        self._table = table
        for field, parts in self._rows:
            self._show[field.section, field.name](self._value(field))
            if field.only is not None:
                name, values = field.only
                wanted = next(
                    one for one, _ in self._rows if (one.section, one.name) == (field.section, name)
                )
                for part in parts:
                    part.setVisible(self._value(wanted) in values)

    def _value(self, field: Field) -> Any:
        said = self._table.get(field.section, {}).get(field.name, field.default)
        if field.section == "services":
            listed = self._table.get("services", {}).get("allowed", True)
            if field.name == "listed":
                return listed if isinstance(listed, list) else []
            return "listed" if isinstance(listed, list) else listed
        return said

    def _give(self, field: Field, value: Any) -> None:
        if value == self._value(field):
            return
        if field.section == "services":
            said = [] if value == "listed" else value
            self.changed.emit("services", "allowed", None if said is True else said)
            return
        self.changed.emit(field.section, field.name, None if value == field.default else value)
        for other, _ in self._rows:  # what belonged to the value before
            told = self._table.get(other.section, {}).get(other.name) is not None
            name, values = other.only or ("", ())
            if told and (other.section, name) == (field.section, field.name) and value not in values:
                self.changed.emit(other.section, other.name, None)

    # Parts

    def _heading(self, title: str, picture: str) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 6, 0, 0)
        row.setSpacing(8)
        sign = QLabel()
        self._signs.append((sign, picture))
        sign.setPixmap(icon(picture, "muted").pixmap(16, 16))
        words = QLabel(title)
        words.setObjectName("section")
        row.addWidget(sign)
        row.addWidget(words)
        row.addStretch()
        return line

    def _add(self, grid: QGridLayout, line: int, field: Field) -> None:
        made = _MAKERS[field.kind](self, field)
        made.setAccessibleName(field.label)
        if field.tip:
            made.setToolTip(field.tip)
        self.inputs[field.section, field.name] = made
        if field.kind == "switch":
            grid.addWidget(made, line, 0, 1, 2)
            self._rows.append((field, [made]))
            return
        label = QLabel(field.label)
        label.setObjectName("muted")
        label.setBuddy(made)
        grid.addWidget(label, line, 0)
        grid.addWidget(made, line, 1)
        self._rows.append((field, [label, made]))

    def _switch(self, field: Field) -> QWidget:
        box = CheckBox(field.label)
        box.toggled.connect(lambda value: self._give(field, value))
        self._show[field.section, field.name] = lambda value: shown(box, value)
        return box

    def _choice(self, field: Field) -> QWidget:
        box = Choice(field.label)
        for value, words in field.choices:
            box.addItem(words, value)
        box.activated.connect(lambda at: self._give(field, field.choices[at][0]))
        values = [value for value, _ in field.choices]

        def show(value: Any) -> None:
            box.setCurrentIndex(values.index(value) if value in values else -1)

        self._show[field.section, field.name] = show
        return box

    def _number(self, field: Field) -> QWidget:
        box = NumberField(0, field.most, field.label, decimals=0, unit=field.unit, zero=field.zero)
        box.entered.connect(lambda value: self._give(field, int(value)))
        self._show[field.section, field.name] = lambda value: shown(box, value if _is_number(value) else 0)
        return box

    def _line(self, field: Field, words: Callable[[Any], str], value: Callable[[str], Any]) -> QWidget:
        box = QLineEdit()
        box.setPlaceholderText(field.example)
        box.textEdited.connect(lambda text: self._give(field, value(text)))

        def show(said: Any) -> None:
            if not box.hasFocus():
                box.setText(words(said))
                box.setCursorPosition(0)

        self._show[field.section, field.name] = show
        return box

    def _text(self, field: Field) -> QWidget:
        return self._line(
            field, lambda said: said if isinstance(said, str) else "", lambda text: text.strip()
        )

    def _names(self, field: Field) -> QWidget:
        def split(text: str) -> list[str]:
            return [name for part in text.split(",") if (name := part.strip())]

        def joined(said: Any) -> str:
            return ", ".join(str(one) for one in said) if isinstance(said, list) else ""

        return self._line(field, joined, split)

    def _time(self, field: Field) -> QWidget:
        def words(said: Any) -> str:
            return said.astimezone().strftime(_TIME) if isinstance(said, datetime) else ""

        def value(text: str) -> Any:
            """Local time, as it is typed; what is none yet goes into the text as it is, where it is told."""
            try:
                return datetime.strptime(text.strip(), _TIME).astimezone(UTC) if text.strip() else None
            except ValueError:
                return text.strip()

        return self._line(field, words, value)

    def _days(self, field: Field) -> QWidget:
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3)
        buttons: dict[str, QToolButton] = {}

        def tell() -> None:
            chosen = [day for day in DAYS if buttons[day].isChecked()]
            self._give(field, None if len(chosen) == len(DAYS) else chosen)

        for day in DAYS:
            button = buttons[day] = QToolButton()
            button.setObjectName("day")
            button.setText(day.capitalize()[:2])
            button.setAccessibleName(day.capitalize())
            button.setCheckable(True)
            button.setFixedWidth(_DAY)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(tell)
            row.addWidget(button)
        row.addStretch()

        def show(said: Any) -> None:
            for day, button in buttons.items():
                button.setChecked(said is None or (isinstance(said, list) and day in said))

        self._show[field.section, field.name] = show
        return whole

    def changeEvent(self, _: object) -> None:
        for sign, picture in getattr(self, "_signs", ()):
            sign.setPixmap(icon(picture, "muted").pixmap(16, 16))


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_MAKERS: dict[str, Callable[[PolicyForm, Field], QWidget]] = {
    "switch": PolicyForm._switch,
    "choice": PolicyForm._choice,
    "number": PolicyForm._number,
    "text": PolicyForm._text,
    "names": PolicyForm._names,
    "days": PolicyForm._days,
    "time": PolicyForm._time,
}
