"""Commands on the selected handset's physical state."""

from typing import TYPE_CHECKING

from pocketvisor_workbench.commands.command import command

if TYPE_CHECKING:
    from pocketvisor_workbench.window import Window

MENU = "Handset"


def _has_handset(window: "Window") -> bool:
    return window.session.handset is not None


def _is_plugged(window: "Window") -> bool:
    return window.session.handset is not None and window.session.handset.phone.battery.plugged


def _has_fix(window: "Window") -> bool:
    return window.session.handset is not None and window.session.handset.phone.location.fix


@command(
    "phone.charger",
    "Charger connected",
    menu=MENU,
    picture="power-plug-outline",
    enabled=_has_handset,
    checked=_is_plugged,
)
def charger(window: "Window") -> None:
    if window.session.handset is not None:
        phone = window.session.handset.phone
        phone.set_battery(plugged=not phone.battery.plugged)


@command("phone.no-fix", "Lose the satellites", menu=MENU, picture="satellite-variant", enabled=_has_fix)
def no_fix(window: "Window") -> None:
    if window.session.handset is not None:
        window.session.handset.phone.lose_fix()


COMMANDS = (charger, no_fix)
