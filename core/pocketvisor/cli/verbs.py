"""Where each verb is. Its module is imported when it is asked for: one verb does not wait for all others."""

import importlib
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_group

MODULES: Final = {
    "run": ("run",),
    "workbench": ("workbench",),
    "opening": ("open",),
    "ps": ("ps",),
    "qos": ("qos", "power"),
    "operations": (
        *("pause", "resume", "reset", "restart", "power-off", "kill", "remove", "foreground"),
        *("start", "tell", "screenshot"),
    ),
    "move": ("move", "clone"),
    "receive": ("receive",),
    "memory": ("memory",),
    "migrate": ("migrate", "settle"),
    "network": ("network",),
    "phone": ("battery", "location", "rotate", "signal", "key"),
    "modem": ("sms", "call"),
    "balloon": ("balloon",),
    "services": ("services",),
    "clipboard": ("clipboard",),
    "replay": ("replay",),
    "attack": ("attack",),
    "bench": ("bench",),
    "demo": ("demo",),
    "handsets": ("handsets",),
    "guests": ("guests",),
    "profile": ("profile",),
    "vault": ("vault",),
    "policy": ("policy",),
    "peers": ("peers",),
    "debug": ("debug",),
    "desktop": ("desktop",),
}
"""Modules beside this one, in the order of the help, and the names that each adds with add_to(app)."""

_MODULE: Final = {verb: module for module, verbs in MODULES.items() for verb in verbs}


def verbs_of(module: str) -> dict[str, Any]:
    """What it adds, each by its name."""
    added = typer.Typer()
    importlib.import_module(f"pocketvisor.cli.{module}").add_to(added)
    return dict(get_group(added).commands)


class Verbs(TyperGroup):
    """All verbs."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_MODULE)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands:
            # What is not there may be meant for another one: the nearest is named, of all.
            wanted = [_MODULE[cmd_name]] if cmd_name in _MODULE else list(MODULES)
            for module in wanted:
                self.commands.update(verbs_of(module))
        return self.commands.get(cmd_name)
