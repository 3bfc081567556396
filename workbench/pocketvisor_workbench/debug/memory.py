"""The selected guest's memory in hexadecimal: by virtual or physical address, typed over, searched."""

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QMenu, QWidget

from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.debug.debug_pane import DebugPane, words_box
from pocketvisor_workbench.debug.hex_view import HexView
from pocketvisor_workbench.debug.memory_search import Search, needle_of
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.widgets import ElidedLabel, on_keys, tool_button

_GROUPS = ((1, "Bytes"), (2, "Halfwords"), (4, "Words"))


class MemoryPane(DebugPane):
    name = "memory"
    title = "Memory"
    picture = "memory"
    area = Qt.DockWidgetArea.LeftDockWidgetArea
    empty_title = "No memory"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.view = HexView()
        self.physical = False
        self._gone_anywhere = False
        self._search: Job | None = None
        self.place = words_box("Go to address, symbol, $sp+8…", "Address to show the memory at", 190)
        self.place.returnPressed.connect(self._go)
        self.kind = QComboBox()
        self.kind.addItems(["Virtual", "Physical"])
        self.kind.setAccessibleName("Virtual or physical addresses")
        self.kind.currentIndexChanged.connect(lambda index: self.set_physical(index == 1))
        self.groups = QComboBox()
        for size, words in _GROUPS:
            self.groups.addItem(words, size)
        self.groups.setAccessibleName("Bytes that are shown as one number")
        self.groups.currentIndexChanged.connect(lambda _: self.view.set_group(self.groups.currentData()))
        self.finder = tool_button("magnify", "Search the memory (Ctrl+F)")
        self.finder.clicked.connect(lambda: self.show_search(self.bar.isHidden()))
        self.column.addWidget(self._make_bar())
        self.column.addWidget(self.view, 1)
        self.column.addWidget(self._make_foot())
        self.view.typed.connect(self._typed)
        self.view.place_changed.connect(self.inspector.look)
        self.view.cursor_changed.connect(self._tell)
        self.view.menu_wanted.connect(self._menu)
        self.inspector.memory_wanted.connect(self.show_address)
        on_keys(self.view, QKeySequence.StandardKey.Copy, self.copy)
        on_keys(self, QKeySequence.StandardKey.Find, lambda: self.show_search(True), children=True)
        on_keys(self, "Ctrl+G", self.place.setFocus, children=True)

    def tools(self) -> list[QWidget]:
        return [self.place, self.kind, self.groups, self.finder]

    def _make_bar(self) -> QWidget:
        self.bar = QWidget()
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(8, 4, 8, 4)
        self.needle = words_box('"text", bytes as 0a 1b 2c, or a number as 0xc0ffee', "What to search for")
        self.needle.returnPressed.connect(self.search_on)
        self.told = QLabel()
        self.told.setObjectName("muted")
        row.addWidget(self.needle, 1)
        row.addWidget(self.told)
        following = tool_button("chevron-down", "Search on (Enter)")
        following.clicked.connect(self.search_on)
        close = tool_button("close", "Close the search (Escape)")
        close.clicked.connect(lambda: self.show_search(False))
        row.addWidget(following)
        row.addWidget(close)
        on_keys(self.bar, "Escape", lambda: self.show_search(False), children=True)
        self.bar.hide()
        return self.bar

    def _make_foot(self) -> QWidget:
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.setContentsMargins(10, 2, 10, 4)
        self.here = ElidedLabel()
        self.here.setObjectName("muted")
        row.addWidget(self.here, 1)
        return foot

    def forget(self) -> None:
        self._gone_anywhere = False
        self.view.pending = {}
        self.view.found = range(0)
        self.view.show_memory({}, set())
        self._stop_search()

    # Looking

    async def look(self) -> None:
        inspector, view = self.inspector, self.view
        if inspector.debugger is None or inspector.sample is None:
            return
        if not self._gone_anywhere:
            self._gone_anywhere = True
            view.go_to(inspector.sample.registers.get("sp", 0) & ~0xF)
        span, physical = view.span(), self.physical
        memory: dict[int, int] = {}
        for address, data in await inspector.read_span(span.start, span.stop, physical=physical):
            memory.update(zip(range(address, address + len(data)), data, strict=True))
        if physical is not self.physical:
            return
        before = view.memory
        changed = {at for at, byte in memory.items() if at in before and before[at] != byte}
        if inspector.standing and not changed:
            changed = view.changed & set(memory)  # a look without a step says nothing new
        view.editable = inspector.alive
        view.show_memory(memory, changed)
        self._tell()

    def set_physical(self, physical: bool) -> None:
        if physical is not self.physical:
            self.physical = physical
            self.kind.setCurrentIndex(int(physical))
            self.view.pending = {}
            self.view.show_memory({}, set())
            self.inspector.look()

    def show_address(self, address: int, physical: bool = False) -> None:
        self._gone_anywhere = True
        self.set_physical(physical)
        self.view.go_to(address)
        self.view.setFocus()
        self.inspector.look()

    def _go(self) -> None:
        text = self.place.text()

        async def work() -> None:
            self.show_address(await self.inspector.address_of(text), self.physical)

        if text.strip():
            self.inspector.do("Find memory in", work)

    def _tell(self) -> None:
        """What stands at the cursor, read in the usual ways."""
        view = self.view
        at = view.caret
        data = bytes(view.memory.get(at + n, 0) for n in range(4))
        words = f"{at:#010x}"
        if not self.physical and (label := self.inspector.label(at)):
            words += f" {label}"
        if at not in view.memory:
            words += "   nothing is mapped here" if view.memory else ""
        else:
            word = int.from_bytes(data, "little")
            half = int.from_bytes(data[:2], "little", signed=True)
            words += f"   u32 {word:#x} = {word}   i16 {half}   u8 {data[0]}"
            if word > 0xFFF and (label := self.inspector.label(word)):
                words += f"   → {label}"
        if len(view.selection) > 1:
            words += f"   {len(view.selection)} bytes selected"
        self.here.setText(words)

    # Changing

    def _typed(self, address: int, byte: int) -> None:
        debugger, physical = self.inspector.debugger, self.physical
        if debugger is not None:
            self.inspector.do(
                "Write memory of", lambda: self._put(debugger.write, address, bytes([byte]), physical)
            )

    async def _put(self, write: object, address: int, data: bytes, physical: bool) -> None:
        try:
            await write(address, data, physical=physical)  # type: ignore[operator]
        finally:
            self.view.pending.pop(address, None)

    def copy(self) -> None:
        QGuiApplication.clipboard().setText(self.view.selected_bytes().hex(" "))

    @property
    def chosen(self) -> tuple[int, int]:
        """Address and size of what is selected; a word at the caret where that is one byte."""
        selection = self.view.selection
        size = len(selection) if len(selection) > 1 else self.view.group if self.view.group > 1 else 4
        return selection.start, size

    def _menu(self, at: QPoint) -> None:
        inspector, view = self.inspector, self.view
        start, size = self.chosen
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        where = f"{size} bytes at {start:#010x}"
        physical = self.physical
        menu.addAction(
            f"Stop at writes to {where}",
            lambda: inspector.stops.add("write", start, size, physical=physical),
        )
        menu.addAction(
            f"Stop at accesses to {where}",
            lambda: inspector.stops.add("access", start, size, physical=physical),
        )
        last = menu.addAction(
            f"Go back to the last write to {where}",
            lambda: inspector.motion.last_write(start, size, physical=physical),
        )
        last.setEnabled(inspector.can_reverse)
        menu.addSeparator()
        pointer = int.from_bytes(bytes(view.memory.get(start + n, 0) for n in range(4)), "little")
        menu.addAction(f"Memory at {pointer:#010x}", lambda: self.show_address(pointer))
        menu.addAction(f"Code at {pointer:#010x}", lambda: inspector.show_code(pointer))
        menu.addSeparator()
        menu.addAction("Copy the bytes", self.copy)
        menu.addAction("Copy the address", lambda: QGuiApplication.clipboard().setText(f"{start:#010x}"))
        menu.popup(at)

    # Searching

    def show_search(self, shown: bool) -> None:
        self.bar.setVisible(shown)
        if shown:
            self.needle.setFocus()
            self.needle.selectAll()
        else:
            self._stop_search()
            self.view.found = range(0)
            self.view.setFocus()

    def _stop_search(self) -> None:
        if self._search is not None:
            self._search.cancel()
            self._search = None

    def search_on(self) -> None:
        """From behind the cursor on, and around to it again."""
        debugger = self.inspector.debugger
        wanted = needle_of(self.needle.text())
        if wanted is None:
            self.told.setText("Text in quotes, or hex digits")
            return
        sample, guest = self.inspector.sample, self.inspector.guest
        if debugger is None or sample is None or guest is None:
            return
        self._stop_search()
        self.told.setText("Searching…")
        search = Search(debugger, wanted, sample.registers, guest.ram_mib << 20, physical=self.physical)
        start = self.view.caret + (1 if self.view.found else 0)

        async def work() -> None:
            found = await search.find(start)
            if found is None:
                self.told.setText("Not found")
                self.view.found = range(0)
            else:
                self.told.setText(f"At {found:#010x}")
                self.view.found = range(found, found + len(wanted))
                self.view.go_to(found)

        self._search = self.inspector.do("Search the memory of", work)
