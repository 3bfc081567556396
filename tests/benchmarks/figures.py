"""What a benchmark answers: figures, each with its samples, its peer's samples and the bound to reach.

Nothing here is known beforehand but the bounds: every number comes from a run.
"""

from statistics import median
from typing import Literal

from msgspec import Struct, field

Judge = Literal["ratio", "median", "p95", "worst", "none"]


class Figure(Struct, kw_only=True):
    """One line of the table. `judge` says what is held against `goal`.

    ratio: ours to the peer's, of the medians. median, p95, worst: of our own samples. none: only reported.
    """

    name: str
    unit: str
    ours: list[float]
    peer: list[float] = field(default_factory=list)
    peer_name: str = ""
    judge: Judge = "none"
    goal: float | None = None
    more_is_better: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours to the peer's, of the medians."""
        return (
            median(self.ours) / median(self.peer)
            if self.ours and any(self.peer) and median(self.peer)
            else None
        )

    @property
    def ratio_of_best(self) -> float | None:
        """The same of the best sample of each, which other work on the machine disturbs least."""
        best = max if self.more_is_better else min
        return best(self.ours) / best(self.peer) if self.ours and self.peer and best(self.peer) else None

    @property
    def value(self) -> float | None:
        """The number that is judged, or our median where nothing is."""
        if not self.ours:
            return None
        if self.judge == "ratio":
            return self.ratio
        if self.judge == "p95":
            return percentile(self.ours, 5 if self.more_is_better else 95)
        if self.judge == "worst":
            return min(self.ours) if self.more_is_better else max(self.ours)
        return median(self.ours)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none, or nothing was measured."""
        value = self.value
        if self.goal is None or value is None or self.judge == "none":
            return None
        return value >= self.goal if self.more_is_better else value <= self.goal

    def plain(self) -> dict[str, object]:
        """For the JSON file: the samples and all that follows from them."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": self.ours,
            "peer": self.peer,
            "peer_name": self.peer_name,
            "ratio": self.ratio,
            "ratio_of_best": self.ratio_of_best,
            "judge": self.judge,
            "value": self.value,
            "goal": self.goal,
            "more_is_better": self.more_is_better,
            "met": self.met,
            "note": self.note,
        }


def percentile(samples: list[float], percent: float) -> float:
    """By the nearest rank, so that the answer is one of the samples."""
    ordered = sorted(samples)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]
