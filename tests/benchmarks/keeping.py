"""A running 256 MiB Debian in its profile: snapshots, restores, clones; QEMU's savevm and loadvm beside them.

Pauses are the guest's own: how long its vCPU stood still. QEMU's guest stands still for all of savevm. A
restore is from asking for it to the vCPU's begin; QEMU's from starting its process, since it has no other way
that others could use.
"""

import asyncio
import time
from pathlib import Path

from pocketvisor.errors import MissingImage
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import GuestImage, catalogue

from . import ours, qemu
from .bench import Bench, CannotMeasure
from .figures import Figure
from .moving import BOOT_SECONDS, PROMPT
from .qmp import Qmp

_CLONES = 10
_SETTLING_SECONDS = 0.7
"""A clone that has just begun translates its code anew: the next one is measured when it has."""
_FILL = "dd if=/dev/urandom of=/tmp/x bs=1M count=120 2>/dev/null; echo FIL$((1))LED\r"
_MIB = 1 << 20


async def measure(bench: Bench) -> list[Figure]:
    """Milliseconds, MiB, and the memory of ten clones in guests."""
    try:
        image = catalogue()["debian"]
        image.check()
    except MissingImage as missing:
        raise CannotMeasure(str(missing)) from missing
    note = qemu.missing()
    peer: dict[str, list[float]] = {"pause": [], "size": [], "restore": []}
    if not note:
        bench.say("QEMU's savevm and loadvm")
        peer = await _qemu(image, bench.folder, bench.rounds(5, 2))
    path = bench.folder / "debian.vphone"
    rounds = bench.rounds(20, 5)
    async with ours.handset() as phone:
        guest = await phone.start(image, options=RunOptions(rate="max"))
        await guest.console.expect(PROMPT, BOOT_SECONDS)
        await asyncio.sleep(2)
        bench.say("snapshots")
        pauses, sizes = await _snapshots(guest, path, rounds)
        await phone.remove(guest)
        bench.say("restores")
        restores = []
        for _ in range(rounds):
            began = time.perf_counter()
            guest = await phone.open_profile(path)
            restores.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.5)
            await phone.remove(guest)
        bench.say(f"{_CLONES} clones")
        times, share = await _clones(phone, image, filled=False)
        bench.say(f"{_CLONES} clones of a guest that uses its memory")
        more, share_of_filled = await _clones(phone, image, filled=True)
    return [
        Figure(
            name="pause of a snapshot",
            unit="ms",
            ours=pauses,
            peer=peer["pause"],
            peer_name="QEMU",
            judge="worst",
            goal=10.0,
            note=note,
        ),
        Figure(
            name="next snapshot after 1 s of idle",
            unit="MiB",
            ours=sizes,
            peer=peer["size"],
            peer_name="QEMU",
            judge="worst",
            goal=5.0,
            note=note,
        ),
        Figure(
            name="restore to running",
            unit="ms",
            ours=restores,
            peer=peer["restore"],
            peer_name="QEMU",
            judge="median",
            goal=150.0,
            note=note,
        ),
        Figure(name="a clone", unit="ms", ours=times + more, judge="median", goal=20.0),
        Figure(
            name="memory of a guest that uses its RAM, and its ten clones, to the guest's alone",
            unit="guests",
            ours=[share_of_filled],
            judge="median",
            goal=1.5,
        ),
        Figure(name="the same of one that has just booted", unit="guests", ours=[share]),
    ]


async def _snapshots(guest: Guest, path: Path, rounds: int) -> tuple[list[float], list[float]]:
    await guest.keep(path)
    profile = guest.profile
    assert profile is not None and profile.last is not None
    pauses, sizes = [profile.last.pause_ms], []
    for _ in range(rounds):
        await asyncio.sleep(1)
        await guest.snapshot()
        pauses.append(profile.last.pause_ms)
        sizes.append(profile.last.bytes / _MIB)
    return pauses, sizes


async def _clones(phone: Handset, image: GuestImage, *, filled: bool) -> tuple[list[float], float]:
    """Milliseconds of each, and the memory of all processes in that of the first, before. `filled`: it has
    most of its RAM in use."""
    phones = [phone]
    guest = await phone.start(image, options=RunOptions())
    try:
        await guest.console.expect(PROMPT, BOOT_SECONDS)
        if filled:
            guest.console.write(_FILL.encode())
            await guest.console.expect("^FIL1LED", 60)
        await asyncio.sleep(2)
        alone = await guest.memory_cost()
        times = []
        everyone = [guest]
        for _ in range(_CLONES):
            if phones[-1].ram_free_mib < guest.ram_mib:
                phones.append(Handset(ours.model()))
            began = time.perf_counter()
            everyone.append(await phones[-1].clone(guest))
            times.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(_SETTLING_SECONDS)
        await asyncio.sleep(1)
        together = sum(await asyncio.gather(*(one.memory_cost() for one in everyone)))
        return times, together / alone
    finally:
        for other in phones[1:]:
            await other.close()
        for one in tuple(phone.guests):
            await phone.remove(one)


async def _qemu(image: GuestImage, folder: Path, rounds: int) -> dict[str, list[float]]:
    disk = folder / "snapshots.qcow2"
    made = await asyncio.create_subprocess_exec(
        "qemu-img", "create", "-q", "-f", "qcow2", str(disk), "64M", stdout=asyncio.subprocess.DEVNULL
    )
    if await made.wait():
        raise CannotMeasure("qemu-img could not make a disk to keep QEMU's snapshots in")
    found: dict[str, list[float]] = {"pause": [], "size": [], "restore": []}

    def machine(name: str, *more: str) -> tuple[str, ...]:
        drive = ("-drive", f"if=none,id=kept,format=qcow2,file={disk}")
        device = ("-device", "virtio-blk-device,drive=kept")
        return (*qemu.VIRT, *drive, *device, "-qmp", f"unix:{folder}/{name},server=on,wait=off", *more)

    context = qemu.running(machine("save"), image.kernel, initrd=image.initrd, append=image.append)
    async with context as running:
        await running.console.text(PROMPT.strip("^"), BOOT_SECONDS)
        await asyncio.sleep(2)
        control = await Qmp.connect(folder / "save")
        before = 0
        for number in range(rounds + 1):
            began = time.perf_counter()
            await control.monitor(f"savevm s{number}")
            found["pause"].append((time.perf_counter() - began) * 1000)
            size = disk.stat().st_blocks * 512
            if number:
                found["size"].append((size - before) / _MIB)
            before = size
            await asyncio.sleep(1)
        await control.close()
    for number in range(rounds):
        began = time.perf_counter()
        context = qemu.running(
            machine(f"load{number}", "-loadvm", "s0"), image.kernel, initrd=image.initrd, append=image.append
        )
        async with context:
            control = await Qmp.connect(folder / f"load{number}")
            while not (await control.ask("query-status"))["running"]:
                await asyncio.sleep(0.002)
            found["restore"].append((time.perf_counter() - began) * 1000)
            await control.close()
    return found
