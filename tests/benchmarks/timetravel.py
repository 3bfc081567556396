"""Recording a Linux and going back to the last write of a word of its kernel: ours, and QEMU's record/replay.

The same kernel and initrd on the same kind of board. The guest writes a variable of its kernel through
/proc, then packs a file over and over, or sleeps; ten seconds later it is asked who wrote there last. QEMU
needs to be told where to begin: it is given a snapshot right before the word was written, made in a replay
up to there, and stands at its recording's end; neither is in its figure. Judged is the search alone.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from pocketvisor.debug.debugger import Debugger
from pocketvisor.errors import MissingImage
from pocketvisor.guest.options import RunOptions
from pocketvisor.images.catalogue import GuestImage, image_from_files

from . import ours, qemu
from .bench import Bench, CannotMeasure
from .figures import Figure
from .gdb_wire import GdbWire
from .guest_files import LinuxFiles, rewind_files
from .qmp import Qmp
from .timing import take_turns

_TIMEOUT = 180.0
_BACK_SECONDS = 10.0
_LAPS = 12
_OPTIONS = RunOptions(rate="max", ram_mib=256)
_KERNEL = 48 << 20
"""At RAM's start, where its variables are."""
_RAM, _LINEAR = 0x40000000, 0xC0000000
_FIRST, _SECOND = 324508639, 610839776
"""What /init writes to the variable."""
_GOALS = {"work": 5.0, "wait": 1.0}
_WORDS = {"work": "gzip", "wait": "idle"}


async def measure(bench: Bench) -> list[Figure]:
    """Seconds of CPU of a fixed work, recorded and not; seconds of a search, 10 s back."""
    if problem := qemu.missing():
        raise CannotMeasure(problem)
    try:
        files = rewind_files(bench.folder)
    except MissingImage as missing:
        raise CannotMeasure(str(missing)) from missing
    contenders: Mapping[str, Callable[[], Awaitable[Mapping[str, float]]]] = {
        "ours": partial(_ours_works, files, recorded=False),
        "ours recorded": partial(_ours_works, files, recorded=True),
        "QEMU": partial(_qemu_works, files, bench.folder, recorded=False),
        "QEMU recorded": partial(_qemu_works, files, bench.folder, recorded=True),
    }
    laps = await take_turns(contenders, bench.rounds(5, 1), bench.say)
    figures = [
        Figure(
            name=f"{_LAPS} laps of gzip, recorded",
            unit="s CPU",
            ours=laps["ours recorded"]["cpu"],
            peer=laps["QEMU recorded"]["cpu"],
            peer_name="QEMU rr",
            judge="ratio",
            goal=1.0,
        ),
        Figure(
            name="rate of the same, recorded to not recorded",
            unit="of 1",
            ours=_ratios(laps["ours"]["cpu"], laps["ours recorded"]["cpu"]),
            peer=_ratios(laps["QEMU"]["cpu"], laps["QEMU recorded"]["cpu"]),
            peer_name="QEMU rr",
            judge="median",
            goal=0.9,
            more_is_better=True,
        ),
    ]
    address = 0
    for what in ("work", "wait"):
        mine, theirs, note = [], [], ""
        for _ in range(bench.rounds(3, 1)):
            bench.say(f"back to a write, {_WORDS[what]}")
            seconds, address = await _ours_searches(files, what)
            mine.append(seconds)
        bench.say(f"the same in QEMU, {_WORDS[what]}")
        try:
            theirs.append(await _qemu_searches(files, bench.folder, what, address))
        except (RuntimeError, TimeoutError) as error:
            note = f"QEMU did not find it: {error or 'not in time'}"
        figures.append(
            Figure(
                name=f"back to a word's last write, {_BACK_SECONDS:.0f} s of {_WORDS[what]}",
                unit="s",
                ours=mine,
                peer=theirs,
                peer_name="QEMU rr",
                judge="worst",
                goal=_GOALS[what],
                note=note,
            )
        )
    return figures


def _ratios(without: list[float], recorded: list[float]) -> list[float]:
    return [one / other for one, other in zip(without, recorded, strict=True)]


# Ours


def _image(files: LinuxFiles, what: str) -> GuestImage:
    append = f"console=ttyAMA0 rewind={what}"
    return image_from_files(
        kernel=files.kernel, initrd=files.initrd, append=append, name="rewind", ram_mib=256
    )


async def _ours_works(files: LinuxFiles, *, recorded: bool) -> dict[str, float]:
    async with ours.running(_image(files, "work"), _OPTIONS) as running:
        await running.console.line("^REWIND-INIT", _TIMEOUT)
        if recorded:
            await running.guest.debugger.timeline.start()
        begin = await running.console.line("^LAP 2$", _TIMEOUT)
        end = await running.console.line(f"^LAP {2 + _LAPS}$", _TIMEOUT)
        return {"cpu": end.cpu - begin.cpu, "wall": end.wall - begin.wall}


