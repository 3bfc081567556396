"""Keeps what guests get in proportion to what they are granted, whatever the host is able to give.

A rate is only a ceiling: a guest whose process did not get the host's CPU ran less. So each guest's progress
is counted in seconds of its grant that it had. Those who are ahead wait for the one that is behind, and that
one may run a little faster than its grant until it has caught up: on a host that is too slow the handset is
slower, and the proportions hold.

    promised      a guest with a reservation, or more shares than usual: the others wait for it, whatever
                  keeps it behind
    not promised  they wait only for what the host owes it. That its own code is slow is its own affair, or a
                  guest that does nothing but touch devices could stop its neighbours
    bounds        nobody is held below an eighth of their grant, and time lost long ago is not made up
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

LEAST: Final = 0.125
"""What a guest that waits for others gets of its grant at least."""
_LOST: Final = 0.06
"""Seconds of its grant that a guest may be behind and still catch up."""
_AHEAD: Final = 0.04
"""Seconds ahead, at the pace they go, from which on a guest does nothing but wait: more than looks that
come late can make of nothing, or the rates would swing."""
_PATIENCE: Final = 0.4
"""Seconds that the last one may stand still before it is taken to go on slowly."""
_AHEAD_MOST: Final = 0.3
"""What a guest is ahead by is remembered up to this."""
_CORRECTED_IN: Final = 0.15
_CATCH_UP: Final = 1.5
_GAP: Final = 0.5
"""Seconds: who looks less often than that knows nothing of the time between."""
_SMOOTH: Final = 0.15
"""Seconds over which the host's pace is looked at."""


class Progress(Struct, frozen=True):
    """Of one guest that wants more, since the last look, in ticks a second. `key`: who it is. `granted`: its
    part; `allowed`: the rate that it was really given; `host`: of the time that it wanted a core lately, how
    much it had one, 0 to 1."""

    key: int
    used: float
    granted: float
    allowed: float
    host: float = 1.0
    promised: bool = False


class _Account(Struct):
    had: float
    """Seconds of its grant."""
    part: float = 1.0
    """Of its grant that it ran lately."""


class Fairness:
    """Asked at each look for what each grant is to be multiplied with."""

    def __init__(self) -> None:
        self._accounts: dict[int, _Account] = {}
        self._time = 0.0
        self._least = 0.0
        self._moved = 1.0
        """How fast the last of them goes, in seconds of its grant a second."""

    @property
    def pace(self) -> float:
        """How much of their grants the guests really get, over the last moment, 0 to 1."""
        return min(self._moved, 1.0)

    def factors(self, elapsed: float, progress: Sequence[Progress]) -> list[float]:
        elapsed = min(elapsed, _GAP)
        last = min((account.had for account in self._accounts.values()), default=self._time)
        before, self._accounts = self._accounts, {}
        self._least += LEAST * elapsed
        if before:
            self._time += elapsed
        for each in progress:
            account = before.get(each.key)
            if account is not None and each.granted > 0.0:
                _advance(account, each, elapsed)
                account.had = max(account.had, self._least)
                self._accounts[each.key] = account
        self._forgive(progress, elapsed)
        behind = min((account.had for account in self._accounts.values()), default=self._time)
        if not self._accounts:
            self._moved = 1.0
        elif len(before) == len(self._accounts):  # nobody went, who may have been the last
            weight = min(elapsed / _SMOOTH, 1.0)
            self._moved += weight * (min(max((behind - last) / elapsed, LEAST), _CATCH_UP) - self._moved)
        self._least = max(self._least, behind - LEAST * _PATIENCE)
        for each in progress:
            self._accounts.setdefault(each.key, _Account(behind))
        for account in self._accounts.values():
            account.had = min(account.had, behind + _AHEAD_MOST)
        self._time = min(max(self._time, behind), behind + _LOST)
        return [self._factor(self._accounts[each.key], behind) for each in progress]

    def _forgive(self, progress: Sequence[Progress], elapsed: float) -> None:
        """Nobody waits for what a guest's own code did not run: as far as that, it is level with the next."""
        for each in progress:
            account = self._accounts.get(each.key)
            others = [other.had for key, other in self._accounts.items() if key != each.key]
            if account is None or each.promised or not others:
                continue
            could = min(each.allowed / each.granted, each.host, 1.0)
            own = max(could - account.part, 0.0) * elapsed
            account.had = max(account.had, min(account.had + own, min(others)))

    def _factor(self, account: _Account, behind: float) -> float:
        full = min(1.0 + (self._time - account.had) / _CORRECTED_IN, _CATCH_UP)
        lead = (account.had - behind) / max(self.pace, LEAST)  # in seconds at the pace that they really go
        waits = min(self.pace * (1.0 - (lead - _AHEAD) / _CORRECTED_IN), full)
        weight = min(lead / _AHEAD, 1.0)
        return max((1.0 - weight) * full + weight * waits, LEAST / 2)


def _advance(account: _Account, progress: Progress, elapsed: float) -> None:
    weight = min(elapsed / _SMOOTH, 1.0)
    part = progress.used / progress.granted
    account.part += weight * (part - account.part)
    account.had += part * elapsed
