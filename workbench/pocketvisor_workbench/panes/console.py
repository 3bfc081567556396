"""The serial consoles: one terminal a guest, typed into as it is; search, copy, clear, save."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from pocketvisor.api import GuestState
from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.console_feed import ConsoleFeed
from pocketvisor_workbench.panes.pane_base import Pane
from pocketvisor_workbench.swatch import swatch
from pocketvisor_workbench.terminal_view import TerminalView
from pocketvisor_workbench.widgets import EmptyState, tool_button

if TYPE_CHECKING:
    from pocketvisor.api import Guest


class ConsolePane(Pane):
    name = "console"
    title = "Console"
    picture = "console"
    area = Qt.DockWidgetArea.BottomDockWidgetArea

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.feeds: dict[Guest, ConsoleFeed] = {}
        self._guest: Guest | None = None
        self.view = TerminalView()
        self.view.asleep = lambda: self._guest is not None and self._guest.state is GuestState.PAUSED
        self.chooser = QComboBox()
        self.chooser.setAccessibleName("Guest whose console is shown")
        self.chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.chooser.setMinimumContentsLength(6)
        self.chooser.activated.connect(self._chosen)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find in the console")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._find)
        self.search.returnPressed.connect(lambda: self.view.next_match(-1))
        self._found = QLabel()
        self._found.setObjectName("muted")
        self._bar = QWidget()
        bar = QHBoxLayout(self._bar)
        bar.setContentsMargins(8, 4, 8, 4)
        bar.addWidget(self.search, 1)
        bar.addWidget(self._found)
        for picture, tip, step in (("chevron-up", "Previous match", -1), ("chevron-down", "Next match", 1)):
            button = tool_button(picture, tip)
            button.clicked.connect(lambda _=False, step=step: self.view.next_match(step))
            bar.addWidget(button)
        close = tool_button("close", "Close the search")
        close.clicked.connect(lambda: self.show_search(False))
        bar.addWidget(close)
        self._bar.hide()
        whole = QWidget()
        layout = QVBoxLayout(whole)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._bar)
        layout.addWidget(self.view, 1)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(whole)
        self._stack.addWidget(
            EmptyState("console", "No console", "A guest's serial console appears here when it is started.")
        )
        session = bench.session
        session.guest_added.connect(self._added)
        session.guest_removed.connect(self._removed)
        session.selection_changed.connect(self._follow)
        for guest in session.guests:
            self._added(guest)
        self._follow()
        self._choose()

    @property
    def guest(self) -> "Guest | None":
        """The one whose console is shown."""
        return self._guest

    def tools(self) -> list[QWidget]:
        find = tool_button("magnify", "Find in the console")
        find.clicked.connect(lambda: self.show_search(self._bar.isHidden()))
        copy = tool_button("content-copy", "Copy the selection, or all (Ctrl+Shift+C)")
        copy.clicked.connect(self.view.copy)
        save = tool_button("content-save-outline", "Save the console's text")
        save.clicked.connect(self.save)
        clear = tool_button("delete-outline", "Clear the console")
        clear.clicked.connect(self.clear)
        return [self.chooser, find, copy, save, clear]

    def show_guest(self, guest: "Guest") -> None:
        if guest not in self.feeds or guest is self._guest:
            return
        self._guest = guest
        self.chooser.setCurrentIndex(self.chooser.findData(guest.id))
        self.view.show_terminal(self.feeds[guest].terminal, self.feeds[guest].type)

    def show_search(self, shown: bool) -> None:
        self._bar.setVisible(shown)
        if shown:
            self.search.setFocus()
            self.search.selectAll()
        else:
            self.search.clear()
            self.view.setFocus()

    def clear(self) -> None:
        if self._guest is not None:
            self.feeds[self._guest].terminal.clear()
            self.view.refresh()

    def save(self) -> None:
        if self._guest is None:
            return
        dialog = QFileDialog(self, "Save the console's text")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.selectFile(f"{self._guest.name}-console.txt".lower().replace(" ", "-"))
        dialog.fileSelected.connect(self.save_to)
        dialog.open()

    def save_to(self, path: str) -> None:
        if self._guest is None:
            return
        log = self.bench.session.log
        try:
            Path(path).write_text(self.feeds[self._guest].terminal.text() + "\n", encoding="utf-8")
        except OSError as error:
            log.error(OSError(f"{path}: the console could not be saved: {error.strerror}"), self._guest.name)
            return
        log.add(f"The console was saved to {path}", source=self._guest.name, notice=True)

    def _find(self, words: str) -> None:
        count = self.view.search(words)
        self._found.setText(f"{count} found" if words else "")

    def _added(self, guest: "Guest") -> None:
        if guest in self.feeds:
            return
        self.feeds[guest] = ConsoleFeed(guest, self)
        self.chooser.addItem(swatch(accent_of(guest)), f"{guest.name} on {guest.handset.name}", guest.id)
        if self._guest is None:
            self.show_guest(guest)
        self._choose()

    def _removed(self, guest: "Guest") -> None:
        feed = self.feeds.pop(guest, None)
        if feed is None:
            return
        feed.close()
        feed.deleteLater()
        self.chooser.removeItem(self.chooser.findData(guest.id))
        if self._guest is guest:
            self._guest = None
            self.view.show_terminal(None, None)
            if self.feeds:
                self.show_guest(next(iter(self.feeds)))
        self._choose()

    def _chosen(self, index: int) -> None:
        ident = self.chooser.itemData(index)
        self.show_guest(next(guest for guest in self.feeds if guest.id == ident))

    def _follow(self) -> None:
        """The console follows the selected guest, unless somebody types into this one."""
        if self.bench.session.guest is not None and not self.view.hasFocus():
            self.show_guest(self.bench.session.guest)

    def _choose(self) -> None:
        self._stack.setCurrentIndex(0 if self.feeds else 1)
        self.chooser.setVisible(bool(self.feeds))
