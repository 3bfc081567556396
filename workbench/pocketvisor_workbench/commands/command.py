"""A command is one typed function with a decorator: what menus, shortcuts, buttons and the palette run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pocketvisor.policies.act import Act
from pocketvisor_workbench.policy.asking import try_it, why_not

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
    act: Act | None = None
    """What it does to the selected guest, where a policy may not allow that."""

    @property
    def keys(self) -> str:
        return self.shortcut or self.soft_shortcut

    @property
    def tip(self) -> str:
        return f"{self.title} ({self.keys})" if self.keys else self.title

    def possible(self, window: "Window") -> bool:
        """Whether it can be done at all, whatever a policy says."""
        return self.enabled is None or self.enabled(window)

    def why_not(self, window: "Window") -> str:
        """Why the selected guest's policy does not allow it; empty where it does."""
        return why_not(window.session.guest, self.act)

    def refused(self, window: "Window") -> str:
        """As why_not(), when it is really wanted: that is in the audit log."""
        return try_it(window.session.guest, self.act)


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
    act: Act | None = None,
) -> Callable[[Run], Command]:
    """Makes a function a command. Shortcuts are of the kind that no guest is robbed of: see keymap.py."""

    def wrap(run: Run) -> Command:
        return Command(ident, title, menu, run, picture, shortcut, enabled, checked, soft_shortcut, act)

    return wrap
