"""How a piece of work ended: what is said about it, and what can be done then."""

from collections.abc import Callable
from dataclasses import dataclass

from pocketvisor_workbench.log import Level

SHOWN_MS = 6000
OFFERED_MS = 12000
"""What can be taken back stays longer."""


@dataclass(frozen=True)
class Ending:
    """What came of it, in words, and what can be done then."""

    text: str
    level: Level = Level.INFO
    button: str = ""
    run: Callable[[], object] | None = None
    shown_ms: int = 0
    """0: as long as it takes to read it, and to decide."""

    @property
    def duration_ms(self) -> int:
        return self.shown_ms or (OFFERED_MS if self.button else SHOWN_MS)
