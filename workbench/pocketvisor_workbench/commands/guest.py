"""Commands on the selected guest."""

from typing import TYPE_CHECKING

from pocketvisor.api import GuestState
from pocketvisor.policies.act import Act
from pocketvisor_workbench.clipboards import copy_from, paste_into
from pocketvisor_workbench.commands.command import Ask, command

if TYPE_CHECKING:
    from pocketvisor_workbench.session import Operation
    from pocketvisor_workbench.window import Window

MENU = "Guest"


def _in(*states: GuestState) -> Ask:
    return lambda window: window.session.guest is not None and window.session.guest.state in states


_any = _in(*GuestState)
_live = _in(GuestState.RUNNING, GuestState.PAUSED)
_running = _in(GuestState.RUNNING)


def _has_handset(window: "Window") -> bool:
    return window.session.handset is not None


def _operate(window: "Window", operation: "Operation") -> None:
    if window.session.guest is not None:
        window.session.operate(window.session.guest, operation)


@command(
    "guest.add", "Add a guest…", menu=MENU, picture="plus", shortcut="Ctrl+Shift+G", enabled=_has_handset
)
def add(window: "Window") -> None:
    window.open_add_guest(window.session.handset)


@command(
    "guest.add-files", "Add a guest from files…", menu=MENU, picture="file-plus-outline", enabled=_has_handset
)
def add_files(window: "Window") -> None:
    window.open_add_guest(window.session.handset, own_files=True)


def _can_move(window: "Window") -> bool:
    """The dialog says what keeps a guest from going anywhere."""
    return window.session.guest is not None and window.session.guest.state is not GuestState.STOPPED


@command(
    "guest.move",
    "Move to another handset…",
    menu=MENU,
    picture="cellphone-arrow-down",
    shortcut="Ctrl+M",
    enabled=_can_move,
    act=Act.MOVE,
)
def move(window: "Window") -> None:
    window.desk.open_move()


def _can_leave(window: "Window") -> bool:
    guest = window.session.guest
    return (
        guest is not None
        and guest.state is not GuestState.STOPPED
        and not window.session.travels.why_not(guest)
    )


@command(
    "guest.migrate",
    "Move to another machine…",
    menu=MENU,
    picture="lan-connect",
    shortcut="Ctrl+Shift+M",
    enabled=_can_leave,
    act=Act.MOVE,
)
def migrate(window: "Window") -> None:
    window.travel_desk.open_migrate()


def _can_undo(window: "Window") -> bool:
    return window.session.moves.can_undo()


@command(
    "guest.undo-move",
    "Undo the last move",
    menu=MENU,
    picture="undo",
    shortcut="Ctrl+Shift+Z",
    enabled=_can_undo,
    act=Act.MOVE,
)
def undo_move(window: "Window") -> None:
    window.session.moves.undo()


def _is_moving(window: "Window") -> bool:
    session = window.session
    return (session.moves.of(session.guest) or session.travels.of(session.guest)) is not None


@command("guest.cancel-move", "Cancel its move", menu=MENU, picture="cancel", enabled=_is_moving)
def cancel_move(window: "Window") -> None:
    session = window.session
    under_way = session.moves.of(session.guest) or session.travels.of(session.guest)
    if under_way is not None:
        under_way.job.cancel()


def _undecided(window: "Window") -> bool:
    return window.session.travels.undecided(window.session.guest)


@command(
    "guest.ask-again",
    "Ask again whose it is",
    menu=MENU,
    picture="lan-pending",
    enabled=_undecided,
)
def ask_again(window: "Window") -> None:
    if window.session.guest is not None:
        window.session.travels.ask_again(window.session.guest)


@command("guest.decide", "Decide whose it is…", menu=MENU, picture="lan-disconnect", enabled=_undecided)
def decide(window: "Window") -> None:
    window.travel_desk.open_decide(window.session.guest)


def _has_drive(window: "Window") -> bool:
    return _live(window) and window.session.guest is not None and window.session.guest.has_drive


