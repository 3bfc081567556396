"""How an open workbench's handset is split, and what its guests take, by the command line."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.api import Guest, GuestImage, Handset
from pocketvisor.control.server import WorkbenchServer
from pocketvisor.scheduler import Qos
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
        return await pocketvisor(*map(str, arguments), XDG_RUNTIME_DIR=str(tmp_path))

    yield ask
    await server.close()


async def test_qos(ask: Command, handset: Handset, start: Command) -> None:
    work: Guest = await start("Work")
    await start("Personal")
    total = handset.model.mips
    ran = await ask("qos", "work", "--shares", 2000, "--reservation", 300, "--limit", 400)
    assert work.qos == Qos(shares=2000, reservation=300, limit=400)
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"{handset.name}: ") and f" of {total} MIPS used, 300 reserved" in lines[0]
    assert lines[1].split()[:3] == ["GUEST", "SHARES", "RESERVED"]
    assert lines[2].split()[:5] == ["Work", "*", "2000", "300", "400"]
    assert lines[3].split()[:4] == ["Personal", "1000", "0", "-"]
    shown = json.loads((await ask("qos", "--boost", 2.5, "--response", 8, "--json")).out)
    assert (shown["cpu"]["boost"], shown["cpu"]["response_ms"]) == (2.5, 8.0)
    assert [each["qos"]["reservation"] for each in shown["guests"]] == [300, 0]
    assert " of 8 allowed" in (await ask("qos")).out
    await ask("qos", "--response", 0)
    assert handset.scheduler.response.target_ms is None and handset.scheduler.boost == 2.5


async def test_what_cannot_be_promised(ask: Command, handset: Handset, start: Command) -> None:
    work: Guest = await start("Work")
    total = handset.model.mips
    ran = await ask("qos", "Work", "--reservation", total + 1)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"pocketvisor: {handset.name} has {total} of its {total} MIPS left to reserve, not {total + 1}\n"
    )
    assert (await ask("qos", "Work", "--shares", 0)).err == "pocketvisor: shares: from 1 to 100000\n"
    assert (await ask("qos", "--shares", 5)).code == 2
    assert (await ask("qos", "Work", "--boost", 2)).code == 2
    ran = await ask("qos", "--boost", 3, "--response", 9999)
    assert ran.err == "pocketvisor: A response time is from 1 to 1000 milliseconds\n"
    assert (work.qos, handset.scheduler.boost) == (Qos(), 1.0)
    assert "no guest 'Nobody'" in (await ask("qos", "Nobody")).err


async def test_power(ask: Command, handset: Handset, start: Command) -> None:
    await start("Work")
    lines = (await ask("power", "--low", 20, "--background", 60)).out.splitlines()
    assert lines[0].startswith(f"{handset.name}: 80 %, ")
    assert lines[0].endswith("; at 20 % the background is left 60 MIPS")
    assert [line.split()[0] for line in lines[1:]] == ["GUEST", "Work", "(the"]
    shown = json.loads((await ask("power", "--json")).out)["power"]
    assert shown["low"] == {"percent": 20, "background_mips": 60}
    assert [guest["name"] for guest in shown["guests"]] == ["Work"]
    ran = await ask("power", "--low", 101)
    assert (ran.code, ran.err) == (
        1,
        "pocketvisor: A low battery is from 0 percent, which is never, to 100\n",
    )
