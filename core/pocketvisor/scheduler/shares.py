"""Splitting a rate among those that want it: reservations first, then by weight, nobody over their bound."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

_NO_BOUND: Final = float("inf")


class Demand(Struct, frozen=True):
    """What a guest asks for, in ticks a second; None for all it can get. `limit` 0: none."""

    ticks_per_second: float | None
    foreground: bool = False
    weight: float = 1.0
    reservation: float = 0.0
    limit: float = 0.0

    @property
    def most(self) -> float:
        return min(self.limit or _NO_BOUND, _NO_BOUND if self.ticks_per_second is None else self.wanted)

    @property
    def wanted(self) -> float:
        return self.ticks_per_second or 0.0


def split(total: float, demands: Sequence[Demand]) -> list[float]:
    """Each one's grant. Their sum is `total`, unless nobody wants more or may have more.

    A guest's grant is its weight's part of what there is, but at least what is reserved for it as far as it
    wants that, and at most what it wants and may have. Whatever is over is the foreground's.
    """
    most = [demand.most for demand in demands]
    least = [min(demand.reservation, bound) for demand, bound in zip(demands, most, strict=True)]
    if (reserved := sum(least)) > total:
        least = [total * each / reserved for each in least]
    grants = [0.0] * len(demands)
    open_ones = [index for index, bound in enumerate(most) if bound > 0.0]
    left = total
    while open_ones:
        weight = sum(demands[index].weight for index in open_ones)
        parts = {index: left * demands[index].weight / weight for index in open_ones}
        over = [index for index in open_ones if parts[index] >= most[index]]
        under = [index for index in open_ones if parts[index] < least[index]]
        given = sum(parts[index] - most[index] for index in over)
        taken = sum(least[index] - parts[index] for index in under)
        if not over and not under:
            for index in open_ones:
                grants[index] = parts[index]
            return grants
        # Of the two kinds the one that weighs more is right for certain: what the other does to the parts
        # is less than what it does.
        settled, bounds = (over, most) if given >= taken and over else (under, least)
        for index in settled:
            grants[index] = bounds[index]
            left -= grants[index]
        left = max(left, 0.0)
        open_ones = [index for index in open_ones if index not in settled]
    for index, demand in enumerate(demands):
        if demand.foreground:
            grants[index] = min(grants[index] + left, demand.limit or _NO_BOUND)
    return grants