@command(
    "guest.insert",
    "Put files into its drive…",
    menu=MENU,
    picture="file-upload-outline",
    enabled=_has_drive,
    act=Act.FILES_IN,
)
def insert(window: "Window") -> None:
    window.choose_files_for_drive()


@command("guest.eject", "Empty its drive", menu=MENU, picture="eject-outline", enabled=_has_drive)
def eject(window: "Window") -> None:
    if window.session.guest is not None:
        window.session.eject(window.session.guest)


@command("guest.pause", "Pause", menu=MENU, picture="pause", shortcut="Ctrl+Shift+Space", enabled=_running)
def pause(window: "Window") -> None:
    _operate(window, "pause")


@command("guest.resume", "Resume", menu=MENU, picture="play", enabled=_in(GuestState.PAUSED), act=Act.RUN)
def resume(window: "Window") -> None:
    _operate(window, "resume")


@command("guest.reset", "Reset", menu=MENU, picture="restart", enabled=_live, act=Act.RUN)
def reset(window: "Window") -> None:
    _operate(window, "reset")


@command("guest.power-off", "Power off", menu=MENU, picture="power", enabled=_live)
def power_off(window: "Window") -> None:
    _operate(window, "power_off")


@command(
    "guest.restart",
    "Start anew",
    menu=MENU,
    picture="refresh",
    enabled=_in(GuestState.RUNNING, GuestState.PAUSED, GuestState.OFF, GuestState.CRASHED),
    act=Act.RUN,
)
def restart(window: "Window") -> None:
    _operate(window, "restart")


@command(
    "guest.kill",
    "Kill its process",
    menu=MENU,
    picture="skull-outline",
    enabled=_in(GuestState.STARTING, GuestState.RUNNING, GuestState.PAUSED),
)
def kill(window: "Window") -> None:
    _operate(window, "kill")


@command("guest.remove", "Remove from the handset", menu=MENU, picture="trash-can-outline", enabled=_any)
def remove(window: "Window") -> None:
    if window.session.guest is not None:
        window.remove_guest(window.session.guest)


@command(
    "guest.screenshot",
    "Save a screenshot…",
    menu=MENU,
    picture="camera-outline",
    shortcut="Ctrl+Shift+S",
    enabled=_any,
    act=Act.SCREENSHOT,
)
def screenshot(window: "Window") -> None:
    window.save_screenshot()


def _has_clipboard(window: "Window") -> bool:
    return _running(window) and window.session.guest is not None and window.session.guest.has_clipboard


@command(
    "guest.copy",
    "Copy what was copied in the guest",
    menu=MENU,
    picture="clipboard-arrow-up-outline",
    shortcut="Ctrl+Shift+Y",
    enabled=_has_clipboard,
    act=Act.COPY_OUT,
)
def copy(window: "Window") -> None:
    if window.session.guest is not None:
        copy_from(window.session, window.session.guest)


@command(
    "guest.paste",
    "Give the guest the clipboard",
    menu=MENU,
    picture="clipboard-arrow-down-outline",
    shortcut="Ctrl+Shift+I",
    enabled=_has_clipboard,
    act=Act.COPY_IN,
)
def paste(window: "Window") -> None:
    if window.session.guest is not None:
        paste_into(window.session, window.session.guest)


@command(
    "guest.type-clipboard",
    "Type the clipboard",
    menu=MENU,
    picture="clipboard-text-outline",
    shortcut="Ctrl+Shift+Insert",
    enabled=_running,
    act=Act.COPY_IN,
)
def type_clipboard(window: "Window") -> None:
    window.type_clipboard()


COMMANDS = (
    add,
    add_files,
    move,
    migrate,
    undo_move,
    cancel_move,
    ask_again,
    decide,
    pause,
    resume,
    reset,
    power_off,
    restart,
    kill,
    remove,
    screenshot,
    insert,
    eject,
    copy,
    paste,
    type_clipboard,
)
