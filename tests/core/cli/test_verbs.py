"""The verbs that list and ask, and those that act on an open workbench."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.api import Guest, GuestImage, GuestState, Handset
from pocketvisor.control.server import WorkbenchServer
from pocketvisor.services.workbench import WorkbenchService

Command = Callable[..., Any]


async def test_all_that_lists_has_json(pocketvisor: Command) -> None:
    models = json.loads((await pocketvisor("handsets", "list", "--json")).out)
    assert {"nexus-one", "palm-pre"} <= {model["id"] for model in models}
    guests = json.loads((await pocketvisor("guests", "list", "--json")).out)
    assert {"personal", "work", "debian"} <= {guest["id"] for guest in guests}
    info = json.loads((await pocketvisor("guests", "info", "template", "--json")).out)
    assert info["kind"] == "elf"


async def test_tables_have_a_header_and_a_line_each(pocketvisor: Command) -> None:
    ran = await pocketvisor("handsets", "list")
    header, *lines = ran.out.splitlines()
    assert header.startswith("MODEL") and len(lines) >= 6
    ran = await pocketvisor("guests", "info", "Template")
    assert ran.code == 0 and "Template" in ran.out


async def test_fetching_what_is_unknown_is_a_sentence(pocketvisor: Command) -> None:
    ran = await pocketvisor("guests", "fetch", "nonsense")
    assert ran.code == 1
    assert "Traceback" not in ran.err and "nonsense" in ran.err


@pytest.mark.parametrize("verb", [("ps",), ("pause", "Work"), ("start", "work"), ("foreground", "Work")])
async def test_without_a_workbench_the_verbs_say_so(
    pocketvisor: Command, tmp_path: Path, verb: tuple[str, ...]
) -> None:
    ran = await pocketvisor(*verb, XDG_RUNTIME_DIR=str(tmp_path))
    assert ran.code == 1
    assert ran.err == "pocketvisor: No workbench is open: start one with 'pocketvisor workbench'\n"


@pytest.fixture
async def runtime(handset: Handset, monitor_image: GuestImage, tmp_path: Path) -> AsyncIterator[str]:
    service = WorkbenchService(lambda: [handset], lambda: {"monitor": monitor_image})
    server = WorkbenchServer(service, tmp_path / "pocketvisor" / "workbench.sock")
    await server.open()
    yield str(tmp_path)
    await server.close()


async def test_an_open_workbench_does_what_the_verbs_say(
    pocketvisor: Command, runtime: str, start: Callable[..., Any], tmp_path: Path
) -> None:
    guest: Guest = await start("Work")
    ran = await pocketvisor("pause", "work", XDG_RUNTIME_DIR=runtime)
    assert (ran.code, ran.out) == (0, "Work is paused\n")
    assert guest.state is GuestState.PAUSED
    ran = await pocketvisor("ps", XDG_RUNTIME_DIR=runtime)
    assert "Work" in ran.out and "paused" in ran.out
    listed = json.loads((await pocketvisor("ps", "--json", XDG_RUNTIME_DIR=runtime)).out)
    assert listed[0]["guests"][0]["state"] == "paused"
    picture = tmp_path / "work.png"
    assert (await pocketvisor("screenshot", "Work", picture, XDG_RUNTIME_DIR=runtime)).code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    ran = await pocketvisor("power-off", guest.id, XDG_RUNTIME_DIR=runtime)
    assert ran.code == 0 and guest.state is GuestState.OFF
    ran = await pocketvisor("resume", "Work", XDG_RUNTIME_DIR=runtime)
    assert (ran.code, ran.err) == (1, "pocketvisor: Work is off: it cannot be resumed\n")


async def test_completion_and_version(pocketvisor: Command) -> None:
    ran = await pocketvisor("--version")
    assert ran.out.startswith("pocketvisor ")
    ran = await pocketvisor("--show-completion", "bash")
    assert "Traceback" not in ran.err
