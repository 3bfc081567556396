"""How a guest that is a test of its own came to its end, and by which signs one knows.

A guest without semihosting has no exit code. These conventions stand in for one: a line on its console that
is a verdict alone (`PASS`, `FAIL...`, `EXIT 3`), or none, when power off (PSCI SYSTEM_OFF) is all that it
says.
"""

import re

from msgspec import Struct

PASSED = r"^\s*(?:PASS(?:ED)?|OK|ALL TESTS PASSED)\s*$"
FAILED = r"^\s*(?:FAIL(?:ED|URE)?\b|PANIC\b)|Kernel panic - not syncing"
EXIT = r"^\s*EXIT[ :=]+(\d{1,3})\s*$"


class Verdicts(Struct, frozen=True):
    """The lines that end a run, as expressions; the first line that is one of them decides."""

    passed: str = PASSED
    failed: str = FAILED
    exit: str = EXIT

    def of(self, line: str) -> int | None:
        """The exit code that a line stands for: 0 passed, 1 failed, N for EXIT N; None for any other line."""
        if found := re.search(self.exit, line):
            return int(found[1])
        if re.search(self.failed, line):
            return 1
        return 0 if re.search(self.passed, line) else None


class Ending(Struct, frozen=True):
    """How it ended.

    code: of the verdict's line or of the program that ended, None where the guest stopped without one. line:
    the verdict's. reason: why the vCPU stopped ("power-off", "exit", "crashed", "limit", ...), or "verdict"
    where it has not. ticks: when.
    """

    code: int | None
    line: str
    reason: str
    ticks: int
    text: str

    @property
    def passed(self) -> bool:
        """Whether the verdict was a good one. Powering off without one is none."""
        return self.code == 0

    def __str__(self) -> str:
        verdict = f"said '{self.line.strip()}'" if self.line else "gave no verdict"
        if self.reason == "exit":
            verdict = f"ended with exit code {self.code}"
        stopped = "" if self.reason == "verdict" else f" and stopped ({self.reason})"
        return f"the guest {verdict}{stopped} at tick {self.ticks}"
