"""Which docks are shown for which work. Demo has none; Develop and Debug arrange the same panes."""

import enum
from dataclasses import dataclass

from pocketvisor_workbench.stage.stage import View


class Perspective(enum.StrEnum):
    DEMO = "demo"
    DEVELOP = "develop"
    DEBUG = "debug"


@dataclass(frozen=True)
class Arrangement:
    """Docks by name. A side is one stack of tabs; so is each group of `bottom`, the groups side by side."""

    view: View
    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    bottom: tuple[tuple[str, ...], ...] = ()


ARRANGEMENTS: dict[Perspective, Arrangement] = {
    Perspective.DEMO: Arrangement(View.DEMO),
    Perspective.DEVELOP: Arrangement(
        View.GRID, left=("library",), bottom=(("performance",), ("console", "events", "jobs"))
    ),
    Perspective.DEBUG: Arrangement(
        View.FOCUS,
        right=("controls", "network", "profiles"),
        bottom=(("performance", "jobs"), ("console", "events")),
    ),
}