async def _ours_searches(files: LinuxFiles, what: str) -> tuple[float, int]:
    """Seconds, and the word's virtual address."""
    async with ours.running(_image(files, what), _OPTIONS) as running:
        debugger = running.guest.debugger
        await running.console.line("^REWIND-INIT", _TIMEOUT)
        candidates = await _found(debugger, range(0, _KERNEL, 4), _FIRST)
        await debugger.timeline.start()
        await running.console.line("^REWIND-WRITTEN", _TIMEOUT)
        (offset,) = await _found(debugger, candidates, _SECOND)
        before = debugger.timeline.begin
        await asyncio.sleep(_BACK_SECONDS)
        began = time.perf_counter()
        info = await debugger.last_write(_RAM + offset, physical=True)
        seconds = time.perf_counter() - began
        assert before <= info.position < debugger.timeline.end
        assert int.from_bytes(await debugger.read(_RAM + offset, 4, physical=True), "little") == _FIRST
        return seconds, _LINEAR + offset


async def _found(debugger: Debugger, where: range | list[int], value: int) -> list[int]:
    """The words of these that hold a value, by their offset in RAM."""
    word = value.to_bytes(4, "little")
    if isinstance(where, list):
        return [at for at in where if await debugger.read(_RAM + at, 4, physical=True) == word]
    found = []
    for start in range(where.start, where.stop, 1 << 20):
        content = await debugger.read(_RAM + start, 1 << 20, physical=True)
        at = content.find(word)
        while at >= 0:
            if at % 4 == 0:
                found.append(start + at)
            at = content.find(word, at + 1)
    return found


# QEMU


@asynccontextmanager
async def _qemu(
    files: LinuxFiles, folder: Path, what: str, mode: str = "", *more: str
) -> AsyncIterator[tuple[qemu.Qemu, Qmp]]:
    disk, socket = folder / "rewind.qcow2", folder / f"rewind-{time.monotonic_ns()}"
    if not disk.exists():
        made = await asyncio.create_subprocess_exec(
            "qemu-img", "create", "-q", "-f", "qcow2", str(disk), "64M"
        )
        if await made.wait():
            raise CannotMeasure("qemu-img could not make a disk to keep QEMU's snapshots in")
    count = f",rr={mode},rrfile={folder}/rewind.log,rrsnapshot=init" if mode else ""
    machine = (
        *qemu.VIRT,
        *("-drive", f"if=none,id=kept,format=qcow2,file={disk}"),
        *("-icount", f"shift=auto{count}"),
        *("-qmp", f"unix:{socket},server=on,wait=off"),
        *more,
    )
    append = f"console=ttyAMA0 rewind={what}"
    async with qemu.running(machine, files.kernel, initrd=files.initrd, append=append) as running:
        control = await Qmp.connect(socket)
        try:
            yield running, control
        finally:
            await control.close()


async def _qemu_works(files: LinuxFiles, folder: Path, *, recorded: bool) -> dict[str, float]:
    async with _qemu(files, folder, "work", "record" if recorded else "") as (running, _):
        begin = await running.console.line("^LAP 2$", _TIMEOUT)
        end = await running.console.line(f"^LAP {2 + _LAPS}$", _TIMEOUT)
        return {"cpu": end.cpu - begin.cpu, "wall": end.wall - begin.wall}


async def _qemu_searches(files: LinuxFiles, folder: Path, what: str, address: int) -> float:
    async with _qemu(files, folder, what, "record") as (running, control):
        await running.console.line("^REWIND-INIT", _TIMEOUT)
        before = await _count(control)
        await running.console.line("^REWIND-WRITTEN", _TIMEOUT)
        after = await _count(control)
        await asyncio.sleep(_BACK_SECONDS)
        end = await _count(control)
        await control.ask("quit")  # its log is whole then
        await running.process.wait()
    gdb = folder / f"rewind-gdb-{time.monotonic_ns()}"
    stub = ("-S", "-gdb", f"unix:{gdb},server=on,wait=off")
    async with asyncio.timeout(_TIMEOUT), _qemu(files, folder, what, "replay", *stub) as (_, control):
        await _run_to(control, before)
        await control.monitor("savevm before")
        await _run_to(control, end)
        wire = await GdbWire.connect(gdb)
        await wire.ask(b"?")
        await wire.ask(b"Z2,%x,4" % address)
        began = time.perf_counter()
        await wire.ask(b"bc")
        seconds = time.perf_counter() - began
        where = await _count(control)
        await wire.close()
    if not before <= where <= after:
        raise RuntimeError(f"it stopped at instruction {where}, not between {before} and {after}")
    return seconds


async def _count(control: Qmp) -> int:
    return int((await control.monitor("info replay")).rpartition("=")[2])


async def _run_to(control: Qmp, count: int) -> None:
    await control.monitor(f"replay_break {count}")
    await control.monitor("cont")
    while (await control.ask("query-status"))["running"]:
        await asyncio.sleep(0.02)
