"""What tracing a guest costs it: Debian's kernel to /init and six userspace jobs, traced against not traced.

CPU time of the guest's process, reading what was written down not in it. The same guest each time,
deterministic, so that it does the same work; nothing has a bound, for a guest that is not traced pays
nothing.
"""

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
_OFF = "not traced"
_KINDS = {
    "device accesses": ("mmio",),
    "exceptions": ("exceptions",),
    "coverage": ("coverage",),
    "profile, a sample a millisecond": ("profile",),
    "all of it": ("mmio", "exceptions", "coverage", "profile"),
}
_SHOWN = ("zImage to /init", "six jobs, sum")


async def measure(bench: Bench) -> list[Figure]:
    """Ratios to the same guest without a trace."""
    try:
        image = guest_image(linux_files(bench.folder), "bench=jobs")
    except MissingImage as missing:
        raise CannotMeasure(str(missing)) from missing
    contenders: Mapping[str, Callable[[], Awaitable[Mapping[str, float]]]] = {
        _OFF: partial(_once, image, ()),
        **{name: partial(_once, image, kinds) for name, kinds in _KINDS.items()},
    }
    results = await take_turns(contenders, bench.rounds(5, 1), bench.say)
    return [
        Figure(
            name=f"{part}, {name}",
            unit="s CPU",
            ours=results[name][part],
            peer=results[_OFF][part],
            peer_name=_OFF,
        )
        for name in _KINDS
        for part in _SHOWN
    ]


async def _once(image: GuestImage, kinds: tuple[str, ...]) -> Mapping[str, float]:
    async with ours.running(image, _OPTIONS) as running:
        if kinds:
            await running.guest.debugger.trace.start(kinds)
        await running.guest.resume()
        return await segments(running.console, running.started, running.start_cpu)
