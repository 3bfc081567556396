"""The handset's own keys: what Linux calls them, and which GPIO line each is on."""

from collections.abc import Sequence
from typing import Final

HARDWARE_KEYS: Final = {
    "power": 116,  # KEY_POWER
    "volume-up": 115,
    "volume-down": 114,
    "home": 172,  # KEY_HOMEPAGE, not the KEY_HOME of a cursor block
    "back": 158,
    "menu": 139,
    "search": 217,
    "camera": 212,
    "call": 169,  # KEY_PHONE
    "end": 446,  # KEY_HANGUP_PHONE
    "mute": 113,
}
"""Codes of linux/input-event-codes.h by the names that handset models use."""

LINES: Final = 8
POWER_LINE: Final = 3
"""Where QEMU's `virt` has its power key."""


def key_lines(keys: Sequence[str]) -> dict[str, int]:
    """The line of each key: power's is fixed, the others take the free ones in the order given."""
    free = [line for line in range(LINES) if line != POWER_LINE]
    lines: dict[str, int] = {}
    for key in keys:
        if key not in HARDWARE_KEYS:
            raise ValueError(f"there is no hardware key '{key}'")
        if key in lines:
            raise ValueError(f"the hardware key '{key}' is named twice")
        if key == "power":
            lines[key] = POWER_LINE
        elif free:
            lines[key] = free.pop(0)
        else:
            raise ValueError(f"more than {LINES} hardware keys")
    return lines
