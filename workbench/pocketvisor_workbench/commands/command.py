"""A command is one typed function with a decorator: what menus, shortcuts, buttons and the palette run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocketvisor_workbench.window import Window

Run = Callable[["Window"], None]
Ask = Callable[["Window"], bool]


@dataclass(frozen=True)
class Command:
    """`menu` is where it stands; `enabled` and `checked` are asked whenever something has changed."""

    ident: str
    title: str
    menu: str
    run: Run
    picture: str = ""
    shortcut: str = ""
    enabled: Ask | None = None
    checked: Ask | None = None
    soft_shortcut: str = ""
    """Keys that guests know too: theirs while they run and are typed into, the debugger's otherwise."""

    @property
    def keys(self) -> str:
        return self.shortcut or self.soft_shortcut


def command(
    ident: str,
    title: str,
    *,
    menu: str,
    picture: str = "",
    shortcut: str = "",
    enabled: Ask | None = None,
    checked: Ask | None = None,
    soft_shortcut: str = "",
) -> Callable[[Run], Command]:
    """Makes a function a command. Shortcuts are of the kind that no guest is robbed of: see keymap.py."""

    def wrap(run: Run) -> Command:
        return Command(ident, title, menu, run, picture, shortcut, enabled, checked, soft_shortcut)

    return wrap
