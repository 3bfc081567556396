"""In the window's process: Work alone, then beside Hostile in each of its modes."""

import time
from statistics import median
from typing import Any

import msgspec

from .gaps import Gaps
from .window import Answer, Workbench, command, until

MODES = (
    *("spin", "mmio", "wild", "exec", "exec-kernel", "system", "fill"),
    *("kick", "timer", "hypercall", "flood", "noise", "rewrite", "remap"),
)
_QUICK = ("spin", "mmio", "flood", "noise")


async def scenario(workbench: Workbench) -> Answer:
    """For each mode: the share of its speed that Work keeps, the longest gap, the time a stop took."""
    handset = await workbench.put("nexus-one", "work")
    work = handset.guests[0]
    session = workbench.window.session
    await _work_seconds(work)  # warms up
    answer: Answer = {}
    for mode in _QUICK if workbench.quick else MODES:
        with Gaps() as gaps_alone:  # alone and beside follow on each other: the machine may have other work
            alone = await _median_of_work(work)
        image = msgspec.structs.replace(session.images["hostile"], append=f"hostile={mode}")
        hostile = await handset.start(image, name=f"hostile {mode}")
        await hostile.console.expect("hostile", 10)
        workbench.window.session.bring_to_front(work)
        with Gaps() as gaps:
            beside = await _median_of_work(work)
        begun = time.monotonic()
        await handset.remove(hostile)
        stop = (time.monotonic() - begun) * 1000
        await until(lambda: len(handset.guests) == 1)
        answer |= {
            f"speed {mode}": [alone / beside],
            f"gap {mode}": [gaps.longest_ms],
            f"gap alone {mode}": [gaps_alone.longest_ms],
            f"stop {mode}": [stop],
        }
    return answer


async def _median_of_work(work: Any) -> float:
    return median([await _work_seconds(work) for _ in range(3)])


async def _work_seconds(work: Any) -> float:
    """How long a fixed piece of work takes by the host's clock."""
    await command(work, "bench", "BEGIN bench")
    begun = time.monotonic()
    await work.console.expect("END bench", 120)
    return time.monotonic() - begun
