"""Commands that the selected guest's policy does not allow: greyed, with the reason as a tip; who presses
their keys all the same is told it."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QHelpEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu, QToolTip

from pocketvisor_workbench.commands.command import Command
from pocketvisor_workbench.widgets import plain_tip

if TYPE_CHECKING:
    from pocketvisor_workbench.window import Window

_REFUSED = "refused"


class Guarded(QObject):
    def __init__(self, window: "Window") -> None:
        super().__init__(window)
        self._window = window
        self._keys: dict[str, QShortcut] = {}

    def show(self, command: Command, action: QAction) -> None:
        """An action as its command can be run now."""
        if command.act is None:
            if command.enabled is not None:
                action.setEnabled(command.possible(self._window))
            return
        possible, why = command.possible(self._window), command.why_not(self._window)
        action.setEnabled(possible and not why)
        action.setToolTip(plain_tip(why) if why else command.tip)
        action.setProperty(_REFUSED, why)
        keys = self._keys.get(command.ident)
        if keys is None and why and command.shortcut:
            keys = self._keys[command.ident] = self._refusing(command)
        if keys is not None:
            keys.setEnabled(possible and bool(why))

    def _refusing(self, command: Command) -> QShortcut:
        """A greyed action's keys do nothing, without a word: these say why."""
        keys = QShortcut(QKeySequence(command.shortcut), self._window)
        keys.setContext(Qt.ShortcutContext.ApplicationShortcut)
        keys.activated.connect(lambda: self._window.trigger(command.ident))
        return keys

    def explain_in(self, menu: QMenu) -> None:
        """What is greyed by a policy says so under the pointer; what is not has no tip."""
        menu.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            event.type() is QEvent.Type.ToolTip
            and isinstance(watched, QMenu)
            and isinstance(event, QHelpEvent)
        ):
            action = watched.actionAt(event.pos())
            why = action.property(_REFUSED) if action is not None else ""
            if why:
                QToolTip.showText(event.globalPos(), plain_tip(why), watched)
                return True
        return False
