"""Commands on what guests get of a phone, and the attack on one of them."""

from typing import TYPE_CHECKING

from pocketvisor_workbench.commands.command import command

if TYPE_CHECKING:
    from pocketvisor_workbench.window import Window


def _has_handset(window: "Window") -> bool:
    return window.session.handset is not None


@command(
    "view.resources",
    "Resources: processor, memory, battery",
    menu="Handset",
    picture="gauge",
    shortcut="Ctrl+Shift+E",
    checked=lambda window: window.docks["resources"].isVisible(),
)
def resources(window: "Window") -> None:
    window.toggle_dock("resources")


@command(
    "view.memory-badges",
    "Memory beside each guest's name",
    menu="View",
    picture="memory",
    checked=lambda window: window.stage.badges_shown,
)
def memory_badges(window: "Window") -> None:
    window.resources_desk.toggle_badges()


@command("guest.attack", "Attack…", menu="Guest", picture="sword-cross", enabled=_has_handset)
def attack(window: "Window") -> None:
    window.attack_desk.open()


COMMANDS = (resources, memory_badges, attack)
