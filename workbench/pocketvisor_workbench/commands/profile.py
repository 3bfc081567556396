"""Commands on the selected guest's profile, and on profiles in files."""

from typing import TYPE_CHECKING

from pocketvisor.api import GuestState
from pocketvisor.policies.act import Act
from pocketvisor_workbench.commands.command import command
from pocketvisor_workbench.keeping import profile_of

if TYPE_CHECKING:
    from pocketvisor_workbench.window import Window

MENU = "Profile"
_LIVE = (GuestState.RUNNING, GuestState.PAUSED)


def _lives(window: "Window") -> bool:
    return window.session.guest is not None and window.session.guest.state in _LIVE


def _kept(window: "Window") -> bool:
    return profile_of(window.session.guest) is not None


def _can_keep(window: "Window") -> bool:
    return _lives(window) and not _kept(window)


def _kept_and_lives(window: "Window") -> bool:
    return _lives(window) and _kept(window)


def _can_resume(window: "Window") -> bool:
    guest = window.session.guest
    return _kept(window) and guest is not None and guest.state in (GuestState.OFF, GuestState.CRASHED)


@command(
    "profile.open",
    "Run a profile…",
    menu=MENU,
    picture="folder-open-outline",
    shortcut="Ctrl+Shift+O",
)
def open_profile(window: "Window") -> None:
    window.desk.choose_profile()


@command(
    "profile.keep",
    "Keep in a profile…",
    menu=MENU,
    picture="content-save-outline",
    shortcut="Ctrl+Shift+K",
    enabled=_can_keep,
)
def keep(window: "Window") -> None:
    window.desk.open_keep()


@command(
    "profile.snapshot",
    "Snapshot",
    menu=MENU,
    picture="camera-plus-outline",
    shortcut="Ctrl+Shift+T",
    enabled=_kept_and_lives,
)
def snapshot(window: "Window") -> None:
    if window.session.guest is not None:
        window.session.keeping.snapshot(window.session.guest)


@command("profile.suspend", "Suspend", menu=MENU, picture="sleep", enabled=_kept_and_lives)
def suspend(window: "Window") -> None:
    if window.session.guest is not None:
        window.session.keeping.suspend(window.session.guest)


@command(
    "profile.resume", "Resume from the profile", menu=MENU, picture="play", enabled=_can_resume, act=Act.RUN
)
def resume(window: "Window") -> None:
    if window.session.guest is not None:
        window.session.keeping.resume(window.session.guest)


@command("profile.clone", "Clone the guest", menu=MENU, picture="content-copy", enabled=_lives, act=Act.CLONE)
def clone(window: "Window") -> None:
    guest = window.session.guest
    if guest is not None:
        window.session.keeping.clone(guest, guest.handset)


@command(
    "profile.export",
    "Save a copy of the profile…",
    menu=MENU,
    picture="export-variant",
    enabled=lambda window: _lives(window) or _kept(window),
    act=Act.EXPORT,
)
def export(window: "Window") -> None:
    window.desk.choose_export()


@command("profile.history", "Profiles and snapshots", menu=MENU, picture="history", shortcut="Ctrl+Shift+H")
def history(window: "Window") -> None:
    window.desk.show_pane()


COMMANDS = (open_profile, keep, snapshot, suspend, resume, clone, export, history)
