"""Asking a guest of the open workbench for memory, by the command line."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pocketvisor.api import Guest, GuestImage, Handset
from pocketvisor.control.server import WorkbenchServer
from pocketvisor.devices.virtio_balloon import BalloonReport
from pocketvisor.services.workbench import WorkbenchService

Command = Callable[..., Any]


@pytest.fixture
async def ask(
    pocketvisor: Command, handset: Handset, monitor_image: GuestImage, tmp_path: Path
) -> AsyncIterator[Command]:
    service = WorkbenchService(lambda: [handset], lambda: {"monitor": monitor_image})
    server = WorkbenchServer(service, tmp_path / "pocketvisor" / "workbench.sock")
    await server.open()

    async def ask(*arguments: object) -> Any:
        return await pocketvisor("balloon", *map(str, arguments), XDG_RUNTIME_DIR=str(tmp_path))

    yield ask
    await server.close()


async def test_balloon(ask: Command, start: Callable[..., Any]) -> None:
    guest: Guest = await start("Work", parts=("balloon",))
    assert (await ask("work", 4)).out == "Work is asked for 4 MiB\n"
    report = BalloonReport(1024, 512, {"free": 3 << 20, "major_faults": 7})
    guest.balloon._heard("balloon", msgspec.msgpack.encode(report))
    lines = (await ask("Work")).out.splitlines()
    assert lines[0].startswith("Work: 2 MiB in its balloon, asked for 4; ")
    assert lines[1:] == ["  major faults: 7", "  free: 3 MiB"]
    shown = json.loads((await ask("Work", "--json")).out)
    assert (shown["target_mib"], shown["actual_mib"], shown["ram_mib"]) == (4, 2.0, 16)


async def test_what_cannot_be(ask: Command, start: Callable[..., Any]) -> None:
    await start("Work", parts=("balloon",))
    await start("Bare")
    assert (await ask("Work", 16)).err == "pocketvisor: Work has 16 MiB, and cannot give 16\n"
    assert (await ask("Bare")).err == "pocketvisor: Bare has no balloon\n"
    assert (await ask("Work", -1)).code == 2
