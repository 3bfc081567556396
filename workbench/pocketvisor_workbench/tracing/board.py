"""The interrupt controller and the timers of the selected guest: what is enabled, pending and active."""

from PySide6.QtWidgets import QLabel, QWidget

from pocketvisor.debug.board_state import (
    IDLE_PRIORITY,
    NO_INTERRUPT,
    BoardState,
    Gic,
    Interrupt,
    Timer,
    interrupt_device,
    interrupt_name,
    read_board_state,
)
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.debug.debug_pane import DebugPane, plain_table
from pocketvisor_workbench.debug.rows_model import Column, RowsModel
from pocketvisor_workbench.widgets import tool_button

_FIRST_PPI = 16
_TIMERS: tuple[Column[Timer], ...] = (
    Column("Timer", lambda timer: timer.name.capitalize()),
    Column("Line", lambda timer: interrupt_name(timer.interrupt), muted=True),
    Column("State", lambda timer: _timer_words(timer)),
    Column("Rings", lambda timer: _due_words(timer.due_ns)),
)
_LINES: tuple[Column[Interrupt], ...] = (
    Column("Line", lambda line: line.name),
    Column("ID", lambda line: str(line.number), mono=True, muted=True),
    Column("Device", lambda line: line.device),
    Column("Priority", lambda line: f"{line.priority:#04x}", mono=True, muted=True),
    Column("State", lambda line: _line_words(line)),
)


class BoardPane(DebugPane):
    name = "interrupts"
    title = "Interrupts"
    picture = "alarm-light-outline"
    empty_title = "No interrupts"
    waits = True

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.head = QLabel()
        self.head.setObjectName("muted")
        self.head.setWordWrap(True)
        self.head.setContentsMargins(12, 8, 12, 6)
        self.timers = RowsModel(_TIMERS, self)
        self.timers.marked = lambda timer: timer.met and not timer.masked
        self._timer_table = plain_table(self.timers, "Timers", (84, 64, 122))
        self._timer_table.setFixedHeight(88)
        self.lines = RowsModel(_LINES, self)
        self.lines.marked = lambda line: line.pending or line.active
        self.table = plain_table(self.lines, "Interrupt lines", (70, 44, 118, 66))
        self.all = tool_button("format-list-bulleted", "Show every line", self, checkable=True)
        self.all.toggled.connect(lambda _: self._show_lines())
        self._gic: Gic | None = None
        self.column.addWidget(self.head)
        self.column.addWidget(self._timer_table)
        self.column.addWidget(self.table, 1)

    def tools(self) -> list[QWidget]:
        return [self.all]

    def forget(self) -> None:
        self._gic = None
        self.head.setText("")
        self.timers.show_rows([])
        self.lines.show_rows([])

    async def look(self) -> None:
        debugger = self.inspector.debugger
        if debugger is not None:
            self._show(await read_board_state(debugger))

    def _show(self, state: BoardState) -> None:
        self._gic = state.gic
        self.head.setText(_head_words(state))
        self.timers.show_rows(state.timers)
        self._show_lines()

    def _show_lines(self) -> None:
        lines = self._gic.interrupts if self._gic is not None else []
        self.lines.show_rows([line for line in lines if self.all.isChecked() or _is_of_note(line)])


def _is_of_note(line: Interrupt) -> bool:
    """Those that the CPU raises itself are enabled always."""
    return not line.quiet and (line.number >= _FIRST_PPI or line.pending or line.active)


def _head_words(state: BoardState) -> str:
    gic = state.gic
    clock = f"CNTVCT {state.count:#x} at {state.frequency / 1e6:g} MHz."
    if gic is None:
        return f"This board has no interrupt controller. {clock}"
    gates = {
        (True, True): "The GIC lets interrupts through",
        (False, True): "The GIC's distributor is off",
        (True, False): "The GIC's CPU interface is off",
        (False, False): "The GIC is off",
    }[gic.forwards, gic.signals]
    parts = [f"{gates}, priority mask {gic.priority_mask:#04x}."]
    if gic.running_priority != IDLE_PRIORITY:
        parts.append(f"One of priority {gic.running_priority:#04x} is being handled.")
    if gic.highest_pending != NO_INTERRUPT:
        device = interrupt_device(gic.highest_pending)
        what = f"{interrupt_name(gic.highest_pending)}{f' ({device})' if device else ''}"
        parts.append(f"{what} {'is told to the CPU' if gic.signalled else 'waits'}.")
    return " ".join([*parts, clock])


def _timer_words(timer: Timer) -> str:
    if not timer.enabled:
        return "off"
    return "on, masked" if timer.masked else "on"


def _due_words(due_ns: int | None) -> str:
    if due_ns is None:
        return "never"
    if due_ns == 0:
        return "now"
    if due_ns >= 1_000_000_000:
        return f"in {due_ns / 1e9:.2f} s"
    return f"in {due_ns / 1e6:.3f} ms"


def _line_words(line: Interrupt) -> str:
    words = [
        word
        for word, holds in (
            ("active", line.active),
            ("pending", line.pending),
            ("high", line.level),
            ("enabled", line.enabled),
        )
        if holds
    ]
    return ", ".join([*words, "edge" if line.edge else "level", *(["group 1"] if line.group else [])])
