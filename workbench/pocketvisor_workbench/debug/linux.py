"""A Linux guest's tasks, modules and kernel log, read out of its memory: nothing of the guest's is run."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import QStackedWidget, QTabBar, QTableView, QWidget

from pocketvisor.api import PocketvisorError
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.debug.debug_pane import DebugPane, plain_table, words_box
from pocketvisor_workbench.debug.rows_model import Column, RowsModel
from pocketvisor_workbench.widgets import ElidedLabel, on_keys, plain_tip, tool_button

if TYPE_CHECKING:
    from pocketvisor.debug.linux.log import LogLine
    from pocketvisor.debug.linux.modules import Module
    from pocketvisor.debug.linux.tasks import Task
    from pocketvisor.debug.linux.view import LinuxView

_SECONDS = 2.0
"""Between two looks at a guest that runs: lists are many reads."""
_LOG_LINES = 2000
TASKS, MODULES, LOG = range(3)


class LinuxPane(DebugPane):
    name = "linux"
    title = "Linux"
    picture = "penguin"
    empty_title = "No Linux"
    area = Qt.DockWidgetArea.BottomDockWidgetArea
    waits = True

    def __init__(self, bench: Bench) -> None:
        self._problem = ""
        super().__init__(bench)
        self._looked_at = -1
        self._looked = 0.0
        self._current: Task | None = None
        self.tabs = QTabBar()
        for words in ("Tasks", "Modules", "Log"):
            self.tabs.addTab(words)
        self.tabs.setExpanding(False)
        self.tabs.setDrawBase(False)
        self.tabs.setAccessibleName("What is shown of the kernel")
        self.words = words_box("Filter", "Filter by words", 150)
        self.column.addWidget(self.tabs)
        self._make_models()
        self.pages = QStackedWidget()
        self.tables: list[QTableView] = [
            plain_table(self.tasks, "Tasks", (52, 130, 96, 56, 84)),
            plain_table(self.modules, "Modules", (150, 84, 80, 70)),
            plain_table(self.log, "Kernel log", (100, 60)),
        ]
        for table in self.tables:
            table.doubleClicked.connect(self._open)
            self.pages.addWidget(table)
            on_keys(table, "Return", self._open_current)
            on_keys(table, QKeySequence.StandardKey.Copy, self.copy)
        self.column.addWidget(self.pages, 1)
        self.told = ElidedLabel()
        self.told.setObjectName("muted")
        self.told.setContentsMargins(10, 2, 10, 6)
        self.column.addWidget(self.told)
        self.tabs.currentChanged.connect(self._turn)
        self.words.textChanged.connect(lambda _: self.look_again())

    def _make_models(self) -> None:
        self.tasks: RowsModel[Task] = RowsModel(
            (
                Column("PID", lambda task: str(task.pid) if task.pid >= 0 else "?", muted=True),
                Column("Name", lambda task: f"[{task.name}]" if task.kernel_thread else task.name),
                Column("State", lambda task: task.state),
                Column("Parent", lambda task: str(task.parent) if task.parent >= 0 else "?", muted=True),
                Column("task_struct", lambda task: f"{task.address:08x}", mono=True, muted=True),
            ),
            self,
        )
        self.tasks.marked = lambda task: self._current is not None and task.address == self._current.address
        self.modules: RowsModel[Module] = RowsModel(
            (
                Column("Name", lambda module: module.name),
                Column("Base", lambda module: f"{module.base:08x}" if module.base else "?", mono=True),
                Column("Size", lambda module: f"{module.size:,}" if module.size else "?", muted=True),
                Column("State", lambda module: module.state, muted=True),
            ),
            self,
        )
        self.log: RowsModel[LogLine] = RowsModel(
            (
                Column("Time", lambda line: f"{line.ns / 1e9:.6f}", mono=True, muted=True),
                Column("Level", lambda line: _LEVELS[line.level & 7], muted=True),
                Column("Message", lambda line: line.text, mono=True),
            ),
            self,
        )
        self.log.marked = lambda line: line.level <= 3

    def tools(self) -> list[QWidget]:
        again = tool_button("refresh", "Look again")
        again.clicked.connect(self.look_again)
        return [self.words, again]

    def forget(self) -> None:
        self._current, self._looked_at, self._problem = None, -1, ""
        for model in (self.tasks, self.modules, self.log):
            model.show_rows([])
        self.told.setText("")

    def look_again(self) -> None:
        self._looked_at = -1
        self.inspector.look()

    def _turn(self, page: int) -> None:
        self.pages.setCurrentIndex(page)
        self.look_again()

    async def look(self) -> None:
        sample, linux = self.inspector.sample, self.inspector.linux
        if sample is None or linux is None:
            return
        seen = sample.position == self._looked_at
        soon = not self.inspector.standing and time.monotonic() - self._looked < _SECONDS
        if self._looked_at != -1 and (seen or soon):
            return
        self._looked_at, self._looked = sample.position, time.monotonic()
        try:
            await self._show(linux, sample.registers)
        except PocketvisorError as error:
            self._problem = str(error)
        else:
            self._problem = ""
            self._looked = time.monotonic()
        self.choose()

    def choose(self) -> None:
        """Without a kernel there is no list to show."""
        super().choose()
        linux = self.inspector.linux
        if not self.inspector.state_words and linux is not None and self._problem:
            if linux.found:
                super().refuse(self._problem)
            else:
                self.nothing.set_words(self.empty_title, f"{self._problem}.")
                self._stack.setCurrentIndex(1)

    def refuse(self, sentence: str) -> None:
        super().refuse(sentence or self._problem)

    async def _show(self, linux: "LinuxView", registers: Mapping[str, int]) -> None:
        """Raises DebugError."""
        page = self.tabs.currentIndex()
        wanted = self.words.text().casefold().split()
        if page == TASKS:
            tasks = await linux.tasks()
            self._current = await linux.current(registers)
            self.tasks.show_rows(
                [task for task in tasks if _fits(wanted, f"{task.pid} {task.name} {task.state}")]
            )
            self._tell(len(tasks), "tasks")
        elif page == MODULES:
            modules = await linux.modules()
            self.modules.show_rows([module for module in modules if _fits(wanted, module.name)])
            self._tell(len(modules), "modules")
        else:
            await self._read_log(wanted)

    async def _read_log(self, wanted: list[str]) -> None:
        linux = self.inspector.linux
        assert linux is not None
        lines = await linux.log(_LOG_LINES)
        table = self.tables[LOG]
        bar = table.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 30
        self.log.show_rows([line for line in lines if _fits(wanted, line.text)])
        if at_end:
            table.scrollToBottom()
        self._tell(len(lines), "lines")

    def _tell(self, count: int, what: str) -> None:
        linux = self.inspector.linux
        assert linux is not None
        current = f", at {self._current.name} ({self._current.pid})" if self._current is not None else ""
        words = f"Linux {linux.release or 'kernel'}: {count} {what}{current}"
        self.told.setText(words + (f" · {linux.problems[0]}" if linux.problems else ""))
        self.told.setToolTip(plain_tip("\n".join((words, *linux.problems))))

    def _open_current(self) -> None:
        self._open(self.tables[self.tabs.currentIndex()].currentIndex())

    def _open(self, index: QModelIndex) -> None:
        """A task's structure, a module's code."""
        if not index.isValid():
            return
        if self.tabs.currentIndex() == TASKS:
            self.inspector.show_memory(self.tasks.rows[index.row()].address)
        elif self.tabs.currentIndex() == MODULES and self.modules.rows[index.row()].base:
            self.inspector.show_code(self.modules.rows[index.row()].base)

    def copy(self) -> None:
        table = self.tables[self.tabs.currentIndex()]
        model = table.model()
        rows = sorted({index.row() for index in table.selectionModel().selectedRows()})
        lines = [
            "\t".join(str(model.index(row, column).data()) for column in range(model.columnCount()))
            for row in rows
        ]
        QGuiApplication.clipboard().setText("\n".join(lines))


_LEVELS = ("emerg", "alert", "crit", "error", "warn", "notice", "info", "debug")


def _fits(wanted: list[str], text: str) -> bool:
    return all(word in text.casefold() for word in wanted)
