"""How a piece of work ended: what is said about it, and what can be done then."""

from collections.abc import Callable
from dataclasses import dataclass

from pocketvisor_workbench.log import Level

ENDED_SHOWN_MS = 12000


@dataclass(frozen=True)
class Ending:
    """What came of it, in words, and what can be done then."""

    text: str
    level: Level = Level.INFO
    button: str = ""
    run: Callable[[], object] | None = None
    shown_ms: int = ENDED_SHOWN_MS
