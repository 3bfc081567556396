"""From a key or a finger on a pane to changed pixels in that pane: through Qt, the guest and back.

The guest is a sample phone with its calculator open, at the handset's rate, with its neighbour beside it.
"""

from .bench import Bench
from .figures import Figure
from .window import measure_in_window

_GOAL_MS = 50.0


async def measure(bench: Bench) -> list[Figure]:
    """Milliseconds, judged at the 95th percentile."""
    bench.say("keys and touches")
    answer = await measure_in_window("latency", bench)
    return [
        Figure(name=f"{what} to changed pixels", unit="ms", ours=answer[what], judge="p95", goal=_GOAL_MS)
        for what in ("key", "touch")
    ]
