"""What time it is for a policy: never earlier than it was already, whatever the computer's clock says.

The highest time ever seen is kept in the store, with how long the computer had been up then: while it stays
up, time goes on from there even if the clock was turned back. Left out: a clock that was turned forward and
was seen so. It counts, as an honest clock that had been behind would; a policy then ends too early, never too
late.
"""

import time
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

SECOND: Final = 1_000_000_000
FROM_THE_FUTURE: Final = 300 * SECOND
"""How much later than now something may have been issued: two clocks are never quite the same."""


class Clock(Protocol):
    def wall_ns(self) -> int:
        """Since 1970."""

    def up_ns(self) -> int:
        """Since the computer was started, its sleep included."""

    def boot(self) -> str:
        """Another one after each start of the computer."""


class SystemClock:
    def __init__(self) -> None:
        try:
            self._boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:64]
        except OSError:
            self._boot = ""

    def wall_ns(self) -> int:
        return time.time_ns()

    def up_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def boot(self) -> str:
        return self._boot


class SeenTime(Struct, frozen=True, array_like=True):
    time_ns: int = 0
    up_ns: int = 0
    boot: str = ""


def advanced(seen: SeenTime, clock: Clock) -> SeenTime:
    """The time now, to be kept in the place of what was seen."""
    up, boot = clock.up_ns(), clock.boot()
    least = seen.time_ns
    if boot and boot == seen.boot:
        least += max(0, up - seen.up_ns)
    return SeenTime(max(clock.wall_ns(), least), up, boot)
