"""Every command of the workbench, in the order of its menus. Adding one: a function, a place in a tuple."""

from pocketvisor_workbench.commands import (
    debug,
    guest,
    handset,
    phone,
    policy,
    profile,
    resources,
    time,
    view,
)
from pocketvisor_workbench.commands.command import Command

COMMANDS: tuple[Command, ...] = (
    *handset.COMMANDS,
    *phone.COMMANDS,
    *resources.COMMANDS,
    *guest.COMMANDS,
    *profile.COMMANDS,
    *policy.COMMANDS,
    *time.COMMANDS,
    *debug.COMMANDS,
    *view.COMMANDS,
)

MENUS = ("Handset", "Guest", "Profile", "Policy", "Time", "Debug", "View", "Perspective", "Theme", "Help")

__all__ = ["COMMANDS", "MENUS", "Command"]
