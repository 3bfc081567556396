"""What guests hold of a phone's memory, by the command line."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.api import GuestImage, Handset
from pocketvisor.control.server import WorkbenchServer
from pocketvisor.services.workbench import WorkbenchService

Command = Callable[..., Any]


@pytest.fixture
async def memory(
    pocketvisor: Command, handset: Handset, monitor_image: GuestImage, tmp_path: Path
) -> AsyncIterator[Command]:
    service = WorkbenchService(lambda: [handset], lambda: {"monitor": monitor_image})
    server = WorkbenchServer(service, tmp_path / "pocketvisor" / "workbench.sock")
    await server.open()

    async def ask(*arguments: object) -> Any:
        return await pocketvisor("memory", *map(str, arguments), XDG_RUNTIME_DIR=str(tmp_path))

    yield ask
    await server.close()


async def test_memory(memory: Command, handset: Handset, start: Callable[..., Any]) -> None:
    await start("Work")
    await start("Personal", parts=("balloon",))
    lines = (await memory()).out.splitlines()
    assert lines[0].startswith("Pre: 0 of 256 MiB held, 256 MiB free; 0 MiB saved by sharing")
    assert lines[1].split()[:4] == ["GUEST", "RAM", "HELD", "PRIVATE"]
    assert [line.split()[0] for line in lines[2:]] == ["Work", "Personal"]

    off = await memory("--share", "off")
    assert "nothing is shared" in off.out and not handset.memory.share
    shown = json.loads((await memory("--share", "on", "--search", "--json")).out)
    assert shown["handset"] == "Pre" and shown["memory"]["share"] and handset.memory.share
    now = shown["memory"]
    assert now["ram"] == 256 << 20 and now["held"] + now["free"] == now["ram"]
    assert [one["name"] for one in now["guests"]] == ["Work", "Personal"]
    assert now["saved"] > 0, "what they print is the same"


async def test_what_cannot_be(memory: Command, pocketvisor: Command) -> None:
    wrong = await memory("--share", "maybe")
    assert wrong.code == 2 and wrong.err == "pocketvisor: Sharing is on or off, not 'maybe'\n"
    assert (await memory("--share", "off", "--search")).code == 2
    assert "no handset 'x'" in (await memory("--handset", "x")).err
