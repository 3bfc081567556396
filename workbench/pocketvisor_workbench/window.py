"""The main window: the stage in the middle, docks around it, and the commands wired to menus and keys."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QCoreApplication, QEvent, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QCloseEvent, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QFileDialog, QMainWindow, QMenu, QTabWidget

from pocketvisor.api import GuestState
from pocketvisor_workbench.attack.desk import AttackDesk
from pocketvisor_workbench.banners import Banner, Banners
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.commands import COMMANDS, MENUS, Command
from pocketvisor_workbench.debug.all_panes import DEBUG_PANES
from pocketvisor_workbench.debug.debug_desk import DebugDesk
from pocketvisor_workbench.dialogs.about import AboutDialog, ConfirmDialog, DetailsDialog, ShortcutsDialog
from pocketvisor_workbench.dialogs.add_guest import AddGuestDialog
from pocketvisor_workbench.dialogs.add_handset import AddHandsetDialog
from pocketvisor_workbench.dock_sizes import LEAST_STAGE, DockSizes
from pocketvisor_workbench.docks import PaneDock, arrange, restore_docks, save_docks
from pocketvisor_workbench.fetching import fetch_image
from pocketvisor_workbench.icons import icon, retint
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.log import Level
from pocketvisor_workbench.palette_box import PaletteBox
from pocketvisor_workbench.panes import PANES
from pocketvisor_workbench.panes.library import LibraryPane
from pocketvisor_workbench.perspectives import ARRANGEMENTS, Perspective
from pocketvisor_workbench.policy.all_panes import POLICY_PANES
from pocketvisor_workbench.policy.guarded import Guarded
from pocketvisor_workbench.policy.policy_desk import PolicyDesk
from pocketvisor_workbench.profile_desk import ProfileDesk
from pocketvisor_workbench.resources.all_panes import RESOURCE_PANES
from pocketvisor_workbench.resources.desk import ResourcesDesk
from pocketvisor_workbench.settings import Settings
from pocketvisor_workbench.stage.stage import Stage, View
from pocketvisor_workbench.theme import ThemeMode
from pocketvisor_workbench.timeline.desk import TimeDesk
from pocketvisor_workbench.toolbar import HeaderBar
from pocketvisor_workbench.tracing.all_panes import TRACING_PANES
from pocketvisor_workbench.travel_desk import TravelDesk
from pocketvisor_workbench.widgets import tool_button

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset

DEFAULT_MODEL = "nexus-one"


class Window(QMainWindow):
    """Everything that a command does to the window is a method here."""

    closed = Signal()

    def __init__(self, bench: Bench, settings: Settings) -> None:
        super().__init__()
        self.bench = bench
        self.session = bench.session
        self.settings = settings
        bench.theme.set_mode(_mode(settings.text("theme", "system")))  # before there is anything to restyle
        self.perspective = Perspective.DEVELOP
        self.stage: Stage = Stage(self.session)
        self._docks_before_demo: tuple[QByteArray, frozenset[str]] | None = None
        self.setWindowTitle("Pocketvisor")
        self.setObjectName("workbench")
        self.setMinimumSize(720, 480)
        self.setDockOptions(
            QMainWindow.DockOption.AnimatedDocks
            | QMainWindow.DockOption.AllowNestedDocks
            | QMainWindow.DockOption.AllowTabbedDocks
        )
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        self.stage.setMinimumSize(*LEAST_STAGE)
        self.setCentralWidget(self.stage)
        self.docks: dict[str, PaneDock] = {}
        for pane_class in (*PANES, *DEBUG_PANES, *TRACING_PANES, *RESOURCE_PANES, *POLICY_PANES):
            dock = PaneDock(pane_class, bench, self)
            self.docks[pane_class.name] = dock
            self.addDockWidget(pane_class.area, dock)
        self.dock_sizes = DockSizes(self)
        self.actions_by_ident: dict[str, QAction] = {}
        self.time_desk = TimeDesk(self)
        self.guarded = Guarded(self)
        self._make_actions()
        bench.trigger = self.trigger
        self.header = HeaderBar(self, self.actions_by_ident)
        self.addToolBar(self.header)
        self.debug_desk = DebugDesk(self)
        self._make_menus()
        self.palette_box = PaletteBox(self)
        self.banners = Banners(self.stage)
        self._leave_demo = tool_button("close", "Leave the demo (Ctrl+Shift+1)", self.stage)
        self._leave_demo.clicked.connect(lambda: self.set_view(View.GRID))
        self._leave_demo.hide()
        self._connect()
        self.desk = ProfileDesk(self)
        self.travel_desk = TravelDesk(self)
        self.attack_desk = AttackDesk(self)
        self.resources_desk = ResourcesDesk(self)
        self.policy_desk = PolicyDesk(self)
        self.resize(1440, 900)
        self.refresh_actions()

    def _connect(self) -> None:
        self.session.changed.connect(self.refresh_actions)
        self.session.log.notice.connect(self.banners.show_entry)
        self.banners.changed.connect(self.refresh_actions)
        self.banners.keyboard_free.connect(self.focus_foreground)
        self.bench.theme.changed.connect(self._theme_changed)
        stage = self.stage
        stage.add_handset_wanted.connect(self.open_add_handset)
        stage.add_guest_wanted.connect(self.open_add_guest)
        stage.model_dropped.connect(lambda ident: self.session.add_handset(self.session.models[ident]))
        stage.image_dropped.connect(self.start_image)
        stage.files_dropped.connect(lambda handset, files: self.open_add_guest(handset, files=files))
        stage.media_dropped.connect(self.session.put_files)
        stage.handset_menu_wanted.connect(self._handset_menu)
        stage.guest_menu_wanted.connect(self._guest_menu)
        stage.receive_wanted.connect(lambda handset: self.travel_desk.open_receive(handset))
        stage.view_changed.connect(self.refresh_actions)
        stage.leave_demo_wanted.connect(lambda: self.set_view(View.GRID))
        library = self.docks["library"].pane
        assert isinstance(library, LibraryPane)
        library.image_chosen.connect(lambda ident: self.start_image(None, ident))
        library.fetch_wanted.connect(lambda ident: self.start_image(None, ident))
        library.model_chosen.connect(lambda ident: self.session.add_handset(self.session.models[ident]))

    # Commands, menus and keys

    def _make_actions(self) -> None:
        for command in COMMANDS:
            action = QAction(command.title, self)
            action.setObjectName(command.ident)
            if command.keys:
                action.setShortcut(QKeySequence(command.keys))
                action.setShortcutContext(Qt.ShortcutContext.ApplicationShortcut)
                action.setToolTip(command.tip)
            action.setCheckable(command.checked is not None)
            action.triggered.connect(lambda _=False, command=command: self._run(command))
            self.addAction(action)
            self.actions_by_ident[command.ident] = action
        self._tint_actions()

    def _make_menus(self) -> None:
        for name in MENUS:
            menu = self.menuBar().addMenu(name)
            self.guarded.explain_in(menu)
            for command in COMMANDS:
                if command.menu == name:
                    menu.addAction(self.actions_by_ident[command.ident])
            if name == "View":
                menu.addSeparator()
                for dock in self.docks.values():
                    menu.addAction(dock.toggleViewAction())

    def _run(self, command: Command) -> None:
        if command.possible(self):
            refusal = command.refused(self)
            if refusal:
                self.session.log.refuse(refusal, self.session.guest)
            else:
                command.run(self)
        self.refresh_actions()

    def trigger(self, ident: str) -> None:
        """Runs a command by its id."""
        self._run(next(command for command in COMMANDS if command.ident == ident))

    def refresh_actions(self) -> None:
        for command in COMMANDS:
            action = self.actions_by_ident[command.ident]
            self.guarded.show(command, action)
            if command.checked is not None:
                action.setChecked(command.checked(self))
        self.debug_desk.share_keys()

    def _tint_actions(self) -> None:
        for command in COMMANDS:
            if command.picture:
                self.actions_by_ident[command.ident].setIcon(icon(command.picture, "muted"))

    def _theme_changed(self) -> None:
        self._tint_actions()
        retint()
        self.refresh_actions()

    # Views and layout

    def set_view(self, view: View) -> None:
        """Demo takes the whole window; coming back from it, everything is where it was."""
        was, demo = self.stage.view is View.DEMO, view is View.DEMO
        if demo and not was:
            self._docks_before_demo = save_docks(self, self.docks)
            for dock in self.docks.values():
                dock.hide()
        self.menuBar().setVisible(not demo)
        self.header.setVisible(not demo)
        self._leave_demo.setVisible(demo)
        self.stage.set_view(view)
        if was and not demo and self._docks_before_demo is not None:
            restore_docks(self, self.docks, *self._docks_before_demo)
            self._docks_before_demo = None
            QTimer.singleShot(0, self.dock_sizes, self.dock_sizes.fit)
        self._place_leave_demo()
        self.refresh_actions()
        self.focus_foreground()

    def set_perspective(self, perspective: Perspective) -> None:
        arrangement = ARRANGEMENTS[perspective]
        if arrangement.view is View.DEMO:
            self.set_view(View.DEMO)
            return
        self.set_view(arrangement.view)
        self.perspective = perspective
        arrange(self, self.docks, arrangement)
        self.dock_sizes.arranged(arrangement)
        self.focus_foreground()
        QTimer.singleShot(0, self, self.stage.arrange)

    def reset_layout(self) -> None:
        """As at the very first start."""
        self.settings.forget("geometry", "layout", "docks", "dock-sizes", "view", "perspective", "zoom")
        self.showNormal()
        self.stage.set_zoom(None)
        self.set_perspective(Perspective.DEVELOP)

    def restore_layout(self) -> None:
        """The layout of the last time, or the first one."""
        self.set_perspective(Perspective.DEVELOP)
        geometry, state = self.settings.data("geometry"), self.settings.data("layout")
        shown = frozenset(self.settings.text("docks").split())
        if geometry is not None:
            self.restoreGeometry(geometry)
        if state is not None and restore_docks(self, self.docks, state, shown):
            self.dock_sizes.restored(self.settings.text("dock-sizes"))
        view = self.settings.text("view", View.GRID.value)
        if view in (View.GRID.value, View.FOCUS.value):
            self.set_view(View(view))

    def save_layout(self) -> None:
        state, shown = self._docks_before_demo or save_docks(self, self.docks)
        self.settings.set("geometry", self.saveGeometry())
        self.settings.set("layout", state)
        self.settings.set("dock-sizes", self.dock_sizes.kept)
        self.settings.set("docks", " ".join(sorted(shown)))
        self.settings.set("view", self.stage.view.value)
        self.settings.set("theme", self.bench.theme.mode.value)
        self.settings.save()

    def toggle_dock(self, name: str) -> None:
        dock = self.docks[name]
        dock.setVisible(not dock.isVisible())
        if dock.isVisible():
            dock.raise_()
            self.dock_sizes.widen(dock)

    def toggle_full_screen(self) -> None:
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    def leave_pane(self) -> None:
        """Out of the guest's keyboard: to the header, from where Tab goes on."""
        self.header.setFocus()
        self.focusNextChild()

    def focus_first(self) -> None:
        """Once the first guest has its pane, it gets the keyboard."""
        QTimer.singleShot(0, self, self.focus_foreground)

    def focus_foreground(self) -> None:
        pane = self.stage.pane_of(self.session.guest)
        if pane is not None:
            pane.setFocus(Qt.FocusReason.OtherFocusReason)

    def resizeEvent(self, _: object) -> None:
        self._place_leave_demo()
        if self.palette_box.isVisible():
            self.palette_box.hide()

    def _place_leave_demo(self) -> None:
        button = self._leave_demo
        button.resize(34, 34)
        button.move(self.stage.width() - 46, 12)
        button.raise_()

    # Handsets

    def select_handset(self, step: int) -> None:
        handsets = self.session.handsets
        if not handsets:
            return
        at = handsets.index(self.session.handset) if self.session.handset in handsets else 0
        self.session.select(handsets[(at + step) % len(handsets)])
        self.focus_foreground()

    def remove_handset(self, handset: "Handset") -> None:
        self.session.remove_handset(handset)
        guests = len(handset.guests)
        rest = f" with {guests} guest{'s' if guests != 1 else ''}, paused meanwhile" if guests else ""
        self.banners.add(
            Banner(
                f"{handset.name} was removed{rest}.",
                Level.INFO,
                "Undo",
                lambda: self.session.restore_handset(handset),
                8000,
            )
        )

    def ask_lose_handset(self, handset: "Handset") -> None:
        dialog = ConfirmDialog(
            f"Lose {handset.name}?",
            "As when a phone falls into the sea: its guests' processes are killed at once, and nothing is "
            "saved before. Those that are kept in a profile can be restored, as they were saved last.",
            "Lose it",
            self,
        )
        dialog.accepted.connect(lambda: self.session.lose_handset(handset))
        dialog.open()

    def bring_to_front(self, guest: "Guest") -> None:
        self.session.bring_to_front(guest)
        self.focus_foreground()

    def open_add_handset(self) -> None:
        dialog = AddHandsetDialog(self.session.models, self)
        dialog.picked.connect(
            lambda ident, name: self.session.add_handset(self.session.models[ident], name or None)
        )
        dialog.open()

    def open_handset_details(self) -> None:
        if self.session.handset is not None:
            DetailsDialog(self.session.handset, self).open()

    def _handset_menu(self, handset: "Handset", at: QPoint) -> None:
        self.session.select(handset)
        self.pop_up(
            (
                "handset.next-guest",
                "guest.add",
                "guest.add-files",
                "",
                "handset.receive",
                "handset.receive-no-more",
                "",
                "view.resources",
                "handset.details",
                "handset.remove",
                "handset.lose",
            ),
            at,
        )

    def _guest_menu(self, guest: "Guest", at: QPoint) -> None:
        self.session.select(guest.handset, guest)
        idents = [command.ident for command in COMMANDS if command.menu == "Guest"]
        profile = (
            "",
            "profile.keep",
            "profile.snapshot",
            "profile.suspend",
            "profile.clone",
            "profile.export",
        )
        self.pop_up((*(ident for ident in idents if not ident.startswith("guest.add")), *profile), at)

    def pop_up(self, idents: tuple[str, ...], at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.guarded.explain_in(menu)
        for ident in idents:
            if ident:
                menu.addAction(self.actions_by_ident[ident])
            else:
                menu.addSeparator()
        menu.popup(at)

    # Guests

    def remove_guest(self, guest: "Guest") -> None:
        """One that runs is lost with all that is in its memory: that is asked first."""
        if guest.state not in (GuestState.RUNNING, GuestState.PAUSED):
            self.session.remove_guest(guest)
            return
        dialog = ConfirmDialog(
            f"Remove {guest.name}?",
            f"It is {guest.state.value} on {guest.handset.name}. What is in its memory is lost.",
            "Remove",
            self,
        )
        dialog.accepted.connect(lambda: self.session.remove_guest(guest))
        dialog.open()

    def start_image(self, handset: "Handset | None", ident: str) -> None:
        """Starts an image on a handset, on the selected one, or on a new one if there is none."""
        image = self.session.images.get(ident)
        if image is None:
            return
        if not image.available:
            fetch_image(self.session, image)
            return
        handset = handset or self.session.handset
        if handset is None:
            models = self.session.models
            handset = self.session.add_handset(models.get(DEFAULT_MODEL) or next(iter(models.values())))
        self.session.start_guest(handset, image)

    def open_add_guest(
        self, handset: "Handset | None", *, own_files: bool = False, files: list[Path] | None = None
    ) -> None:
        if handset is None:
            return
        dialog = AddGuestDialog(
            self.session, handset, self, own_files=own_files or bool(files), files=files or []
        )
        dialog.picked.connect(
            lambda image, name, options: self.session.start_guest(
                handset, image, name=name or None, options=options
            )
        )
        dialog.fetch_wanted.connect(lambda ident: self.start_image(handset, ident))
        dialog.open()

    def choose_files_for_drive(self) -> None:
        guest = self.session.guest
        if guest is None:
            return
        dialog = QFileDialog(self, f"Files for {guest.name}'s drive")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(
            lambda names: self.session.put_files(guest, [Path(name) for name in names])
        )
        dialog.open()

    def save_screenshot(self) -> None:
        guest = self.session.guest
        if guest is None:
            return
        dialog = QFileDialog(self, f"Save a screenshot of {guest.name}")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setNameFilter("PNG picture (*.png)")
        dialog.setDefaultSuffix("png")
        dialog.selectFile(f"{guest.name}.png".lower().replace(" ", "-"))
        dialog.fileSelected.connect(lambda path: self.write_screenshot(guest, Path(path)))
        dialog.open()

    def write_screenshot(self, guest: "Guest", path: Path) -> Job:
        async def work(_: Job) -> None:
            picture = await guest.screenshot()
            await asyncio.to_thread(path.write_bytes, picture)
            self.session.log.add(f"A screenshot was saved to {path}", source=guest.name, notice=True)

        return self.session.run(f"Screenshot of {guest.name}", work, shown=False, source=guest.name)

    def type_clipboard(self) -> None:
        text = QGuiApplication.clipboard().text()
        if self.session.guest is not None and text:
            self.session.guest.type_text(text)

    # Help

    def open_shortcuts(self) -> None:
        ShortcutsDialog(self).open()

    def open_about(self) -> None:
        AboutDialog(self).open()

    # The end

    def closeEvent(self, event: QCloseEvent) -> None:
        self.save_layout()
        event.accept()
        self.closed.emit()

    def end(self) -> None:
        """Destroys the window and what it let go of, when its session is closed: nothing of it is left for
        later, when the event loop is gone."""
        self.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def _mode(text: str) -> ThemeMode:
    return ThemeMode(text) if text in list(ThemeMode) else ThemeMode.SYSTEM
