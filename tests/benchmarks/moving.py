"""Moves of a running 256 MiB Debian between two handsets, idle and busy, and pings across them.

The downtime is from where the vCPU stands still to where it begins in the new process. QEMU's is what its
`migrate` over a Unix socket says, of the same guest between two processes on this machine.
"""

import asyncio
import re
from pathlib import Path

from pocketvisor.errors import MissingImage
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import GuestImage, catalogue
from pocketvisor.models import load_models
from pocketvisor.moving import move
from pocketvisor.network.spec import NetworkSpec

from . import ours, qemu
from .bench import Bench, CannotMeasure
from .figures import Figure
from .qmp import Qmp

PROMPT = r"^debian:/root# "
BOOT_SECONDS = 120.0
BUSY = "while :; do busybox gzip -c /bin/busybox >/dev/null; done"
_PINGS = 100
_REPLIES = re.compile(r"(\d+) packets transmitted, (\d+) (?:packets )?received")


async def measure(bench: Bench) -> list[Figure]:
    """Milliseconds; pings."""
    try:
        image = catalogue()["debian"]
        image.check()
    except MissingImage as missing:
        raise CannotMeasure(str(missing)) from missing
    moves = bench.rounds(100, 20)
    figures = []
    peer: dict[str, list[float]] = {"idle": [], "gzip": []}
    note = qemu.missing()
    if not note:
        bench.say("QEMU's migrate")
        peer = await _qemu(image, bench.folder, bench.rounds(10, 3))
    async with ours.handset() as one, ours.handset() as other:
        guest = await one.start(image, options=RunOptions(rate="max"))
        await guest.console.expect(PROMPT, BOOT_SECONDS)
        await asyncio.sleep(2)
        for work, goal in (("idle", 10.0), ("gzip", 25.0)):
            bench.say(f"{moves} moves, {work}")
            if work == "gzip":
                guest.console.write(f"{BUSY}\r".encode())
                await asyncio.sleep(1)
            times = await _moves(guest, (one, other), moves)
            figures.append(
                Figure(
                    name=f"downtime of a move, {work}",
                    unit="ms",
                    ours=times,
                    peer=peer[work],
                    peer_name="QEMU",
                    judge="p95",
                    goal=goal,
                    note=note,
                )
            )
    bench.say("pings across moves")
    figures.append(await _pings(image, bench.rounds(20, 5)))
    return figures


async def _moves(guest: Guest, phones: tuple[Handset, Handset], count: int) -> list[float]:
    times = []
    for number in range(count):
        report = await move(guest, phones[(number + 1) % 2] if guest.handset is phones[0] else phones[0])
        times.append(report.downtime_ms)
        await asyncio.sleep(0.05)
    return times


async def _pings(image: GuestImage, rounds: int) -> Figure:
    """Lost of a hundred at 10 ms spacing, with one move in their midst."""
    models = load_models()
    phones = [Handset(models["galaxy-s2"], name) for name in ("A", "B", "C")]
    lost = []
    try:
        guests = []
        for number, phone in enumerate(phones[:2], start=1):
            spec = NetworkSpec(mode="switch", switch="moving")
            guest = await phone.start(image, options=RunOptions(rate="max", network=spec))
            await guest.console.expect(PROMPT, BOOT_SECONDS)
            guest.console.write(
                f"ip addr add 10.9.0.{number}/24 dev eth0; ip link set eth0 up; echo UP$((1))\r".encode()
            )
            await guest.console.expect(r"^UP1", 30)
            guests.append(guest)
        pinging, moving = guests
        pinging.console.write(b"until ping -c 1 -W 1 10.9.0.2 >/dev/null; do :; done; echo REA$((1))CHED\r")
        await pinging.console.expect(r"^REA1CHED", 60)
        for number in range(rounds):
            pinging.console.write(f"ping -q -c {_PINGS} -i 0.01 10.9.0.2\r".encode())
            await asyncio.sleep(0.4)
            await move(moving, phones[2 if number % 2 == 0 else 1])
            found = await pinging.console.expect(_REPLIES.pattern, 30)
            lost.append(float(int(found[1]) - int(found[2])))
            await pinging.console.expect(PROMPT, 10)
    finally:
        for phone in phones:
            await phone.close()
    return Figure(name="pings lost in a move, 10 ms apart", unit="pings", ours=lost, judge="worst", goal=1.0)


async def _qemu(image: GuestImage, folder: Path, count: int) -> dict[str, list[float]]:
    """Its own count of the downtime, in ms."""
    found: dict[str, list[float]] = {"idle": [], "gzip": []}
    number = 0

    def machine(index: int, *more: str) -> tuple[str, ...]:
        return (*qemu.VIRT, "-qmp", f"unix:{folder}/qmp{index},server=on,wait=off", *more)

    context = qemu.running(machine(0), image.kernel, initrd=image.initrd, append=image.append)
    source = await context.__aenter__()
    try:
        await source.console.text(PROMPT.strip("^"), BOOT_SECONDS)
        await asyncio.sleep(2)
        control = await Qmp.connect(folder / "qmp0")
        for work in found:
            if work == "gzip":
                source.write(f"{BUSY}\r")
                await asyncio.sleep(1)
            for _ in range(count):
                number += 1
                wire = f"unix:{folder}/wire{number}"
                next_context = qemu.running(
                    machine(number, "-incoming", wire),
                    image.kernel,
                    initrd=image.initrd,
                    append=image.append,
                )
                target = await next_context.__aenter__()
                next_control = await Qmp.connect(folder / f"qmp{number}")
                await control.ask("migrate", uri=wire)
                while (info := await control.ask("query-migrate"))["status"] not in ("completed", "failed"):
                    await asyncio.sleep(0.02)
                if info["status"] == "failed":
                    raise CannotMeasure(f"QEMU's migrate failed: {info.get('error-desc', '')}")
                found[work].append(float(info["downtime"]))
                await control.close()
                await context.__aexit__(None, None, None)
                context, source, control = next_context, target, next_control
        await control.close()
    finally:
        await context.__aexit__(None, None, None)
    return found
