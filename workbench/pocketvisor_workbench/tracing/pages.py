"""The page tables of the selected guest: what an address becomes, step by step, and what is mapped at all."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QStackedLayout, QVBoxLayout, QWidget

from pocketvisor.debug.page_tables import RANGES_MAX, PageTables, Range, Step, Walk
from pocketvisor.errors import DebugError
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.debug.debug_pane import DebugPane, plain_table, words_box
from pocketvisor_workbench.debug.rows_model import Column, RowsModel
from pocketvisor_workbench.tracing.segments import Segments
from pocketvisor_workbench.widgets import tool_button

_STEPS: tuple[Column[Step], ...] = (
    Column("Level", lambda step: str(step.level), muted=True),
    Column("Descriptor at", lambda step: f"{step.address:#010x}", mono=True),
    Column("Descriptor", lambda step: f"{step.descriptor:#010x}", mono=True),
    Column("Meaning", lambda step: step.meaning),
)
_RANGES: tuple[Column[Range], ...] = (
    Column("Virtual", lambda each: f"{each.address:08x}-{each.end - 1:08x}", mono=True),
    Column("Physical", lambda each: f"{each.physical:08x}", mono=True),
    Column("Size", lambda each: amount_words(each.size)),
    Column("Kernel", lambda each: each.rights.privileged, mono=True),
    Column("User", lambda each: each.rights.user, mono=True),
    Column("Pages of", lambda each: amount_words(each.page), muted=True),
    Column("Memory", lambda each: each.memory, muted=True),
)


_VIEWS = (("Walk", "stairs"), ("Map", "map-outline"))
_WALK, _MAP = range(2)


class PagesPane(DebugPane):
    name = "pages"
    title = "Page tables"
    picture = "table-network"
    empty_title = "No page tables"
    waits = True

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.segments = Segments(_VIEWS, "An address, or all that is mapped")
        self.address = words_box("Address or expression", "Address to translate", 170)
        self.address.setParent(self)  # until it is in the title bar: it is shown before
        self.address.setText("$pc")
        self.address.returnPressed.connect(self._again)
        self.verdict = QLabel()
        self.verdict.setWordWrap(True)
        self.verdict.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.steps = RowsModel(_STEPS, self)
        self._step_table = plain_table(self.steps, "Steps of the walk", (58, 108, 100))
        self._step_table.doubleClicked.connect(
            lambda index: self.inspector.show_memory(self.steps.rows[index.row()].address, physical=True)
        )
        self.ranges = RowsModel(_RANGES, self)
        self.table = plain_table(self.ranges, "What is mapped", (152, 84, 70, 58, 52, 74))
        self.table.doubleClicked.connect(lambda index: self._translate(self.ranges.rows[index.row()].address))
        self.words = QLabel()
        self.words.setObjectName("muted")
        self.words.setWordWrap(True)
        self.read = tool_button("refresh", "Read what is mapped", self)
        self.read.clicked.connect(self.read_map)
        self._place()
        self.inspector.state_changed.connect(self._stale)

    def _place(self) -> None:
        walk, mapped = QWidget(), QWidget()
        head, rows = QVBoxLayout(walk), QVBoxLayout(mapped)
        for layout in (head, rows):
            layout.setContentsMargins(0, 6, 0, 0)
            layout.setSpacing(4)
        for words in (self.verdict, self.words):
            words.setContentsMargins(12, 0, 12, 0)
        head.addWidget(self.verdict)
        head.addWidget(self._step_table, 1)
        rows.addWidget(self.words)
        rows.addWidget(self.table, 1)
        self._views = QStackedLayout()
        self.column.addLayout(self._views, 1)  # before it has views: it shows them, and they were windows
        self._views.addWidget(walk)
        self._views.addWidget(mapped)
        self.segments.chosen.connect(self._show)
        self._show(0)

    def tools(self) -> list[QWidget]:
        return [self.segments, self.address, self.read]

    def _show(self, index: int) -> None:
        self._views.setCurrentIndex(index)
        self.address.setVisible(index == _WALK)
        self.read.setVisible(index == _MAP)
        if index == _MAP and not self.ranges.rows:
            self.read_map()

    def forget(self) -> None:
        self.steps.show_rows([])
        self.ranges.show_rows([])
        self.verdict.setText("")
        self.words.setText("")

    def _tables(self) -> PageTables | None:
        debugger, sample = self.inspector.debugger, self.inspector.sample
        return PageTables(sample.registers, debugger) if debugger is not None and sample is not None else None

    async def look(self) -> None:
        tables = self._tables()
        if tables is None:
            return
        if not self.ranges.rows:
            self.words.setText(f"{tables.described()}.")
        asked = self.address.text()
        try:
            walk = await tables.walk(await self.inspector.address_of(asked or "$pc"))
            words, steps = walk_words(walk), walk.steps
        except DebugError as error:
            words, steps = str(error), []
        if asked == self.address.text():  # else another look is on its way
            self.verdict.setText(words)
            self.steps.show_rows(steps)

    def _again(self) -> None:
        self.inspector.do("Translate an address of", self.look)

    def _translate(self, address: int) -> None:
        self.segments.set_index(_WALK)
        self._show(_WALK)
        self.address.setText(f"{address:#x}")
        self._again()

    def _stale(self) -> None:
        """The map is of the moment when it was read; of a guest that has gone on it is said to be old."""
        if self.ranges.rows and not self.inspector.standing and " as read " not in self.words.text():
            self.words.setText(f"{self.words.text()} It is as read when the button was pressed.")

    def read_map(self) -> None:
        tables = self._tables()
        if tables is None:
            return

        async def work() -> None:
            self.words.setText("Reading the tables")
            try:
                found = await tables.ranges()
            except DebugError as error:
                self.words.setText(str(error))
                return
            self.ranges.show_rows(found)
            total = amount_words(sum(each.size for each in found))
            cut = f", cut at {RANGES_MAX} ranges" if len(found) >= RANGES_MAX else ""
            self.words.setText(f"{tables.described()}. {len(found)} ranges map {total}{cut}.")

        self.inspector.do("Read the page tables of", work)


def walk_words(walk: Walk) -> str:
    if walk.physical is None:
        return f"{walk.address:#010x} is not mapped: {walk.sentence}"
    whole = [f"{walk.address:#010x} is {walk.physical:#010x}"]
    if walk.steps:
        whole.append(f"{amount_words(walk.size)}, {walk.rights}, {walk.memory}")
    if walk.domain is not None:
        whole.append(f"domain {walk.domain} ({walk.domain_access})")
    if walk.steps and not walk.global_:
        whole.append("of this process alone")
    return ", ".join(whole)


def amount_words(size: int) -> str:
    """An exact power's own unit, as page sizes are called."""
    for unit, least in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= least:
            amount = size / least
            return f"{amount:.0f} {unit}" if amount == int(amount) else f"{amount:.1f} {unit}"
    return f"{size} B"
