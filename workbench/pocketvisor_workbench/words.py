"""Sizes, times and places in the words that people use for them."""

import time
from pathlib import Path


def size_words(size: int) -> str:
    if size < 1000:
        return f"{size} B"
    for unit, least in (("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)):
        if size < 1000 * least:
            value = size / least
            return f"{value:.0f} {unit}" if value >= 100 else f"{value:.1f} {unit}"
    return f"{size / (1 << 40):.1f} TiB"


def ago_words(seconds: float) -> str:
    """How long since something."""
    if seconds < 1.5:
        return "just now"
    return f"{span_words(seconds)} ago"


def span_words(seconds: float) -> str:
    seconds = max(seconds, 0.0)
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} days"


def when_words(created_ns: int, now: float) -> str:
    """A time of today as a time, an older one with its day."""
    then, today = time.localtime(created_ns / 1e9), time.localtime(now)
    if then[:3] == today[:3]:
        return time.strftime("%H:%M:%S", then)
    if then[0] == today[0]:
        return time.strftime("%-d %b %H:%M", then)
    return time.strftime("%-d %b %Y", then)


def place_words(path: Path) -> str:
    """A path with the home folder in short."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)
