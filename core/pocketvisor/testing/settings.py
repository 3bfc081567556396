"""What the options of a pytest run and of one test come to."""

from pathlib import Path
from typing import Any

from msgspec import Struct, field


class Settings(Struct, frozen=True, kw_only=True):
    """For one test. Seconds are of the host; `pictures` and `report` are folders, `root` is pytest's."""

    root: Path
    pictures: Path
    report: Path
    model: str
    seconds: float = 30.0
    update: bool = False
    start: dict[str, Any] = field(default_factory=dict)
    """From the test's marker: what a guest is started with unless the test says otherwise."""
