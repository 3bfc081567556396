"""The window with four live panes that change 60 times a second, and its graphs: frames and CPU.

The guests are the sample phones with their animation on; the window is the workbench's own, offscreen. The
CPU is the window's whole process, without the guests'. A guest that itself draws less than 60 frames a
second on this machine shows in 'frames that guests published', not in what the window leaves out.
"""

from .bench import Bench
from .figures import Figure
from .window import measure_in_window

_SHARE_GOAL = 30.0
_SHOWN_GOAL = 0.95


async def measure(bench: Bench) -> list[Figure]:
    """Frames a second and shares of one core."""
    bench.say("four panes")
    answer = await measure_in_window("panes", bench)
    return [
        Figure(
            name="the window's CPU, four 60 Hz panes and graphs",
            unit="% of a core",
            ours=answer["share"],
            judge="median",
            goal=_SHARE_GOAL,
        ),
        Figure(name="of that, its GUI thread", unit="% of a core", ours=answer["thread_share"]),
        Figure(name="frames that guests published", unit="fps a guest", ours=answer["published"]),
        Figure(name="frames that panes painted", unit="fps a pane", ours=answer["painted"]),
        Figure(
            name="painted of published",
            unit="",
            ours=answer["shown"],
            judge="median",
            goal=_SHOWN_GOAL,
            more_is_better=True,
        ),
        Figure(name="longest gap in the GUI thread", unit="ms", ours=answer["gap"]),
    ]
