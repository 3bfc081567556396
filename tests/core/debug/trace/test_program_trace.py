"""A real program's profile and coverage, by its own symbols: whatever its compiler left of its stack."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import image_from_files

Build = Callable[..., Path]
WAYS = {
    "frames-arm": ("-g", "-marm"),
    "frames-thumb": ("-g", "-mthumb"),
    "tables-arm": ("-marm", "-funwind-tables"),
    "pointer-arm": ("-marm", "-fno-omit-frame-pointer", "-O0"),
}


def at_work(built: Path) -> Path:
    """The program that spins where it would wait."""
    program = built.read_bytes()
    path = built.with_name(f"{built.name}-at-work")
    path.write_bytes(
        program.replace(b"\x03\xf0\x20\xe3", b"\x00\xf0\x20\xe3").replace(b"\x30\xbf", b"\x00\xbf")
    )
    return path


async def traced(handset: Handset, path: Path) -> Guest:
    """It is traced from its first instruction on, has its symbols, and has been in its innermost function."""
    image = image_from_files(elf=path, name="Calls", ram_mib=16)
    guest = await handset.start(image, options=RunOptions(paused=True, rate="max"))
    debugger = guest.debugger
    await debugger.symbols.open(path, debugger)
    innermost = debugger.symbols.address("innermost")
    assert innermost is not None
    await debugger.trace.start(["coverage", "profile"], period=1000)
    await debugger.run_to(innermost)
    return guest


@pytest.mark.parametrize("way", WAYS)
async def test_stacks_are_those_of_the_program(handset: Handset, built_program: Build, way: str) -> None:
    guest = await traced(handset, at_work(built_program(way, *WAYS[way])))
    debugger = guest.debugger
    await debugger.resume()
    while len(debugger.trace.profile().samples) < 50:
        await guest.debugger.registers()
    await debugger.pause()
    heard: list[float] = []
    profile = await debugger.trace.profile_with_callers(told=heard.append)
    stacks = profile.stacks(debugger.trace.function_name)
    deepest = max(stacks, key=len)
    assert deepest[1:] == ("_start", "run", "outer", "middle", "innermost")[-len(deepest[1:]) :]
    assert len(deepest) >= 5
    assert heard == sorted(heard) and heard[0] == 0
    assert debugger.trace.profile(4000).stacks(debugger.trace.function_name) == stacks, "it is remembered"
    folded = debugger.trace.exported("folded").decode()
    assert ";".join(deepest) + " " in folded


async def test_lines_that_ran_and_lines_that_did_not(handset: Handset, built_program: Build) -> None:
    guest = await traced(handset, built_program("frames-arm", "-g", "-marm"))
    text = guest.debugger.trace.exported("lcov").decode()
    assert "SF:" in text and "calls.c\n" in text
    ran = dict(line[5:].split(",")[::-1] for line in text.splitlines() if line.startswith("FNDA:"))
    assert int(ran["_start"]) == 1 and int(ran["outer"]) >= 1
    counts = [int(line.rpartition(",")[2]) for line in text.splitlines() if line.startswith("DA:")]
    assert 0 in counts and max(counts) >= 1
    drcov = guest.debugger.trace.exported("drcov")
    assert b"frames-arm" in drcov.partition(b"BB Table")[0]
