"""Commands on what is shown and how."""

from typing import TYPE_CHECKING

from pocketvisor_workbench.commands.command import Ask, command
from pocketvisor_workbench.perspectives import Perspective
from pocketvisor_workbench.stage.stage import View
from pocketvisor_workbench.theme import ThemeMode

if TYPE_CHECKING:
    from pocketvisor_workbench.window import Window

MENU = "View"
_ZOOM_STEP = 1.25


def _view_is(view: View) -> Ask:
    return lambda window: window.stage.view is view


def _theme_is(mode: ThemeMode) -> Ask:
    return lambda window: window.bench.theme.mode is mode


@command(
    "palette",
    "Find a command…",
    menu=MENU,
    picture="magnify",
    shortcut="Ctrl+Shift+P",
)
def palette(window: "Window") -> None:
    window.palette_box.open_box()


@command(
    "view.grid",
    "Grid",
    menu=MENU,
    picture="view-grid-outline",
    shortcut="Ctrl+Shift+1",
    checked=_view_is(View.GRID),
)
def grid(window: "Window") -> None:
    window.set_view(View.GRID)


@command(
    "view.focus",
    "Focus on one handset",
    menu=MENU,
    picture="cellphone",
    shortcut="Ctrl+Shift+2",
    checked=_view_is(View.FOCUS),
)
def focus(window: "Window") -> None:
    window.set_view(View.FOCUS)


@command(
    "view.demo",
    "Demo: phones alone",
    menu=MENU,
    picture="presentation",
    shortcut="Ctrl+Shift+3",
    checked=_view_is(View.DEMO),
)
def demo(window: "Window") -> None:
    window.set_view(View.DEMO)


@command("view.zoom-in", "Larger phones", menu=MENU, picture="magnify-plus-outline", shortcut="Ctrl+Shift+=")
def zoom_in(window: "Window") -> None:
    window.stage.set_zoom(min(window.stage.factor * _ZOOM_STEP, 3.0))


@command(
    "view.zoom-out", "Smaller phones", menu=MENU, picture="magnify-minus-outline", shortcut="Ctrl+Shift+-"
)
def zoom_out(window: "Window") -> None:
    window.stage.set_zoom(max(window.stage.factor / _ZOOM_STEP, 0.25))


@command("view.zoom-actual", "Phones pixel by pixel", menu=MENU, picture="numeric-1-box-outline")
def zoom_actual(window: "Window") -> None:
    window.stage.set_zoom(1.0 / window.devicePixelRatioF())


@command(
    "view.zoom-fit",
    "Fit the phones to the window",
    menu=MENU,
    picture="fit-to-screen-outline",
    shortcut="Ctrl+Shift+0",
    checked=lambda window: window.stage.zoom is None,
)
def zoom_fit(window: "Window") -> None:
    window.stage.set_zoom(None)


@command("view.full-screen", "Full screen", menu=MENU, picture="fullscreen", shortcut="F11")
def full_screen(window: "Window") -> None:
    window.toggle_full_screen()


@command(
    "view.leave-pane", "Leave the guest's pane", menu=MENU, picture="keyboard-esc", shortcut="Ctrl+Shift+L"
)
def leave_pane(window: "Window") -> None:
    window.leave_pane()


def _noticed(window: "Window") -> bool:
    return bool(window.banners.shown)


@command(
    "view.notice",
    "Answer the notice",
    menu=MENU,
    picture="message-alert-outline",
    shortcut="Ctrl+Shift+A",
    enabled=_noticed,
)
def notice(window: "Window") -> None:
    window.banners.take_keyboard()


@command(
    "view.dismiss-notices",
    "Dismiss the notices",
    menu=MENU,
    picture="notification-clear-all",
    shortcut="Ctrl+Shift+X",
    enabled=_noticed,
)
def dismiss_notices(window: "Window") -> None:
    window.banners.dismiss()


@command("perspective.demo", "Perspective: Demo", menu="Perspective", picture="presentation")
def perspective_demo(window: "Window") -> None:
    window.set_perspective(Perspective.DEMO)


@command("perspective.develop", "Perspective: Develop", menu="Perspective", picture="hammer-wrench")
def perspective_develop(window: "Window") -> None:
    window.set_perspective(Perspective.DEVELOP)


@command("perspective.manage", "Perspective: Manage", menu="Perspective", picture="shield-account-outline")
def perspective_manage(window: "Window") -> None:
    window.set_perspective(Perspective.MANAGE)


@command("perspective.debug", "Perspective: Debug", menu="Perspective", picture="bug-outline")
def perspective_debug(window: "Window") -> None:
    window.set_perspective(Perspective.DEBUG)


@command("perspective.reset", "Reset the layout", menu="Perspective", picture="backup-restore")
def reset_layout(window: "Window") -> None:
    window.reset_layout()


@command(
    "theme.toggle",
    "Switch between dark and light",
    menu="Theme",
    picture="theme-light-dark",
    shortcut="Ctrl+Shift+D",
)
def toggle_theme(window: "Window") -> None:
    window.bench.theme.toggle()


@command("theme.system", "Theme of the system", menu="Theme", checked=_theme_is(ThemeMode.SYSTEM))
def theme_system(window: "Window") -> None:
    window.bench.theme.set_mode(ThemeMode.SYSTEM)


@command("theme.dark", "Dark theme", menu="Theme", checked=_theme_is(ThemeMode.DARK))
def theme_dark(window: "Window") -> None:
    window.bench.theme.set_mode(ThemeMode.DARK)


@command("theme.light", "Light theme", menu="Theme", checked=_theme_is(ThemeMode.LIGHT))
def theme_light(window: "Window") -> None:
    window.bench.theme.set_mode(ThemeMode.LIGHT)


@command(
    "help.shortcuts", "Keyboard shortcuts", menu="Help", picture="keyboard-outline", shortcut="Ctrl+Shift+/"
)
def shortcuts(window: "Window") -> None:
    window.open_shortcuts()


@command("help.about", "About Pocketvisor", menu="Help", picture="information-outline")
def about(window: "Window") -> None:
    window.open_about()


@command("quit", "Quit", menu="Handset", picture="exit-to-app", shortcut="Ctrl+Shift+Q")
def leave(window: "Window") -> None:
    window.close()


COMMANDS = (
    palette,
    grid,
    focus,
    demo,
    zoom_in,
    zoom_out,
    zoom_actual,
    zoom_fit,
    full_screen,
    leave_pane,
    notice,
    dismiss_notices,
    perspective_demo,
    perspective_develop,
    perspective_manage,
    perspective_debug,
    reset_layout,
    toggle_theme,
    theme_system,
    theme_dark,
    theme_light,
    shortcuts,
    about,
    leave,
)
