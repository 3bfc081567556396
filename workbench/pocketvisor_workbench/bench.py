"""What every pane is built from: the session, its metrics, the theme, a look into the selected guest, and a
way to run a command."""

from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtWidgets import QWidget

from pocketvisor_workbench.debug.inspector import Inspector
from pocketvisor_workbench.metrics import Sampler
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.theme import Theme


def _nothing(_: str) -> None:
    """Before the window is there."""


@dataclass
class Bench:
    session: Session
    sampler: Sampler
    theme: Theme
    trigger: Callable[[str], None] = field(default=_nothing)
    inspector: Inspector = field(init=False)
    home: QWidget | None = field(default=None, init=False)
    """Where a pane is built. In its dock from the beginning: each widget that changes its parent takes the
    style sheet anew, with all that is in it."""

    def __post_init__(self) -> None:
        self.inspector = Inspector(self.session)
