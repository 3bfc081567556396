"""Messages and calls to a guest of the open workbench by the command line."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pocketvisor.api import Guest, GuestImage, Handset
from pocketvisor.control.server import WorkbenchServer
from pocketvisor.devices.modem.state import Answered, CallEnded, Dialled, MessageSent
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


async def test_messages(ask: Command, start: Callable[..., Any]) -> None:
    guest: Guest = await start("Work", phone=True)
    assert (await ask("sms", "work")).out == "Work has sent no message\n"
    ran = await ask("sms", "Work", "Where are you?", "--from", "Ada")
    assert (ran.code, ran.out) == (0, "Work gets a message of Ada\n")
    guest.modem.heard(msgspec.msgpack.encode(MessageSent("+358401234567", "Kotona")))
    assert (await ask("sms", "Work")).out == "To +358401234567: Kotona\n"
    listed = json.loads((await ask("sms", "Work", "--json")).out)
    assert listed == [{"number": "+358401234567", "text": "Kotona"}]


async def test_calls(ask: Command, start: Callable[..., Any]) -> None:
    guest: Guest = await start("Work", phone=True)
    assert (await ask("call", "Work")).out == "Work is not on the phone\n"
    assert (await ask("call", "Work", "+358401234567")).out == "Work is called by +358401234567\n"
    guest.modem.heard(msgspec.msgpack.encode(Answered("+358401234567", "guest")))
    shown = json.loads((await ask("call", "Work", "--json")).out)
    assert shown == {"number": "+358401234567", "state": "active", "outgoing": False}
    assert (await ask("call", "Work", "--hang-up")).code == 0
    guest.modem.heard(msgspec.msgpack.encode(CallEnded("+358401234567", "far")))
    guest.modem.heard(msgspec.msgpack.encode(Dialled("112")))
    assert (await ask("call", "Work", "--answer")).out == "Work is answered by 112\n"


async def test_what_cannot_be_is_a_sentence(ask: Command, start: Callable[..., Any]) -> None:
    await start("Work")
    for arguments, code, words in (
        (("sms", "Work", "hello"), 1, "has no modem"),
        (("sms", "Nobody", "hello"), 1, "no guest 'Nobody'"),
        (("call", "Work", "112", "--hang-up"), 2, "Give a number"),
    ):
        ran = await ask(*arguments)
        assert ran.code == code
        assert words in ran.err and ran.err.count("\n") == 1
