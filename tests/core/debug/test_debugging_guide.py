"""docs/debugging.md is true: each of its commands and each of its programs runs on a real guest."""

import asyncio
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from many_verbs import ManyVerbs

from pocketvisor.api import Guest, Handset, RunOptions, catalogue
from pocketvisor.control.server import WorkbenchServer
from pocketvisor.services.workbench import WorkbenchService

GUIDE = Path(__file__).parents[3] / "docs" / "debugging.md"
COMMANDS = [
    shlex.split(line)[3:]
    for block in re.findall(r"^```console\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
PROGRAMS = {
    found[1]: block
    for block in re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    if (found := re.search(r"^async def (\w+)\(guest\)", block, re.MULTILINE))
}


async def run_all(
    handset: Handset, folder: Path, commands: list[list[str]], after: Callable[[list[str]], Any]
) -> None:
    server = WorkbenchServer(
        WorkbenchService(lambda: [handset], dict), folder / "pocketvisor" / "workbench.sock"
    )
    await server.open()
    verbs = await ManyVerbs.open(folder)
    try:
        for command in commands:
            said = await verbs.run("debug", *command)
            assert said.code == 0, f"{command}: {said.err}"
            assert said.out or said.err, command
            await after(command)
    finally:
        await verbs.close()
        await server.close()


def test_the_guide_has_examples() -> None:
    assert len(COMMANDS) > 40
    assert len(PROGRAMS) > 4


async def test_its_commands(handset: Handset, start: Callable[..., Any], tmp_path: Path) -> None:
    guest: Guest = await start(name="app")

    async def after(command: list[str]) -> None:
        if command[1] == "pause":
            guest.console.write(b"a")  # or it would wait for an interrupt, and a step with it
        if command[1:3] == ["record", "start"]:
            guest.console.write(b"tx")  # it writes what the guide looks for
            await guest.console.expect("x", timeout=20)

    await run_all(handset, tmp_path, [command for command in COMMANDS if command[0] == "app"], after)
    for name in ("page.bin", "app.drcov", "app.svg", "app.json", "app.vphone"):
        assert (tmp_path / name).stat().st_size


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "linux"])
async def test_its_programs(
    name: str, start: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await run_program(name, await start())


async def run_program(name: str, guest: Guest) -> None:
    made: dict[str, Any] = {}
    exec(compile(PROGRAMS[name], f"{GUIDE.name}:{name}", "exec"), made)
    async with asyncio.timeout(180):
        await made[name](guest)


@pytest.mark.debian
async def test_what_it_says_of_linux(handset: Handset, tmp_path: Path) -> None:
    image = catalogue().get("debian")
    if image is None or not image.available:
        pytest.skip("Debian has not been fetched")
    guest = await handset.start(image, name="debian", options=RunOptions(rate="max"))
    await guest.console.expect(r"debian:/root# ", timeout=240)

    async def after(command: list[str]) -> None:
        pass

    await run_all(handset, tmp_path, [command for command in COMMANDS if command[0] == "debian"], after)
    await run_program("linux", guest)
