"""Moments of a guest's life in words. A recording's own clock begins at 0:00."""


def clock_words(ns: int, *, tenths: bool = True) -> str:
    """A time on the clock of a recording."""
    total = max(ns, 0) // 100_000_000
    seconds, tenth = divmod(total, 10)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    words = f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
    return f"{words}.{tenth}" if tenths else words


def before_words(ns: int) -> str:
    """How long before now."""
    seconds = max(ns, 0) / 1e9
    if seconds < 100:
        return f"{seconds:.1f} s ago"
    if seconds < 100 * 60:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s ago"
    return f"{seconds / 3600:.1f} h ago"
