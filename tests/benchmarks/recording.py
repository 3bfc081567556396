"""A recorded Debian: what recording costs, how large it becomes, and how fast its past is there.

The watched word is the kernel's own name of the host (init_uts_ns), which `hostname` writes: a word of the
kernel's data, written once, ten seconds before one goes back to it. The rates are ticks a second of the same
guest in turns, recorded and not. `timetravel` has QEMU's record and replay beside it.
"""

import asyncio
import time
from pathlib import Path

from pocketvisor.debug.timeline.kept import replay_recording
from pocketvisor.debug.timeline.timeline import Timeline
from pocketvisor.errors import MissingImage
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import RunOptions
from pocketvisor.images.catalogue import catalogue

from . import ours
from .bench import Bench, CannotMeasure
from .figures import Figure
from .moving import BOOT_SECONDS, PROMPT

GZIP = "cat /bin/busybox > /tmp/x; while true; do gzip -c /tmp/x > /tmp/y; done &"
_NODE_NAME = 65
"""Behind the name of the system, of so many characters, in struct new_utsname."""
_MARK = "goes-back-to-here"
_MIB = 1 << 20


async def measure(bench: Bench) -> list[Figure]:
    """Ticks a second, seconds, milliseconds, MiB."""
    try:
        image = catalogue()["debian"]
        image.check()
    except MissingImage as missing:
        raise CannotMeasure(str(missing)) from missing
    figures = []
    minute, back = bench.rounds(60, 15), bench.rounds(10, 4)
    async with ours.handset() as phone:
        guest = await phone.start(image, options=RunOptions(rate="max"))
        await guest.console.expect(PROMPT, BOOT_SECONDS)
        bench.say("a minute of typing")
        size, picture = await _minute(guest, minute)
        figures.append(
            Figure(
                name=f"a recording of {minute} s of typing",
                unit="MiB",
                ours=[size],
                judge="worst",
                goal=60.0,
            )
        )
        figures.append(
            Figure(
                name=f"the slider {minute} s back: a picture",
                unit="ms",
                ours=picture,
                judge="worst",
                goal=300.0,
            )
        )
        bench.say("back to a write, idle")
        found = await _last_write(guest, back)
        figures.append(
            Figure(name=f"reverse-continue, {back} s, idle", unit="s", ours=[found], judge="worst", goal=1.0)
        )
        guest.console.write(f"{GZIP}\r".encode())
        await asyncio.sleep(2)
        bench.say("recorded and not, in turns")
        on, off = await _rates(guest, bench.rounds(5, 2))
        figures.append(
            Figure(
                name="gzip recorded, to not recorded",
                unit="ticks/s",
                ours=on,
                peer=off,
                peer_name="not recorded",
                judge="ratio",
                goal=0.9,
                more_is_better=True,
            )
        )
        bench.say("back to a write, with gzip")
        found = await _last_write(guest, back)
        figures.append(
            Figure(name=f"reverse-continue, {back} s, gzip", unit="s", ours=[found], judge="worst", goal=5.0)
        )
        bench.say("replays")
        ticks, equal, replays = await _replays(guest, bench.folder, bench.rounds(3, 1))
        figures.append(
            Figure(
                name=f"replays of {ticks / 1e9:.1f} thousand million ticks that came out equal, of {replays}",
                unit="",
                ours=[float(equal)],
                judge="worst",
                goal=float(replays),
                more_is_better=True,
            )
        )
    return figures


async def _minute(guest: Guest, seconds: int) -> tuple[float, list[float]]:
    """MiB, and milliseconds to a picture from the end to the beginning and between."""
    timeline = guest.debugger.timeline
    await timeline.start()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        guest.console.write(b"ls -l /bin | head -20\r")
        await asyncio.sleep(2)
    await timeline.stop()
    size = timeline.size_bytes / _MIB
    pictures = [await _picture(timeline, part) for part in (0.0, 0.5, 0.25)]
    return size, pictures


async def _picture(timeline: Timeline, part: float) -> float:
    """Milliseconds until something of the past is shown."""
    shown = asyncio.Event()
    forget = timeline.on("moved", lambda: shown.set() if timeline.in_past else None)
    clock = timeline.moments[0].clock_ns
    began = time.perf_counter()
    going = asyncio.create_task(timeline.go_to_clock(clock + int((timeline.end_ns - clock) * part)))
    await shown.wait()
    taken = (time.perf_counter() - began) * 1000
    forget()
    await going
    await timeline.present()
    return taken


async def _last_write(guest: Guest, seconds: int) -> float:
    """From asking for it to standing there."""
    debugger = guest.debugger
    await debugger.timeline.start()
    guest.console.write(f"hostname {_MARK}; echo NAM$((1))ED\r".encode())
    await guest.console.expect("NAM1ED", 60)
    await asyncio.sleep(seconds)
    await debugger.pause()
    await debugger.linux.tasks()  # finds the kernel, and so its symbols
    names = debugger.symbols.address("init_uts_ns")
    if (
        names is None
        or (await debugger.read(names + _NODE_NAME, len(_MARK))).decode("ascii", "replace") != _MARK
    ):
        raise CannotMeasure("The kernel's name of the host was not found in its memory")
    stop = debugger.stops.add("write", (names + _NODE_NAME) & ~3, 4)
    began = time.perf_counter()
    info = await debugger.reverse_resume()
    taken = time.perf_counter() - began
    debugger.stops.remove(stop.id)
    if info.reason != "watchpoint":
        raise CannotMeasure(f"The write was not found: {info.sentence}")
    await debugger.return_to_present()
    await debugger.resume()
    await debugger.timeline.stop()
    guest.console.write(b"hostname other\r")
    await asyncio.sleep(1)
    return taken


async def _rates(guest: Guest, rounds: int) -> tuple[list[float], list[float]]:
    timeline = guest.debugger.timeline
    on, off = [], []
    for _ in range(rounds):
        off.append(await _rate(guest))
        await timeline.start()
        on.append(await _rate(guest))
        await timeline.stop()
    return on, off


async def _rate(guest: Guest) -> float:
    await asyncio.sleep(1)
    ticks, began = guest.ticks, time.monotonic()
    await asyncio.sleep(5)
    return (guest.ticks - ticks) / (time.monotonic() - began)


async def _replays(guest: Guest, folder: Path, rounds: int) -> tuple[int, int, int]:
    timeline = guest.debugger.timeline
    await timeline.start()
    begin = timeline.begin
    while guest.ticks * 4 - begin < 4_400_000_000:
        await asyncio.sleep(0.5)
    await timeline.stop()
    path = folder / "recording.vphone"
    await timeline.export(path)
    reports = [await replay_recording(guest.handset, path) for _ in range(rounds)]
    equal = [each for each in reports if not each.differences and each.digest == reports[0].digest]
    return reports[0].ticks, len(equal), rounds
