"""What a benchmark is handed: its scratch folder, how long to run, and a way to say how far it is."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct


class Bench(Struct, frozen=True):
    """One run of one benchmark. `quick` trades repeats for time: the figures are the same, only noisier."""

    folder: Path
    quick: bool
    say: Callable[[str], None]

    def rounds(self, usual: int, quick: int) -> int:
        """How often to repeat."""
        return quick if self.quick else usual


class CannotMeasure(Exception):
    """Something that a benchmark needs is not here; str() says what, and the others run on."""
