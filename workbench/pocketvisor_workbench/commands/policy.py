"""Commands on what governs the selected guest."""

from typing import TYPE_CHECKING

from pocketvisor_workbench.commands.command import command
from pocketvisor_workbench.keeping import profile_of

if TYPE_CHECKING:
    from pocketvisor_workbench.window import Window

MENU = "Policy"


def _kept(window: "Window") -> bool:
    return profile_of(window.session.guest) is not None


def _governed(window: "Window") -> bool:
    return window.session.guest is not None and window.session.guest.governed is not None


def _locked(window: "Window") -> bool:
    return window.session.guest is not None and window.session.guest.lock is not None


@command(
    "policy.show",
    "What governs this phone",
    menu=MENU,
    picture="shield-account-outline",
    shortcut="Ctrl+Shift+U",
)
def show(window: "Window") -> None:
    window.policy_desk.show_pane()


@command("policy.log", "Audit log", menu=MENU, picture="text-box-search-outline", enabled=_governed)
def log(window: "Window") -> None:
    window.policy_desk.show_pane(1)


@command("policy.open", "Open its lock…", menu=MENU, picture="lock-open-outline", enabled=_locked)
def open_lock(window: "Window") -> None:
    if window.session.guest is not None:
        window.policy_desk.open_unlock(window.session.guest)


@command("policy.edit", "Write a policy…", menu=MENU, picture="pencil-outline", enabled=_kept)
def edit(window: "Window") -> None:
    window.policy_desk.open_editor()


@command(
    "policy.deliver", "Deliver a file from IT…", menu=MENU, picture="file-download-outline", enabled=_kept
)
def deliver(window: "Window") -> None:
    window.policy_desk.choose_delivery()


@command("policy.check-in", "Check in…", menu=MENU, picture="shield-sync-outline", enabled=_governed)
def check_in(window: "Window") -> None:
    window.policy_desk.open_order("check-in")


@command("policy.lock", "Lock the phone, as IT…", menu=MENU, picture="lock-outline", enabled=_governed)
def lock(window: "Window") -> None:
    window.policy_desk.open_order("lock")


@command(
    "policy.unlock",
    "Unlock the phone, as IT…",
    menu=MENU,
    picture="lock-open-variant-outline",
    enabled=_governed,
)
def unlock(window: "Window") -> None:
    window.policy_desk.open_order("unlock")


@command("policy.wipe", "Wipe the phone, as IT…", menu=MENU, picture="cellphone-remove", enabled=_governed)
def wipe(window: "Window") -> None:
    window.policy_desk.open_order("wipe")


@command(
    "policy.release", "Release the phone, as IT…", menu=MENU, picture="shield-off-outline", enabled=_governed
)
def release(window: "Window") -> None:
    window.policy_desk.open_order("release")


@command("policy.keys", "Keys for policies…", menu=MENU, picture="key-outline")
def keys(window: "Window") -> None:
    window.policy_desk.open_keys()


COMMANDS = (show, log, open_lock, edit, deliver, check_in, lock, unlock, release, wipe, keys)
