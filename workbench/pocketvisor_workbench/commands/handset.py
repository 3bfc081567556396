"""Commands on handsets."""

from typing import TYPE_CHECKING

from pocketvisor_workbench.commands.command import command

if TYPE_CHECKING:
    from pocketvisor_workbench.window import Window

MENU = "Handset"


def _has_handset(window: "Window") -> bool:
    return window.session.handset is not None


def _has_several_guests(window: "Window") -> bool:
    return window.session.handset is not None and len(window.session.handset.guests) > 1


def _has_several_handsets(window: "Window") -> bool:
    return len(window.session.handsets) > 1


@command("handset.add", "Add a handset…", menu=MENU, picture="cellphone", shortcut="Ctrl+Shift+N")
def add(window: "Window") -> None:
    window.open_add_handset()


@command(
    "handset.next-guest",
    "Next guest to the front",
    menu=MENU,
    picture="swap-horizontal",
    shortcut="Ctrl+Tab",
    enabled=_has_several_guests,
)
def next_guest(window: "Window") -> None:
    if window.session.handset is not None:
        window.session.handset.next_foreground()


@command(
    "handset.next",
    "Next handset",
    menu=MENU,
    picture="arrow-right",
    shortcut="Ctrl+Shift+Right",
    enabled=_has_several_handsets,
)
def next_handset(window: "Window") -> None:
    window.select_handset(1)


@command(
    "handset.previous",
    "Previous handset",
    menu=MENU,
    picture="arrow-left",
    shortcut="Ctrl+Shift+Left",
    enabled=_has_several_handsets,
)
def previous_handset(window: "Window") -> None:
    window.select_handset(-1)


@command(
    "handset.receive",
    "Receive phones from other machines…",
    menu=MENU,
    picture="access-point",
    enabled=_has_handset,
)
def receive(window: "Window") -> None:
    window.travel_desk.open_receive(window.session.handset)


def _receives(window: "Window") -> bool:
    return window.session.travels.reception(window.session.handset) is not None


@command(
    "handset.receive-no-more",
    "Stop receiving phones",
    menu=MENU,
    picture="access-point-off",
    enabled=_receives,
)
def receive_no_more(window: "Window") -> None:
    if window.session.handset is not None:
        window.session.travels.receive_no_more(window.session.handset)


@command("handset.details", "Details…", menu=MENU, picture="information-outline", enabled=_has_handset)
def details(window: "Window") -> None:
    window.open_handset_details()


@command("handset.remove", "Remove the handset", menu=MENU, picture="trash-can-outline", enabled=_has_handset)
def remove(window: "Window") -> None:
    if window.session.handset is not None:
        window.remove_handset(window.session.handset)


@command("handset.lose", "Lose the phone…", menu=MENU, picture="waves", enabled=_has_handset)
def lose(window: "Window") -> None:
    if window.session.handset is not None:
        window.ask_lose_handset(window.session.handset)


COMMANDS = (
    add,
    next_guest,
    next_handset,
    previous_handset,
    receive,
    receive_no_more,
    details,
    remove,
    lose,
)
