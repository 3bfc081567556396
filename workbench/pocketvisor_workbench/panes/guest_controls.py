"""The guest's part of the Controls pane: how it is and what can be done, its keys, typing, its counters."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from pocketvisor.api import Act, GuestState, Refused
from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.icons import set_icon
from pocketvisor_workbench.phone.section import Folding
from pocketvisor_workbench.stage.keys import ICONS, title_of
from pocketvisor_workbench.widgets import Dot, ElidedLabel, push_button, tool_button

if TYPE_CHECKING:
    from pocketvisor.api import Guest

_OPERATIONS: tuple[tuple[str, str, str], ...] = (
    ("guest.pause", "pause", "Pause"),
    ("guest.resume", "play", "Resume"),
    ("guest.reset", "restart", "Reset"),
    ("guest.power-off", "power", "Power off"),
    ("guest.restart", "refresh", "Start anew"),
    ("guest.kill", "skull-outline", "Kill"),
)
_STATES: dict[GuestState, tuple[str, str]] = {
    GuestState.STARTING: ("Starting", "warn"),
    GuestState.RUNNING: ("Running", "good"),
    GuestState.PAUSED: ("Paused", "warn"),
    GuestState.OFF: ("Off", "muted"),
    GuestState.CRASHED: ("Has stopped", "bad"),
    GuestState.STOPPED: ("Removed", "muted"),
}
_COUNTERS: tuple[tuple[str, str], ...] = (
    ("ticks", "Instructions"),
    ("irqs", "Interrupts"),
    ("mmio", "Device accesses"),
    ("frames", "Frames"),
    ("external_aborts", "External aborts"),
    ("empty_accesses", "Accesses to nothing"),
)


def grouped(value: int) -> str:
    """Large numbers in a form that can be read at a glance."""
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if value >= size:
            return f"{value / size:.2f} {unit}"
    return f"{value:,}".replace(",", "\u2009")


class GuestHead(QWidget):
    """Name, state and what can be done with it."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self._guest: Guest | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(self._make_head())
        self.problem = QLabel()
        self.problem.setObjectName("bad")
        self.problem.setWordWrap(True)
        layout.addWidget(self.problem)
        layout.addLayout(self._make_operations())

    def _make_head(self) -> QHBoxLayout:
        self._dot = Dot("#808080", size=12)
        self.name = ElidedLabel()
        self.name.setObjectName("heading")
        self.state = QLabel()
        self._where = ElidedLabel()
        self._where.setObjectName("muted")
        self._front = tool_button("cellphone", "Bring this guest to the front")
        self._front.clicked.connect(self._bring_to_front)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.name)
        words.addWidget(self._where)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._dot)
        head.addLayout(words, 1)
        head.addWidget(self.state)
        head.addWidget(self._front)
        return head

    def _make_operations(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(6)
        self.operations: dict[str, QWidget] = {}
        for index, (command, picture, words) in enumerate(_OPERATIONS):
            button = push_button(words, picture, danger=command == "guest.kill")
            button.clicked.connect(lambda _=False, command=command: self.bench.trigger(command))
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            self.operations[command] = button
            grid.addWidget(button, index // 2, index % 2)
        return grid

    def show_guest(self, guest: "Guest") -> None:
        self._guest = guest
        self._dot.set_accent(accent_of(guest))
        self.name.setText(guest.name)
        self._where.setText(f"{guest.image.name} on {guest.handset.name}")

    def refresh(self, guest: "Guest") -> None:
        words, role = _STATES[guest.state]
        self.state.setText(words)
        self.state.setObjectName(role)
        self.state.style().polish(self.state)
        front = guest.handset.foreground is guest
        self._front.setEnabled(not front)
        self._front.setToolTip("Holds the phone" if front else "Bring this guest to the front")
        self.problem.setText(guest.problem)
        self.problem.setVisible(bool(guest.problem))
        running = guest.state is GuestState.RUNNING
        live = running or guest.state is GuestState.PAUSED
        enabled = {
            "guest.pause": running,
            "guest.resume": guest.state is GuestState.PAUSED,
            "guest.reset": live,
            "guest.power-off": live,
            "guest.restart": guest.state is not GuestState.STARTING,
            "guest.kill": live or guest.state is GuestState.STARTING,
        }
        for command, button in self.operations.items():
            button.setEnabled(enabled[command])

    def _bring_to_front(self) -> None:
        if self._guest is not None:
            self.bench.session.bring_to_front(self._guest)


class GuestKeys(Folding):
    """The phone's keys and the keyboard, for this guest."""

    def __init__(self, bench: Bench) -> None:
        super().__init__("Keys", "gesture-tap-button")
        self._bench = bench
        self._guest: Guest | None = None
        self._keys = QGridLayout()
        self._keys.setSpacing(2)
        self._buttons: list[QToolButton] = []
        self.body.addLayout(self._keys)
        self.typing = QLineEdit()
        self.typing.setPlaceholderText("Text for the guest's keyboard")
        self.typing.setAccessibleName("Text to type into the guest")
        self.typing.returnPressed.connect(self._type)
        send = tool_button("keyboard-return", "Type this text into the guest")
        send.clicked.connect(self._type)
        paste = tool_button("clipboard-text-outline", "Type the clipboard into the guest")
        paste.clicked.connect(lambda: bench.trigger("guest.type-clipboard"))
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.typing, 1)
        row.addWidget(send)
        row.addWidget(paste)
        self.body.addLayout(row)

    def show_guest(self, guest: "Guest") -> None:
        self._guest = guest
        for button in self._buttons:
            self._keys.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = []
        for index, key in enumerate(guest.handset.model.keys):
            button = QToolButton()
            set_icon(button, ICONS.get(key, "circle-outline"))
            button.setToolTip(f"{title_of(key)} key")
            button.setAccessibleName(f"{title_of(key)} key")
            button.pressed.connect(lambda key=key: self._key(key, True))
            button.released.connect(lambda key=key: self._key(key, False))
            self._keys.addWidget(button, index // 7, index % 7)
            self._buttons.append(button)
        self._keys.setColumnStretch(7, 1)

    def refresh(self, guest: "Guest") -> None:
        running = guest.state is GuestState.RUNNING
        for button in self._buttons:
            button.setEnabled(running)
        why = guest.allows(Act.COPY_IN)
        self.typing.setEnabled(running and not why)
        self.typing.setToolTip(why)

    def _key(self, key: str, pressed: bool) -> None:
        if self._guest is not None:
            self._guest.hardware_key(key, pressed)

    def _type(self) -> None:
        if self._guest is not None and self.typing.text():
            try:
                self._guest.type_text(self.typing.text())
            except Refused as refused:
                self._bench.session.log.refuse(str(refused), self._guest)
            self.typing.clear()


class GuestFigures(Folding):
    """What it has done and what it costs."""

    def __init__(self) -> None:
        super().__init__("Figures", "counter")
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(0, 1)
        self._figures: dict[str, QLabel] = {}
        names = (("pid", "Process"), ("ram", "Memory touched"), ("time", "Time in the guest"), *_COUNTERS)
        for line, (name, words) in enumerate(names):
            label = ElidedLabel(words)
            label.setObjectName("muted")
            value = QLabel("-")
            value.setObjectName("value")
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(label, line, 0)
            grid.addWidget(value, line, 1)
            self._figures[name] = value
        self.body.addLayout(grid)

    def refresh(self, guest: "Guest") -> None:
        if guest.state is GuestState.STOPPED:
            return
        counters = guest.counters()
        self._figures["pid"].setText(str(guest.pid or "none"))
        self._figures["ram"].setText(f"{counters.ram_bytes / 2**20:.1f} of {guest.ram_mib} MiB")
        self._figures["time"].setText(f"{counters.clock_ns / 1e9:.1f} s")
        for name, _ in _COUNTERS:
            self._figures[name].setText(grouped(getattr(counters, name, 0)))
