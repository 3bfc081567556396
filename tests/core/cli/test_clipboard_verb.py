"""Text from a guest of the open workbench and into one, by the command line."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.api import Guest, Handset, RunOptions, catalogue
from pocketvisor.control.server import WorkbenchServer
from pocketvisor.services.workbench import WorkbenchService

Command = Callable[..., Any]


@pytest.fixture
async def ask(pocketvisor: Command, handset: Handset, tmp_path: Path) -> AsyncIterator[Command]:
    service = WorkbenchService(lambda: [handset], catalogue)
    server = WorkbenchServer(service, tmp_path / "pocketvisor" / "workbench.sock")
    await server.open()

    async def ask(*arguments: object) -> Any:
        return await pocketvisor("clipboard", *map(str, arguments), XDG_RUNTIME_DIR=str(tmp_path))

    yield ask
    await server.close()


@pytest.fixture
async def phone(handset: Handset) -> Guest:
    guest = await handset.start(catalogue()["work"], name="Work", options=RunOptions(ram_mib=32))
    await guest.console.expect(r"ready after [\d.]+ ms\n> ", 30)
    return guest


async def test_into_a_guest_and_out_of_it(ask: Command, phone: Guest) -> None:
    assert (await ask("work", "show")).out == "Nothing is on the phone's clipboard\n"
    answered = await ask("Work", "get")
    assert answered.err == "pocketvisor: Nothing is copied in Work\n" and answered.code == 1
    assert (await ask("Work", "put", "two words")).out == "Work has it: it is what is pasted there next\n"
    assert (await ask("Work", "get")).out == "two words"
    assert (await ask("Work", "phone", "for all")).code == 0
    assert (await ask("Work")).out == "From outside; Work may paste it:\nfor all\n"
    assert json.loads((await ask("Work", "get", "--json")).out) == {
        "guest": "Work",
        "text": "two words",
        "origin": "Work",
        "why_not": "",
        "available": True,
        "type": "ClipboardShown",
    }
    await ask("Work", "phone")
    assert phone.handset.clipboard.text == ""


async def test_what_cannot_be(ask: Command, phone: Guest, start: Callable[..., Any]) -> None:
    await start("Bare")
    assert (await ask("Bare", "get")).err.startswith("pocketvisor: Bare has no clipboard")
    for wrong in (("Work", "steal"), ("Work", "put"), ("Work", "get", "text"), ("Work", "put", "x" * 66000)):
        assert (await ask(*wrong)).code == 2
    assert "does not fit" in (await ask("Work", "put", "x" * 3000)).err
