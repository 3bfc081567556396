"""What a breakpoint that is not reached, and a watched kernel word, cost the six userspace jobs.

CPU time of the guest's process. The word is one of the data of Debian's kernel, in a page of average traffic:
under gzip its neighbours that are in use meet three to a hundred thousand accesses a second, this one eleven
thousand. The kernel writes it about twelve times a second, and each time the guest stops, is looked at and
goes on. A single step is the engine's own work: thousands of them in one request.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from pocketvisor.errors import MissingImage
from pocketvisor.guest.options import RunOptions
from pocketvisor.images.catalogue import GuestImage

from . import ours
from .bench import Bench, CannotMeasure
from .figures import Figure
from .guest_files import linux_files
from .linux import guest_image, segments
from .timing import take_turns

_OPTIONS = RunOptions(rate="max", ram_mib=256, deterministic=True, skip_idle=True, paused=True)
_OFF = "not debugged"
_PANIC = 0xC0D20A6C  # panic() of linux-image-6.1.0-50-armmp; any code that nobody executes would do
_WORD = 0xC1405B88
_STOPS = ("breakpoint not reached", "watched kernel word")
_GOALS = {"breakpoint not reached": 1.05, "watched kernel word": 2.0}
_SUM = "six jobs, sum"
_STEPS = 20_000


async def measure(bench: Bench) -> list[Figure]:
    """Ratios to the same guest without a debugger, and microseconds a step."""
    try:
        image = guest_image(linux_files(bench.folder), "bench=jobs")
    except MissingImage as missing:
        raise CannotMeasure(str(missing)) from missing
    contenders: Mapping[str, Callable[[], Awaitable[Mapping[str, float]]]] = {
        _OFF: partial(_once, image, None),
        **{name: partial(_once, image, name) for name in _STOPS},
    }
    results = await take_turns(contenders, bench.rounds(5, 1), bench.say)
    figures = [
        Figure(
            name=f"{_SUM}, {name}",
            unit="s CPU",
            ours=results[name][_SUM],
            peer=results[_OFF][_SUM],
            peer_name=_OFF,
            judge="ratio",
            goal=_GOALS[name],
        )
        for name in _STOPS
    ]
    figures[-1].note = f"stops a run: {results['watched kernel word']['stops']}"
    steps = [await _steps(image) for _ in range(bench.rounds(5, 1))]
    return [*figures, Figure(name="single step", unit="us", ours=steps)]


async def _once(image: GuestImage, name: str | None) -> Mapping[str, float]:
    async with ours.running(image, _OPTIONS) as running:
        stop = None
        if name == "breakpoint not reached":
            stop = running.guest.debugger.stops.add("execute", _PANIC)
        elif name:
            stop = running.guest.debugger.stops.add("write", _WORD, 4, ignore=1 << 31)
        await running.guest.resume()
        seconds = await segments(running.console, running.started, running.start_cpu)
        return {**seconds, "stops": stop.hits if stop else 0}


async def _steps(image: GuestImage) -> float:
    async with ours.running(image, _OPTIONS) as running:
        await running.guest.resume()
        await running.console.line("^BENCH-INIT", 180.0)
        await running.guest.debugger.pause()
        started = time.perf_counter()
        await running.guest.debugger.step(_STEPS)
        return (time.perf_counter() - started) * 1e6 / _STEPS
