"""The theme: what it costs to have it."""

from kit import Workbench
from PySide6.QtCore import QEvent, QObject

from pocketvisor_workbench.theme import ThemeMode


class Restyled(QObject):
    """Counts how often a widget takes a style sheet."""

    def __init__(self, watched: QObject) -> None:
        super().__init__(watched)
        self.times = 0
        watched.installEventFilter(self)

    def eventFilter(self, _: QObject, event: QEvent) -> bool:
        self.times += event.type() is QEvent.Type.StyleChange
        return False


def test_widgets_are_restyled_for_another_look_alone(workbench: Workbench) -> None:
    """It takes longer than to build the window; that is built in its look."""

    async def scenario() -> None:
        theme, told = workbench.window.bench.theme, []
        theme.changed.connect(lambda: told.append(theme.mode))
        restyled = Restyled(workbench.window)
        theme.set_mode(ThemeMode.DARK)
        theme.set_mode(ThemeMode.SYSTEM)  # which is dark here
        assert restyled.times == 0 and told == [ThemeMode.DARK, ThemeMode.SYSTEM] and theme.dark
        theme.set_mode(ThemeMode.LIGHT)
        assert restyled.times == 1 and not theme.dark
        theme.set_mode(ThemeMode.DARK)
        assert restyled.times == 2

    workbench.run(scenario())
