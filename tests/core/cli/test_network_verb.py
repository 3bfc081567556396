"""A guest's network on the command line: given at its start, shown and changed in the open workbench."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.api import Guest, GuestImage, Handset, NetworkSpec
from pocketvisor.control.server import WorkbenchServer
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
        return await pocketvisor("network", *map(str, arguments), XDG_RUNTIME_DIR=str(tmp_path))

    yield ask
    await server.close()


async def test_it_is_shown_and_changed(ask: Command, start: Callable[..., Any], tmp_path: Path) -> None:
    guest: Guest = await start(network=NetworkSpec(mode="switch", switch="lab"))
    assert guest.network is not None
    ran = await ask("Monitor")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[0] == f"Monitor: switch:lab, link up, {guest.network.state.mac}"

    assert (await ask("Monitor", "attach", "switch:other")).out.startswith("Monitor: switch:other, link up")
    assert guest.network.state.switch == "other"

    ran = await ask("Monitor", "radio", "3g", "--up", "64k", "--loss", "2.5")
    assert "radio custom: 64 kbit/s up, 3.6 Mbit/s down, 50.0 ms, 2.5 % lost" in ran.out
    assert guest.network.state.radio.up == 64_000
    await ask("Monitor", "radio", "--delay", 10)
    assert (guest.network.state.radio.delay_ms, guest.network.state.radio.loss) == (10, 2.5)
    assert "link down" in (await ask("Monitor", "radio", "off")).out

    file = tmp_path / "frames.pcap"
    assert f"captured in {file}" in (await ask("Monitor", "capture", file)).out
    async with asyncio.timeout(30):  # the network process writes it, in its own time
        while file.stat().st_size != 24:
            await asyncio.sleep(0.01)
    assert "captured" not in (await ask("Monitor", "capture", "off")).out

    ran = await ask("Monitor", "forward", "tcp:8080:80", "udp:[::1]:5353:53")
    assert "forwards tcp:8080:80" in ran.out and "forwards udp:[::1]:5353:53" in ran.out
    shown = json.loads((await ask("Monitor", "forward", "--json")).out)
    assert shown["forwards"] == [] and shown["network"] == "switch:other" and not shown["link"]
    assert shown["counters"]["sent_frames"] == 0


async def test_what_cannot_be_is_one_sentence(ask: Command, start: Callable[..., Any]) -> None:
    await start(network=NetworkSpec())
    for arguments, code, sentence in (
        (("Nobody",), 1, "There is no guest 'Nobody' in the workbench"),
        (("Monitor", "attach", "lan"), 1, "There is no network 'lan': it is none, user or switch:NAME"),
        (("Monitor", "radio", "5g"), 1, "There is no radio '5g': choose one of none, 2g, 3g, wifi, off"),
        (("Monitor", "radio", "--loss", 200), 1, "No radio is like that"),
        (("Monitor", "forward", "8080"), 1, "'8080' forwards no port"),
        (("Monitor", "capture", "/"), 1, "/: cannot be written"),
        (("Monitor", "dance"), 2, "'dance' is none of status, attach"),
        (("Monitor", "attach"), 2, "'attach' takes another number of values"),
        (("Monitor", "radio", "--up", "fast"), 2, "'fast' is no rate"),
        (("Monitor", "--up", "1M"), 2, "--up, --down, --delay, --jitter and --loss go with 'radio'"),
    ):
        ran = await ask(*arguments)
        assert ran.code == code and ran.err.startswith(f"pocketvisor: {sentence}"), (arguments, ran.err)


async def test_a_guest_without_a_card_says_how_to_get_one(ask: Command, start: Callable[..., Any]) -> None:
    await start()
    ran = await ask("Monitor", "attach", "user")
    assert (ran.code, ran.err) == (
        1,
        "pocketvisor: Monitor has no network card: start it with --network\n",
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--network", "lan"), "There is no network 'lan'"),
        (("--forward", "tcp:1:2"), "--forward, --radio, --capture, --mac and --reach-host go with --network"),
        (
            ("--network", "switch:a", "--forward", "tcp:1:2"),
            "--forward and --reach-host go with --network user",
        ),
        (("--network", "none", "--mac", "01:00:00:00:00:01"), "'01:00:00:00:00:01' is an address of several"),
        (("--network", "none", "--capture", "/no/such/file"), "/no/such/file: cannot be written"),
    ],
)
async def test_a_run_refuses_what_cannot_be(
    pocketvisor: Command, monitor_file: Path, options: tuple[str, ...], sentence: str
) -> None:
    ran = await pocketvisor("run", "--elf", monitor_file, "--headless", "--timeout", "20", *options)
    assert ran.code in (1, 2) and sentence in ran.err and "Traceback" not in ran.err


async def test_a_run_without_passt_says_so_and_fails(
    pocketvisor: Command, monitor_file: Path, tmp_path: Path
) -> None:
    ran = await pocketvisor(
        "run", "--elf", monitor_file, "--headless", "--network", "user", "--timeout", "20", PATH=str(tmp_path)
    )
    assert ran.code == 1 and "apt install passt" in ran.err


async def test_a_run_takes_a_network(pocketvisor: Command, monitor_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "frames.pcap"
    ran = await pocketvisor(
        *("run", "--elf", monitor_file, "--headless", "--network", "switch:lab", "--radio", "3g"),
        *("--capture", file, "--until", "# $", "--timeout", "30"),
    )
    assert ran.code == 0, ran.err
    assert file.read_bytes()[:4] == b"\xd4\xc3\xb2\xa1"
