"""The selected guest's profile: where it is kept, its history in pictures, saving, going back, the vault."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from pocketvisor.errors import ProfileError
from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.history import History, read_history
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.keeping import profile_of
from pocketvisor_workbench.panes.history_list import HistoryList
from pocketvisor_workbench.panes.pane_base import Pane
from pocketvisor_workbench.panes.profile_head import ProfileHead
from pocketvisor_workbench.panes.profile_vault import VaultPart
from pocketvisor_workbench.widgets import EmptyState, push_button, tool_button

if TYPE_CHECKING:
    from pocketvisor.api import Guest

_NO_GUEST, _NOT_KEPT, _KEPT, _UNREADABLE = range(4)


class ProfilesPane(Pane):
    name = "profiles"
    title = "Profiles"
    picture = "content-save-outline"
    area = Qt.DockWidgetArea.RightDockWidgetArea

    restore_wanted = Signal(object, object)
    rename_wanted = Signal(object, object)
    delete_wanted = Signal(object, object)

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.setMinimumWidth(262)
        self._guest: Guest | None = None
        self._reading = False
        self._again = False
        self.history: History | None = None
        self.head = ProfileHead(bench)
        self.list = HistoryList()
        self.vault = VaultPart(bench)
        self.autosaves = tool_button("clock-outline", "Show autosaves too", checkable=True)
        self.autosaves.setChecked(True)
        self.autosaves.toggled.connect(lambda _: self._show_history())
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._make_no_guest())
        self._stack.addWidget(self._make_not_kept())
        self._stack.addWidget(self._make_kept())
        self._problem = EmptyState("file-alert-outline", "Its profile cannot be read", "")
        self._stack.addWidget(self._problem)
        self.list.selectionModel().currentChanged.connect(lambda *_: self._enable())
        self.list.customContextMenuRequested.connect(self._menu)
        self.list.asked.connect(self._ask)
        session = bench.session
        session.selection_changed.connect(self._select)
        session.state_changed.connect(lambda guest: self._refresh() if guest is self._guest else None)
        session.policies.changed.connect(lambda guest: self._show_history() if guest is self._guest else None)
        session.keeping.changed.connect(lambda guest: self._changed() if guest is self._guest else None)
        self._select()

    def tools(self) -> list[QWidget]:
        open_file = tool_button("folder-open-outline", "Run a profile from a file")
        open_file.clicked.connect(lambda: self.bench.trigger("profile.open"))
        return [self.autosaves, open_file]

    # Parts

    def _make_no_guest(self) -> QWidget:
        run = push_button("Run a profile…", "folder-open-outline")
        run.clicked.connect(lambda: self.bench.trigger("profile.open"))
        return EmptyState(
            "content-save-outline", "No guest", "Start one, or run a profile on a phone.", button=run
        )

    def _make_not_kept(self) -> QWidget:
        keep = push_button("Keep it in a profile…", "content-save-outline", primary=True)
        keep.clicked.connect(lambda: self.bench.trigger("profile.keep"))
        self.not_kept = EmptyState(
            "content-save-off-outline",
            "Not kept anywhere",
            "What is on this phone is gone when it ends. A profile keeps all of it in one file.",
            button=keep,
        )
        return self.not_kept

    def _make_kept(self) -> QWidget:
        self.restore = push_button("Restore", "backup-restore")
        self.restore.setToolTip("Go back to this generation; the others stay (Enter)")
        self.restore.clicked.connect(lambda: self._ask("restore"))
        self.restore.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.clone = tool_button("content-copy", "A second guest, from this moment on")
        self.clone.clicked.connect(lambda: self.bench.trigger("profile.clone"))
        self.rename = tool_button("pencil-outline", "Name this generation (F2)")
        self.rename.clicked.connect(lambda: self._ask("rename"))
        self.export = tool_button("export-variant", "Save a copy of the profile elsewhere")
        self.export.clicked.connect(lambda: self.bench.trigger("profile.export"))
        self.delete = tool_button("trash-can-outline", "Delete this generation (Delete)")
        self.delete.clicked.connect(lambda: self._ask("delete"))
        row = QHBoxLayout()
        row.setContentsMargins(14, 0, 14, 0)
        row.setSpacing(4)
        row.addWidget(self.restore, 1)
        for tool in (self.rename, self.delete, self.clone, self.export):
            row.addWidget(tool)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 12, 0, 10)
        layout.setSpacing(8)
        self.head.setContentsMargins(14, 0, 14, 0)
        self.vault.setContentsMargins(10, 0, 14, 0)
        layout.addWidget(self.head)
        layout.addWidget(self.list, 1)
        layout.addLayout(row)
        layout.addWidget(self.vault)
        return body

    # What is shown

    def _select(self) -> None:
        guest = self.bench.session.guest
        if guest is not self._guest:
            self._guest = guest
            self.history = None
            self._show_history()
        self._changed()

    def _changed(self) -> None:
        """The guest, or its profile, is another or was saved."""
        self._refresh()
        if profile_of(self._guest) is not None:
            self._read()

    def _refresh(self) -> None:
        guest, profile = self._guest, profile_of(self._guest)
        if guest is None:
            self._stack.setCurrentIndex(_NO_GUEST)
            return
        if profile is None:
            self._stack.setCurrentIndex(_NOT_KEPT)
            self.not_kept.set_words(
                f"{guest.name} is not kept anywhere",
                "What is on it is gone when it ends. A profile keeps all of it in one file.",
            )
            return
        if self._stack.currentIndex() != _UNREADABLE:
            self._stack.setCurrentIndex(_KEPT)
        self.head.show_guest(guest)
        self.vault.show_path(profile.path)
        self._enable()

    def _read(self) -> None:
        """The history anew, in a thread; asked again meanwhile, once more."""
        if self._reading:
            self._again = True
            return
        guest, profile = self._guest, profile_of(self._guest)
        if guest is None or profile is None:
            return
        self._reading = True
        known = self.history.pictures if self.history is not None else {}

        async def work(_: Job) -> None:
            try:
                history = await asyncio.to_thread(read_history, profile.file, known)
                self._take(guest, history, "")
            except ProfileError as error:
                self._take(guest, None, str(error))
            finally:
                self._reading = False
            if self._again:
                self._again = False
                self._read()

        self.bench.session.run(f"Read {profile.path.name}", work, shown=False)

    def _take(self, guest: "Guest", history: History | None, problem: str) -> None:
        if guest is not self._guest:
            self._again = True
            return
        self.history = history
        self._problem.set_words("Its profile cannot be read", problem)
        self._stack.setCurrentIndex(_UNREADABLE if history is None else _KEPT)
        self._show_history()

    def _show_history(self) -> None:
        guest = self._guest
        if guest is None:
            return
        self.head.show_history(self.history)
        history = self.history
        if history is not None and self.bench.session.policies.is_locked(guest):
            history = replace(history, pictures={})  # nothing that is on it is shown
        self.list.show_history(history, accent_of(guest), autosaves=self.autosaves.isChecked())
        self._enable()

    def _enable(self) -> None:
        chosen = self.list.chosen
        whole = chosen is not None and not chosen.damaged
        current = chosen is not None and chosen.number == self.list.history.head
        self.restore.setEnabled(whole)
        self.rename.setEnabled(whole)
        self.delete.setEnabled(chosen is not None and not current)
        self.clone.setEnabled(self._guest is not None and self._guest.state in ("running", "paused"))

    # What is asked for

    def _ask(self, what: str) -> None:
        """Restoring, naming or deleting the chosen generation, where that can be."""
        button: QAbstractButton = getattr(self, what)
        if self.list.chosen is not None and self._guest is not None and button.isEnabled():
            getattr(self, f"{what}_wanted").emit(self._guest, self.list.chosen)

    def _menu(self, at: QPoint) -> None:
        if self.list.chosen is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for words, what in (("Restore", "restore"), ("Name it…", "rename"), ("Delete", "delete")):
            action = menu.addAction(words)
            action.setEnabled(getattr(self, what).isEnabled())
            action.triggered.connect(lambda _=False, what=what: self._ask(what))
        menu.popup(self.list.viewport().mapToGlobal(at))
