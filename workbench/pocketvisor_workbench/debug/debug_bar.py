"""The bar of the debugger: going on and back, where the guest stands and why, and the way in for gdb."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolBar, QToolButton, QWidget

from pocketvisor.api import GuestState
from pocketvisor_workbench.debug.motion import STEPS
from pocketvisor_workbench.widgets import Dot, ElidedLabel, plain_tip, push_button

if TYPE_CHECKING:
    from pocketvisor_workbench.window import Window

_FORWARD = ("debug.continue", "debug.pause", "debug.step-over", "debug.step", "debug.step-out")
_BACK = ("debug.reverse-continue", "debug.reverse-step")


class DebugBar(QToolBar):
    """Every button here runs a command. Shown while a debugging pane is."""

    def __init__(self, window: "Window", actions: dict[str, QAction]) -> None:
        super().__init__("Debugger", window)
        self.setObjectName("debugBar")
        self.setMovable(False)
        self.setFloatable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.inspector = window.bench.inspector
        for idents in (_BACK, _FORWARD):
            self.addWidget(_segment([actions[ident] for ident in idents]))
        state = QWidget()
        state.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(state)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(8)
        self.dot = Dot("#808080", size=10)
        self.state = QLabel()
        self.state.setTextFormat(Qt.TextFormat.PlainText)
        self.where = ElidedLabel()
        self.where.setObjectName("muted")
        row.addWidget(self.dot)
        row.addWidget(self.state)
        row.addWidget(self.where, 1)
        self.addWidget(state)
        self.gdb = push_button("Attach gdb", "bug-outline")
        self.gdb.clicked.connect(actions["debug.gdb"].trigger)
        self.gdb.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.addWidget(self.gdb)
        for signal in (self.inspector.state_changed, self.inspector.guest_changed, self.inspector.looked):
            signal.connect(self.refresh)
        window.bench.theme.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        inspector = self.inspector
        colour, state, where = self._words()
        self.dot.set_accent(colour)
        self.state.setText(state)
        self.where.setText(where)
        self.where.setToolTip(plain_tip(where))
        server = getattr(inspector.debugger, "gdb", None)
        attached = server is not None and server.attached
        self.gdb.setText("gdb is attached" if attached else "gdb can attach" if server else "Attach gdb")
        self.gdb.setEnabled(inspector.alive)

    def _words(self) -> tuple[str, str, str]:
        from pocketvisor_workbench.theme import tokens

        inspector, colours = self.inspector, tokens()
        guest, sample = inspector.guest, inspector.sample
        if guest is None:
            return colours.muted, "No guest", "Select a guest to look inside"
        if not inspector.alive:
            return colours.muted, guest.name, inspector.state_words
        if inspector.busy:
            return colours.accent, f"{inspector.busy}…", guest.name
        at = ""
        if sample is not None:
            pc = sample.registers.get("pc", 0)
            at = f"{pc:#010x} {inspector.label(pc)}".rstrip()
        if inspector.in_past:
            return colours.accent, f"{guest.name} in its past", f"{self._why()}{at}{self._when()}"
        if inspector.standing:
            return colours.warn, f"{guest.name} stands still", f"{self._why()}{at}{self._when()}"
        if guest.state is GuestState.RUNNING:
            if inspector.running:
                waits = " It may be waiting for an interrupt." if inspector.running == STEPS else ""
                return colours.good, f"{guest.name} runs", f"{inspector.running}.{waits}"
            return colours.good, f"{guest.name} runs", f"seen at {at}{self._when()}" if at else ""
        return colours.muted, guest.name, ""

    def _why(self) -> str:
        stop = self.inspector.stop
        if stop is None or not stop.sentence:
            return ""
        ours = stop.stop is not None and stop.stop.temporary  # it is gone, and was nobody's breakpoint
        return "Stepped · " if ours else f"{stop.sentence} · "

    def _when(self) -> str:
        sample = self.inspector.sample
        return f" · {sample.clock_ns / 1e9:.3f} s" if sample is not None else ""


def _segment(actions: list[QAction]) -> QFrame:
    segment = QFrame()
    segment.setObjectName("segment")
    row = QHBoxLayout(segment)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(0)
    for action in actions:
        button = QToolButton()
        button.setDefaultAction(action)
        button.setIconSize(QSize(18, 18))
        button.setAccessibleName(action.text())
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row.addWidget(button)
    return segment
