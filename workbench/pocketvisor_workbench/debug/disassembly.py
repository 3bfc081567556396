"""Disassembly of the selected guest: follows the program counter, or stays where one went."""

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from pocketvisor.debug.symbols.source_lines import Line
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.debug.code_stretch import CodeStretch
from pocketvisor_workbench.debug.code_view import CodeView
from pocketvisor_workbench.debug.debug_pane import DebugPane, words_box
from pocketvisor_workbench.debug.register_words import is_thumb
from pocketvisor_workbench.widgets import on_keys, tool_button

_TRAIL = 50


class DisassemblyPane(DebugPane):
    name = "disassembly"
    title = "Disassembly"
    picture = "code-braces"
    area = Qt.DockWidgetArea.LeftDockWidgetArea
    empty_title = "No code"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.view = CodeView()
        self.column.addWidget(self.view)
        self.stretch = CodeStretch()
        self.follows = True
        self.trail: list[int] = []
        """Where one came from."""
        self._wanted: int | None = None
        self._extend: bool | None = None
        self.place = words_box("Go to address or symbol", "Address or symbol to show the code of", 190)
        self.place.returnPressed.connect(self._go)
        self.follow = tool_button("crosshairs-gps", "Follow the program counter", checkable=True)
        self.follow.setChecked(True)
        self.follow.toggled.connect(self._set_follow)
        self.back = tool_button("arrow-left", "Back to where you came from (Backspace)")
        self.back.clicked.connect(self.go_back)
        self.source = tool_button("text-long", "Source lines between the instructions", checkable=True)
        self.source.setChecked(True)
        self.source.toggled.connect(self._set_source)
        view = self.view
        view.source_text = self._source_text
        view.stop_toggled.connect(self.toggle)
        view.target_chosen.connect(self.show_address)
        view.more_wanted.connect(self._more)
        view.menu_wanted.connect(self._menu)
        view.executed = self._executed
        self.inspector.code_wanted.connect(self._shown_here)
        self.inspector.stops_changed.connect(self._stops)
        self.inspector.state_changed.connect(self._place_arrow)
        for keys, work in (("Backspace", self.go_back), ("Ctrl+G", self.place.setFocus)):
            on_keys(self, keys, work, children=True)
        self._buttons()

    def tools(self) -> list[QWidget]:
        return [self.place, self.back, self.follow, self.source]

    def forget(self) -> None:
        self.stretch = CodeStretch()
        self.view.set_code([])
        self.view.caret = self.view.pc = self._wanted = None
        self.trail.clear()
        self._buttons()

    # Where one is

    async def look(self) -> None:
        inspector = self.inspector
        sample = inspector.sample
        if sample is None:
            return
        pc = sample.registers.get("pc", 0)
        wanted, extend = self._wanted, self._extend
        self._wanted = self._extend = None
        aim = wanted if wanted is not None else pc if self.follows or not self.view.rows else None
        moves = aim is not None and aim not in self.stretch
        if aim is not None and moves:
            self.stretch.around(aim, inspector.start_of(aim))
        elif extend is not None:
            self.stretch.extend(extend)
        stretch = self.stretch
        pieces = await inspector.read_span(stretch.begin, stretch.end)
        if stretch is not self.stretch:
            return  # another guest was selected meanwhile
        changed = stretch.take(
            pieces,
            thumb=is_thumb(sample.registers),
            symbols=inspector.symbols,
            version=inspector.symbols_version,
        )
        if changed:
            self.view.set_code(self.stretch.lines)
        self._place_arrow()
        if aim is not None:
            self.view.reveal(aim, centre=moves or wanted is not None)
        if wanted is not None:
            self.view.select(wanted)
        elif self.follows and inspector.standing:
            self.view.select(pc)

    def _place_arrow(self) -> None:
        sample = self.inspector.sample
        self.view.pc = sample.registers.get("pc") if sample is not None else None
        self.view.exact = self.inspector.standing
        self.view.viewport().update()

    def show_address(self, address: int) -> None:
        """Goes there, and remembers where one was."""
        here = self.view.caret if self.view.caret is not None else self.view.pc
        if here is not None:
            self.trail = [*self.trail[1 - _TRAIL :], here]
        self.follow.setChecked(False)
        self._wanted = address & ~1
        self._buttons()
        self.inspector.look()

    def _shown_here(self, address: int) -> None:
        self.show_address(address)
        self.view.setFocus()

    def go_back(self) -> None:
        if self.trail:
            self._wanted = self.trail.pop()
            self.follow.setChecked(False)
            self._buttons()
            self.inspector.look()

    def _go(self) -> None:
        text = self.place.text()

        async def work() -> None:
            self._shown_here(await self.inspector.address_of(text))

        if text.strip():
            self.inspector.do("Find code in", work)

    def _set_follow(self, on: bool) -> None:
        self.follows = on
        if on:
            self.inspector.look()

    def _set_source(self, on: bool) -> None:
        self.view.show_source = on
        self.view.refresh_rows()

    def _more(self, before: bool) -> None:
        """Scrolled near an end: by hand, so the view is to stay."""
        if self._extend is None and self.stretch.lines:
            self._extend = before
            self.inspector.look()

    def _buttons(self) -> None:
        self.back.setEnabled(bool(self.trail))

    def _source_text(self, name: str, number: int) -> str:
        symbols = self.inspector.symbols
        return (symbols.source_text(Line(name, number)) or "").strip() if symbols is not None else ""

    def _executed(self, address: int) -> bool | None:
        return self.inspector.executed(address) if self.inspector.executed is not None else None

    # Breakpoints

    def toggle(self, address: int) -> None:
        selected = self.view.selected
        self.inspector.stops.toggle(address, thumb=selected is not None and selected.thumb)

    def _stops(self) -> None:
        self.view.stops = self.inspector.stops.by_address()
        self.view.viewport().update()

    def _menu(self, address: int, at: QPoint) -> None:
        inspector, line = self.inspector, self.view.selected
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        there = address in self.view.stops
        menu.addAction("Remove the breakpoint" if there else "Break here", lambda: self.toggle(address))
        to_here = menu.addAction("Run to here", lambda: inspector.motion.run_to(address))
        to_here.setEnabled(inspector.alive and not inspector.busy)
        target = line.target if line is not None else None
        if target is not None:
            menu.addAction(
                f"Go to {inspector.label(target) or f'{target:#010x}'}", lambda: self.show_address(target)
            )
        menu.addAction("Show in memory", lambda: inspector.show_memory(address))
        menu.addSeparator()
        menu.addAction("Copy the address", lambda: QGuiApplication.clipboard().setText(f"{address:#010x}"))
        if line is not None:
            text = f"{line.address:08x}  {line.raw}  {line.text}"
            menu.addAction("Copy the line", lambda: QGuiApplication.clipboard().setText(text))
        menu.popup(at)
