"""A hostile guest beside a working one on one handset, in every mode: what the neighbour and the window feel.

Judged: the least share of its speed that Work keeps, the longest gap in the GUI's thread, the longest time
that stopping Hostile took. Speed is that of a fixed piece of work in Work, timed by the host.
"""

from .bench import Bench
from .figures import Figure
from .window import measure_in_window

_SPEED_GOAL, _GAP_GOAL_MS, _STOP_GOAL_MS = 0.4, 100.0, 250.0


async def measure(bench: Bench) -> list[Figure]:
    """Shares and milliseconds; the notes say which mode was which."""
    bench.say("all modes")
    answer = await measure_in_window("hostile", bench)
    modes = [name.removeprefix("speed ") for name in answer if name.startswith("speed ")]
    figures = []
    for what, unit, goal, more in (
        ("speed", "", _SPEED_GOAL, True),
        ("gap", "ms", _GAP_GOAL_MS, False),
        ("stop", "ms", _STOP_GOAL_MS, False),
    ):
        names = {
            "speed": "speed that Work keeps",
            "gap": "longest gap in the GUI thread",
            "stop": "stopping Hostile",
        }
        samples = {mode: answer[f"{what} {mode}"][0] for mode in modes}
        figure = Figure(name=f"{names[what]}, {len(modes)} modes", unit=unit, ours=list(samples.values()))
        if what == "gap":
            figure.peer, figure.peer_name = [answer[f"gap alone {mode}"][0] for mode in modes], "Work alone"
        figure.judge, figure.goal, figure.more_is_better = "worst", goal, more
        figure.note = f"{names[what]}: " + ", ".join(f"{mode} {value:.3g}" for mode, value in samples.items())
        figures.append(figure)
    return figures
