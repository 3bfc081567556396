"""`pocketvisor debug` as a user runs it, on a real guest of an open workbench and of a run in a terminal."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from many_verbs import ManyVerbs
from monitor import BASE, code

from pocketvisor.api import Guest, GuestImage, GuestState, Handset
from pocketvisor.control.server import WorkbenchServer
from pocketvisor.services.workbench import WorkbenchService

Command = Callable[..., Any]

WAIT = BASE + code().index(bytes.fromhex("03f020e3"))  # its WFI
OFF = BASE + code().index(bytes.fromhex("080000e3"))  # where it asks to be switched off
TOUCHED = 0x4010_0000
"""What the monitor's command 't' writes, a word in each page from here on."""


@pytest.fixture
async def debug(handset: Handset, monitor_image: GuestImage, tmp_path: Path) -> AsyncIterator[Command]:
    service = WorkbenchService(lambda: [handset], lambda: {"monitor": monitor_image})
    server = WorkbenchServer(service, tmp_path / "pocketvisor" / "workbench.sock")
    await server.open()
    verbs = await ManyVerbs.open(tmp_path)

    async def debug(*arguments: object, code: int = 0, guest: str = "Monitor") -> str:
        said = await verbs.run("debug", guest, *arguments)
        assert said.code == code, said.err
        return said.err if code else said.out

    yield debug
    await verbs.close()
    await server.close()


async def test_a_running_guest_is_looked_into(debug: Command, start: Callable[..., Any]) -> None:
    guest: Guest = await start()
    assert (await debug("status")).startswith("Monitor is running, at tick ")
    registers = json.loads(await debug("regs", "--all", "--json"))
    assert registers["r4"] == 0x0900_0000  # its UART
    assert "supervisor mode" in await debug("regs")
    assert (await debug("regs", "r4")) == "        r4 0x09000000\n"
    assert (await debug("eval", "$r4", "+", "0x18")) == "150994968 0x09000018\n"
    lines = (await debug("disas", hex(WAIT), "-n", 2)).splitlines()
    assert lines[0] == f"    {WAIT:08x}  e320f003   wfi"
    dump = await debug("read", hex(BASE), 20)
    assert dump.splitlines()[1].startswith(f"{BASE + 16:08x}  30 00 84 e5")
    assert "The MMU is off" in await debug("page", "$pc")
    assert "virtual timer" in await debug("board", "--all")
    assert guest.state is GuestState.RUNNING


async def test_memory_goes_to_a_file_and_comes_from_one(
    debug: Command, start: Callable[..., Any], tmp_path: Path
) -> None:
    guest: Guest = await start()
    await guest.pause()
    (tmp_path / "in").write_bytes(b"from a file")
    await debug("write", hex(TOUCHED), "--file", tmp_path / "in")
    await debug("write", hex(TOUCHED + 16), "0x11223344", "-1")
    await debug("write", hex(TOUCHED + 24), '"text"')
    await debug("read", hex(TOUCHED), 28, "-o", tmp_path / "out", "--physical")
    assert (tmp_path / "out").read_bytes() == (
        b"from a file".ljust(16, b"\0") + bytes.fromhex("44332211ffffffff") + b"text"
    )


async def test_a_breakpoint_a_watchpoint_and_steps(debug: Command, start: Callable[..., Any]) -> None:
    guest: Guest = await start()
    await debug("watch", hex(TOUCHED + 0x2000), "--if", "$r3 != 0")
    (stop,) = json.loads(await debug("stops", "--json"))
    assert (stop["kind"], stop["address"], stop["condition"]) == ("write", TOUCHED + 0x2000, "$r3 != 0")
    guest.console.write(b"t")
    await guest.wait_stopped()
    assert guest.state is GuestState.PAUSED
    registers = json.loads(await debug("regs", "--json"))
    assert registers["r1"] == TOUCHED + 0x2000
    assert (await debug("read", hex(TOUCHED + 0x2000), 4)).split()[1:5] == ["00"] * 4  # not yet written
    assert (await debug("step")).startswith("Stepped; position ")
    assert json.loads(await debug("eval", f"[{TOUCHED + 0x2000}]", "--json"))["value"] == registers["r3"]
    assert " 1  write" in await debug("stops")
    await debug("delete", "all")
    assert json.loads(await debug("until", hex(WAIT), "--json"))["pc"] == WAIT
    assert (await debug("set", "r5", "$r4 + 1")) == "r5 0x09000001\n"
    assert "Monitor is running" in await debug("continue")


