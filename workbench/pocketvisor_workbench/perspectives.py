"""Which docks are shown for which work. Demo has none; the others arrange the same panes."""

import enum
from dataclasses import dataclass

from pocketvisor_workbench.stage.stage import View


class Perspective(enum.StrEnum):
    DEMO = "demo"
    DEVELOP = "develop"
    MANAGE = "manage"
    DEBUG = "debug"


@dataclass(frozen=True)
class Arrangement:
    """Docks by name. Each group is one stack of tabs: below each other at the sides, side by side at the
    bottom."""

    view: View
    left: tuple[tuple[str, ...], ...] = ()
    right: tuple[tuple[str, ...], ...] = ()
    bottom: tuple[tuple[str, ...], ...] = ()

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        return (*self.left, *self.right, *self.bottom)


ARRANGEMENTS: dict[Perspective, Arrangement] = {
    Perspective.DEMO: Arrangement(View.DEMO),
    Perspective.DEVELOP: Arrangement(
        View.GRID, left=(("library",),), bottom=(("performance",), ("console", "events", "jobs"))
    ),
    Perspective.MANAGE: Arrangement(
        View.GRID,
        left=(("policy", "profiles"),),
        right=(("resources", "controls", "network"),),
        bottom=(("events", "performance", "jobs"),),
    ),
    Perspective.DEBUG: Arrangement(
        View.FOCUS,
        left=(("disassembly",), ("memory", "pages", "interrupts")),
        right=(
            ("registers", "controls", "network"),
            ("stack", "stops", "symbols"),
        ),
        bottom=(("console", "linux", "tracing", "events", "performance", "jobs"),),
    ),
}
