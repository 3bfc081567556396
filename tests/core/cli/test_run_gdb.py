"""`pocketvisor run --gdb`: the real gdb attaches before the first instruction, and the run ends by itself."""

import asyncio
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from monitor import BASE, code

OFF = BASE + code().index(bytes.fromhex("080000e3"))  # where the monitor asks to be switched off


@pytest.mark.skipif(shutil.which("gdb-multiarch") is None, reason="gdb-multiarch is not installed")
async def test_a_gdb_is_waited_for(monitor_file: Path, tmp_path: Path) -> None:
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pocketvisor.cli", "run", "--headless", "--timeout", "120"),
        *("--elf", str(monitor_file), "--gdb", str(tmp_path / "gdb.sock"), "--wait-gdb"),
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert run.stderr is not None
    async with asyncio.timeout(120):
        told = (await run.stderr.readline()).decode()
        found = re.fullmatch(r"pocketvisor: to attach: (.*)\n", told)
        assert found, told
        commands = [
            'printf "pc is %x\\n", $pc',
            f"break *{BASE + 0x4C:#x}",
            "continue",
            'printf "at %x\\n", $pc',
            f"set $pc = {OFF:#x}",
            "delete",
            "detach",
        ]
        gdb = await asyncio.create_subprocess_exec(
            *shlex.split(found[1]),
            *("-nx", "-batch", *(part for command in commands for part in ("-ex", command))),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await gdb.communicate())[0].decode()
        out = (await run.communicate())[0].decode()
    assert f"pc is {BASE:x}" in said, said
    assert f"at {BASE + 0x4C:x}" in said, said
    assert run.returncode == 0
    assert "monitor ready" in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--wait-gdb", "--headless"), "go with --gdb"),
        (("--gdb", "1234"), "only with --headless"),
        (("--gdb", "0.0.0.0:1", "--headless"), "loopback"),
    ],
)
async def test_options_that_make_no_sense(
    pocketvisor: Callable[..., Any], monitor_file: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    ran = await pocketvisor("run", "--elf", monitor_file, *options, XDG_RUNTIME_DIR=str(tmp_path))
    assert ran.code in (1, 2)
    assert words in ran.err
    assert len(ran.err.splitlines()) == 1
