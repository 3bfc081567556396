"""What guests of the open workbench offer each other, by the command line."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.api import GuestImage, Handset
from pocketvisor.control.server import WorkbenchServer
from pocketvisor.images.offers import Offer
from pocketvisor.services.workbench import WorkbenchService

Command = Callable[..., Any]


@pytest.fixture
async def services(
    pocketvisor: Command, handset: Handset, monitor_image: GuestImage, tmp_path: Path
) -> AsyncIterator[Command]:
    service = WorkbenchService(lambda: [handset], lambda: {"monitor": monitor_image})
    server = WorkbenchServer(service, tmp_path / "pocketvisor" / "workbench.sock")
    await server.open()

    async def services(*arguments: object) -> Any:
        return await pocketvisor("services", *map(str, arguments), XDG_RUNTIME_DIR=str(tmp_path))

    yield services
    await server.close()


async def test_they_are_shown(services: Command, start: Callable[..., Any], handset: Handset) -> None:
    assert (await services()).out == "No guest offers a service\n"
    await start("Safe", offers=(Offer("keys", 7000),))
    await start("Other", offers=(Offer("keys", 7000), Offer("bills", 7001)))
    lines = (await services()).out.splitlines()
    assert lines[:2] == [
        f"keys: port 7000, Safe on {handset.name}",
        "  called 0 times; 0 messages, 0 KiB; 0 calls refused",
    ]
    assert "  cannot be called: Safe offers port 7000 too, and came first" in lines
    shown = json.loads((await services("--handset", handset.name, "--json")).out)["services"]
    assert [(each["guest"], each["name"], each["port"]) for each in shown] == [
        ("Safe", "keys", 7000),
        ("Other", "keys", 7000),
        ("Other", "bills", 7001),
    ]


async def test_a_guest_offers_something_else(services: Command, start: Callable[..., Any]) -> None:
    guest = await start("Safe", parts=("vsock",))
    assert "bills: port 7001, Safe" in (await services("Safe", "--offer", "bills=7001")).out
    assert guest.offers == (Offer("bills", 7001),)
    assert (await services("Safe", "--none")).out == "No guest offers a service\n"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("Safe",), 2, "Name a guest together with"),
        (("--offer", "keys=7000"), 2, "Name a guest together with"),
        (("Safe", "--offer", "keys=7000", "--none"), 2, "Name a guest together with"),
        (("Safe", "--offer", "keys"), 1, "'keys' is not NAME=PORT"),
        (("Safe", "--offer", "keys=0"), 1, "a port is a number from 1"),
        (("Safe", "--offer", "keys=1", "--offer", "bills=1"), 1, "the same port"),
        (("Bare", "--offer", "keys=7000"), 1, "Bare has no socket device"),
        (("Nobody", "--none"), 1, "There is no guest 'Nobody'"),
        (("--handset", "Nokia"), 1, "no handset 'Nokia'"),
    ],
)
async def test_what_cannot_be(
    services: Command, start: Callable[..., Any], arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    await start("Safe", parts=("vsock",))
    await start("Bare")
    ran = await services(*arguments)
    assert ran.code == code
    assert sentence in ran.err


async def test_offers_of_a_run(pocketvisor: Command, tmp_path: Path) -> None:
    ran = await pocketvisor("run", "template", "--headless", "--offer", "keys=x")
    assert (ran.code, ran.err) == (
        1,
        "pocketvisor: --offer: 'keys=x' is not NAME=PORT, with a name of small letters, digits and '-'\n",
    )
    ran = await pocketvisor("run", "template", "work", "--headless", "--offer", "keys=1")
    assert (ran.code, ran.err) == (2, "pocketvisor: --offer is for one guest\n")
