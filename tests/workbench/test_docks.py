"""Docks: panes are built when they are wanted, where they belong."""

import asyncio

from kit import Workbench
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget

from pocketvisor_workbench.perspectives import Perspective


class Opened(QObject):
    """Windows that are shown, from now on."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self.windows: list[QWidget] = []
        app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.windows.append(watched)
        return False


def built(workbench: Workbench) -> set[str]:
    return {name for name, dock in workbench.window.docks.items() if dock.widget() is not None}


def test_a_pane_is_built_when_its_dock_is_first_seen(workbench: Workbench) -> None:
    async def scenario() -> None:
        docks = workbench.window.docks
        waits = {name for name, dock in docks.items() if dock.pane_class.waits}
        assert {"registers", "stack", "linux", "interrupts", "pages", "tracing"} == waits
        assert built(workbench) == docks.keys() - waits
        workbench.window.toggle_dock("linux")
        assert built(workbench) == docks.keys() - waits | {"linux"}
        assert docks["linux"].widget() is docks["linux"].pane
        workbench.window.set_perspective(Perspective.DEBUG)
        assert built(workbench) == docks.keys()

    workbench.run(scenario())


def test_building_panes_opens_no_windows_and_leaves_the_keyboard_where_it_is(
    workbench: Workbench, qapp: QApplication
) -> None:
    """What is shown before it has its place is a window for a moment, and takes the keyboard."""

    async def scenario() -> None:
        handset = await workbench.handset("personal")
        opened = Opened(qapp)
        for perspective in (Perspective.MANAGE, Perspective.DEBUG, Perspective.DEVELOP):
            workbench.window.set_perspective(perspective)
            await asyncio.sleep(0)
            assert workbench.pane(handset.guests[0]).hasFocus(), perspective
        qapp.removeEventFilter(opened)
        assert opened.windows == []

    workbench.run(scenario())
