"""How a governed guest stands, in words and with a sign."""

import time
from dataclasses import dataclass

from pocketvisor.policies.standing import Standing
from pocketvisor_workbench.words import span_words, when_words

_SOON = 0.1
"""A check-in that is due within this share of its period is pressing."""


@dataclass(frozen=True)
class Stands:
    words: str
    more: str
    sign: str
    role: str


def stands(standing: Standing, now_ns: int, period_hours: int, *, wiped: bool = False) -> Stands:
    """`period_hours`: of the check-in; 0 where there is none."""
    due = standing.check_in_due_ns
    left = (due - now_ns) / 1e9 if due is not None else 0.0
    if wiped:
        return Stands("Wiped", f"{standing.why}.", "cellphone-remove", "bad")
    if standing.wipe_due:
        return Stands("Being wiped", standing.why, "cellphone-remove", "bad")
    if standing.locked:
        until = standing.until_ns
        opens = f" It opens {when_words(until, time.time())}." if until is not None else ""
        return Stands("Locked", f"{standing.why}.{opens}", "lock-outline", "bad")
    if due is None:
        return Stands("May be used", "No check-in is asked for.", "shield-check-outline", "good")
    pressing = left < period_hours * 3600 * _SOON
    words = f"The next check-in is due in {span_words(left)}."
    return Stands("May be used", words, "shield-sync-outline", "warn" if pressing else "good")