async def test_who_waits_for_a_stop_sees_it(debug: Command, start: Callable[..., Any]) -> None:
    guest: Guest = await start()
    await guest.pause()
    await debug("break", hex(WAIT), "--once")
    waiting = asyncio.ensure_future(debug("continue", "--wait", "--json"))
    while guest.state is GuestState.PAUSED and not waiting.done():
        await asyncio.sleep(0.01)
    guest.console.write(b"x")
    halt = json.loads(await waiting)
    assert (halt["reason"], halt["pc"], halt["code"]) == ("breakpoint", WAIT, "wfi")
    assert json.loads(await debug("stops", "--json")) == []


async def test_what_cannot_be_is_one_sentence(debug: Command, start: Callable[..., Any]) -> None:
    await start()
    for arguments, exit_code, words in (
        (("read", "0x90000000"), 1, "nothing mapped"),
        (("read", "1 +"), 1, "ends too early"),
        (("regs", "r77"), 2, "no register"),
        (("break", "nosuch"), 1, "no symbol 'nosuch'"),
        (("delete", "7"), 1, "no breakpoint 7"),
        (("delete", "seven"), 2, "neither"),
        (("write", "0x40100000", "1"), 1, "pause it"),
        (("write", "0x40100000", "one"), 2, "neither a number"),
        (("step",), 1, "pause it"),
        (("disas", "0x90000000"), 1, "nothing mapped"),
        (("watch", "$sp", "--mode", "x"), 2, "none of w, r and a"),
        (("goto", "1s"), 1, "not recorded"),
        (("record", "export"), 2, "takes one value"),
        (("record", "keep"), 1, "not"),
        (("trace", "everything"), 2, "none of"),
        (("coverage", "-o", "x", "--format", "svg"), 2, "none of drcov, lcov"),
        (("tasks",), 1, "Linux"),
        (("symbols", "--add", "nosuch.elf"), 1, "nosuch.elf"),
        (("gdb", "0.0.0.0:1"), 1, "loopback"),
    ):
        told = await debug(*arguments, code=exit_code)
        assert words in told, told
        assert len(told.splitlines()) == 1, told


async def test_a_guest_that_nobody_runs(debug: Command) -> None:
    assert "There is no guest 'Nobody'" in await debug("status", guest="Nobody", code=1)


async def test_a_run_in_a_terminal_is_found(pocketvisor: Command, monitor_file: Path, tmp_path: Path) -> None:
    """And it does not end while a debugger holds it."""
    runtime = {"XDG_RUNTIME_DIR": str(tmp_path)}
    run = asyncio.ensure_future(
        pocketvisor(
            *("run", "--elf", monitor_file, "--headless", "--until", "^never$", "--timeout", 60), **runtime
        )
    )
    async with asyncio.timeout(60):
        while (await pocketvisor("debug", "monitor", "pause", **runtime)).code:
            pass
        assert "paused" in (await pocketvisor("debug", "monitor", "status", **runtime)).out
        assert not run.done()
        await pocketvisor("debug", "monitor", "set", "pc", hex(OFF), **runtime)
        await pocketvisor("debug", "monitor", "continue", **runtime)
        ran = await run
    assert ran.code == 1
    assert "monitor powered itself off before '^never$' appeared" in ran.err
