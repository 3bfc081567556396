"""Debian to a shell by `pocketvisor run`, again and again: every start has to come to its prompt."""

import asyncio
import sys
import time

from pocketvisor.errors import MissingImage
from pocketvisor.images.catalogue import catalogue

from . import ours
from .bench import Bench, CannotMeasure
from .figures import Figure

_SECONDS = 120


async def measure(bench: Bench) -> list[Figure]:
    """Share of starts that reach a shell which answers, and how long each took."""
    try:
        catalogue()["debian"].check()
    except MissingImage as missing:
        raise CannotMeasure(str(missing)) from missing
    starts = bench.rounds(20, 3)
    reached, seconds, problems = 0, [], []
    for number in range(1, starts + 1):
        bench.say(f"start {number} of {starts}")
        begun = time.monotonic()
        code, said = await _start()
        if code == 0:
            reached += 1
            seconds.append(time.monotonic() - begun)
        else:
            problems.append(f"start {number}: exit {code}: {said}")
    return [
        Figure(
            name=f"starts that reach a shell, of {starts}",
            unit="",
            ours=[float(reached)],
            judge="worst",
            goal=float(starts),
            more_is_better=True,
            note="\n".join(problems),
        ),
        Figure(name="start to an answer of the shell", unit="s", ours=seconds),
    ]


async def _start() -> tuple[int, str]:
    """One start by the command line, as a user would; the shell has to answer what is typed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pocketvisor.cli", "run", "debian", "--headless", "--rate", "max"),
        *("--handset", ours.model().id, "--timeout", str(_SECONDS)),
        *("--type", "echo $((6*7))-is-it", "--until", "42-is-it"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_SECONDS * 2):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = output.decode(errors="replace").splitlines()
    return process.returncode or 0, lines[-1] if lines else ""
