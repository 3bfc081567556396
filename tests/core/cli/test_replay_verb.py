"""Recordings that were kept are replayed and opened in a terminal, from a file and from a profile."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.api import Guest, Handset

Command = Callable[..., Any]


@pytest.fixture
async def recorded(start: Callable[..., Any], tmp_path: Path) -> Path:
    """What the monitor did while it wrote 256 words."""
    guest: Guest = await start()
    timeline = guest.debugger.timeline
    await timeline.start()
    guest.console.write(b"tx")
    await guest.console.expect("x", timeout=20)
    await guest.pause()
    await timeline.stop()
    await timeline.export(tmp_path / "life.vphone")
    return tmp_path / "life.vphone"


async def test_a_recording_comes_out_the_same(pocketvisor: Command, recorded: Path) -> None:
    ran = await pocketvisor("replay", recorded, "--json")
    assert ran.code == 0, ran.err
    assert '"differences": []' in ran.out


async def test_a_recording_is_looked_into(pocketvisor: Command, recorded: Path, tmp_path: Path) -> None:
    runtime = {"XDG_RUNTIME_DIR": str(tmp_path)}
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pocketvisor.cli", "replay", str(recorded), "--open"),
        env=os.environ | runtime,
        stderr=asyncio.subprocess.PIPE,
    )
    assert run.stderr is not None
    try:
        async with asyncio.timeout(60):
            told = (await run.stderr.readline()).decode()
            assert told == "Monitor stands where its recording ends: 'pocketvisor debug monitor ...'\n"
            ran = await pocketvisor("debug", "monitor", "last-write", "0x40105000", **runtime)
            assert "in the past" in ran.out, ran.err
            assert "str r3, [r1]" in ran.out
            run.send_signal(signal.SIGINT)
            assert await run.wait() == 0
    finally:
        if run.returncode is None:
            run.kill()
            await run.communicate()


async def test_one_in_a_profile(
    pocketvisor: Command, handset: Handset, start: Callable[..., Any], tmp_path: Path
) -> None:
    guest: Guest = await start()
    await guest.keep(tmp_path / "kept.vphone")
    await guest.debugger.timeline.start()
    guest.console.write(b"x")
    await guest.console.expect("x", timeout=20)
    generation = await guest.debugger.timeline.keep("the bug")
    await handset.remove(guest)
    ran = await pocketvisor("replay", tmp_path / "kept.vphone")
    assert ran.code == 0, ran.err
    assert "digest" in ran.out
    ran = await pocketvisor("replay", tmp_path / "kept.vphone", "--generation", "the bug", "--json")
    assert ran.code == 0, ran.err
    ran = await pocketvisor("replay", tmp_path / "kept.vphone", "-g", generation.number - 1)
    assert (ran.code, len(ran.err.splitlines())) == (1, 1)
    assert f"has no recording; one is in {generation.number}" in ran.err


async def test_what_is_no_recording(pocketvisor: Command, tmp_path: Path) -> None:
    (tmp_path / "garbage.vphone").write_bytes(b"garbage" * 1000)
    for file in ("garbage.vphone", "nothing.vphone"):
        ran = await pocketvisor("replay", tmp_path / file)
        assert ran.code == 1
        assert len(ran.err.splitlines()) == 1
        assert file.removesuffix(".vphone") in ran.err
