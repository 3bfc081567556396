"""What every pane is built from: the session, its metrics, the theme, a look into the selected guest, and a
way to run a command."""

from collections.abc import Callable
from dataclasses import dataclass, field

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

    def __post_init__(self) -> None:
        self.inspector = Inspector(self.session)
