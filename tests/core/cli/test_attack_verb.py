"""`pocketvisor attack`: by itself, and in the open workbench; its score sheet as a table and as JSON."""

import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.attack.kinds import KINDS
from pocketvisor.control.server import WorkbenchServer
from pocketvisor.guest.guest import Guest
from pocketvisor.handset import Handset
from pocketvisor.services.workbench import WorkbenchService

Command = Callable[..., Coroutine[Any, Any, Any]]


@pytest.fixture
def ask(pocketvisor: Command, tmp_path: Path) -> Command:
    async def ask(*arguments: str) -> Any:
        return await pocketvisor("attack", *arguments, XDG_RUNTIME_DIR=str(tmp_path), seconds=100)

    return ask


async def test_the_kinds_are_listed(ask: Command) -> None:
    listed = json.loads((await ask("--list", "--json")).out)
    assert [kind["name"] for kind in listed] == [kind.name for kind in KINDS]
    assert {tuple(kind) for kind in listed} == {("name", "family", "title", "defence")}
    table = (await ask("--list")).out
    assert "dma-address" in table and "Descriptors that name memory outside of its RAM" in table


async def test_a_kind_that_there_is_not_is_wrong_usage(ask: Command) -> None:
    ran = await ask("--kind", "magic")
    assert ran.code == 2
    assert ran.err.startswith("pocketvisor: There is no kind of attack 'magic'; known are ")


async def test_a_phone_of_its_own_is_attacked_where_no_workbench_is_open(ask: Command) -> None:
    ran = await ask("--kind", "dma-address", "--kind", "files", "--json")
    assert ran.code == 0, ran.err
    sheet = json.loads(ran.out)
    assert sheet["held"] is True
    assert sheet["kinds"] == 2
    assert [outcome["kind"]["name"] for outcome in sheet["outcomes"]] == ["dma-address", "files"]
    assert sheet["isolation"]["no_new_privileges"] is True
    assert sheet["secrets"]["found"] == []


async def test_a_handset_that_is_named_must_be_there(ask: Command) -> None:
    ran = await ask("Nobody/Work")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("pocketvisor: ")


async def test_a_guest_of_the_open_workbench_is_attacked(
    ask: Command, handset: Handset, start: Callable[..., Any], tmp_path: Path
) -> None:
    guest: Guest = await start("Office")
    service = WorkbenchService(lambda: [handset], lambda: {})
    server = WorkbenchServer(service, tmp_path / "pocketvisor" / "workbench.sock")
    await server.open()
    try:
        ran = await ask(f"{handset.name}/Office", "--kind", "ring-place", "--kind", "sockets")
        assert ran.code == 0, ran.err
        assert "attempts of 2 kinds: none reached anything, and Office is as it was" in ran.out
        assert [line.split()[2] for line in ran.out.splitlines()[1:3]] == ["held", "held"]
        assert "its own process" not in ran.out
        assert (guest.state, handset.guests) == ("running", [guest])
    finally:
        await server.close()
