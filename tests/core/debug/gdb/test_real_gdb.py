"""The real gdb-multiarch, on a real guest."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from debuggee import COUNTER, write_debuggee
from real_gdb import GDB, Gdb

from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState, RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import image_from_files

pytestmark = pytest.mark.skipif(GDB is None, reason="gdb-multiarch is not installed")

Start = Callable[..., Coroutine[Any, Any, Gdb]]


@pytest.fixture
def debuggee(tmp_path: Path) -> Path:
    return write_debuggee(tmp_path)


@pytest.fixture
async def guest(handset: Handset, debuggee: Path) -> Guest:
    image = image_from_files(elf=debuggee, name="Debuggee", ram_mib=16)
    return await handset.start(image, options=RunOptions(paused=True))


@pytest.fixture
async def start_gdb(guest: Guest, debuggee: Path) -> AsyncIterator[Start]:
    """One that is attached, unless it is told not to."""
    started: list[Gdb] = []

    async def start(*, attach: bool = True) -> Gdb:
        gdb = await Gdb.start(debuggee)
        started.append(gdb)
        if attach:
            server = guest.debugger.gdb or await guest.debugger.open_gdb()
            assert "_start" in await gdb.do(f"target remote {server.address}", stops=True)
        return gdb

    yield start
    for gdb in started:
        await gdb.close()


@pytest.fixture
async def gdb(start_gdb: Start) -> Gdb:
    return await start_gdb()


async def until(held: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not held():
            await asyncio.sleep(0)


async def word(guest: Guest, address: int) -> int:
    return int.from_bytes(await guest.debugger.read(address, 4), "little")


async def test_it_steps_through_arm_and_thumb(gdb: Gdb) -> None:
    assert "0x40200000" in await gdb.do("info registers pc")
    await gdb.do("stepi")
    assert "0x40310000" in await gdb.do("info registers sp")
    assert 'func="twice"' in await gdb.do("tbreak *0x40200058") + await gdb.do("continue")
    assert "adds\tr2, #1" in await gdb.do("x/i $pc")
    await gdb.do("stepi")
    assert "movw\tr3, #4660" in await gdb.do("x/i $pc")
    await gdb.do("stepi 2")
    assert "0x1234" in await gdb.do("info registers r3")
    assert "bx\tlr" in await gdb.do("x/i $pc")
    assert 'func="outer"' in await gdb.do("stepi")
    assert "= 32" not in await gdb.do("print $cpsr & 0x20")


async def test_breakpoints_with_conditions_counts_and_ends(gdb: Gdb, guest: Guest) -> None:
    await gdb.do("break outer if $r5 == 7")
    assert "breakpoint-hit" in await gdb.do("continue")
    assert "= 7" in await gdb.do("print $r5")
    assert "outer" in await gdb.do("backtrace")
    await gdb.do("delete")
    await gdb.do("hbreak *twice")
    assert 'func="twice"' in await gdb.do("continue")
    assert 'func="outer"' in await gdb.do("finish")
    await gdb.do("delete")
    await gdb.do("detach")
    assert not list(guest.debugger.stops)
    assert guest.state is GuestState.RUNNING


async def test_watchpoints_show_what_changed(gdb: Gdb, guest: Guest) -> None:
    await gdb.do("watch *(int *)&counter")
    said = await gdb.do("continue")
    assert "watchpoint-trigger" in said
    assert 'old="0",new="1"' in said
    assert 'old="1",new="2"' in await gdb.do("continue")
    await gdb.do("delete")
    await gdb.do("rwatch *(short *)&counter")
    assert "read-watchpoint-trigger" in await gdb.do("continue")
    assert "ldrh" in await gdb.do("x/i $pc-4")
    await gdb.do("delete")
    await gdb.do("awatch *(int *)&counter")
    for instruction in ("str", "ldrh", "str"):
        assert "access-watchpoint-trigger" in await gdb.do("continue")
        assert instruction in await gdb.do("x/i $pc-4")
    await gdb.do("delete")


async def test_a_step_over_a_write_is_told_by_its_watchpoint(gdb: Gdb) -> None:
    await gdb.do("tbreak loop")
    await gdb.do("continue")
    await gdb.do("watch *(int *)&counter")
    await gdb.do("stepi")
    assert 'old="0",new="1"' in await gdb.do("stepi")


async def test_registers_and_memory_are_changed(gdb: Gdb, guest: Guest) -> None:
    await gdb.do("tbreak loop")
    await gdb.do("continue")
    assert "= 1.5" in await gdb.do("print $d1")
    await gdb.do("set $d1 = -2.25")
    assert "0xc002000000000000" in await gdb.do("print/x $q0.u64[1]")
    await gdb.do("set $r5 = 41")
    await gdb.do("break outer")
    await gdb.do("continue")
    assert await word(guest, COUNTER) == 42
    await gdb.do("set *(int *)&counter = 0x11223344")
    assert await word(guest, COUNTER) == 0x11223344
    assert "-2.25" in await gdb.do("print $d1")
    assert "0x410fc090" in await gdb.do("info registers cp15")
    assert "sp_irq" in await gdb.do("info registers banked")
    assert "could not" in (await gdb.do("set $midr = 1")).lower()


async def test_a_function_of_the_guest_is_called(gdb: Gdb) -> None:
    await gdb.do("tbreak outer")
    await gdb.do("continue")
    assert "= 84" in await gdb.do("print ((int (*)(int))twice)(42)", stops=None)
    assert 'func="twice"' not in await gdb.do("info registers pc")


async def test_a_program_is_loaded(gdb: Gdb, guest: Guest) -> None:
    await guest.debugger.write(0x40200000, bytes(64))
    assert "matched" not in await gdb.do("compare-sections .text")
    assert "Start address 0x40200000" in await gdb.do("load")
    assert "matched" in await gdb.do("compare-sections .text")
    await gdb.do("tbreak outer")
    assert 'func="outer"' in await gdb.do("continue")


async def test_memory_that_is_not_there(gdb: Gdb) -> None:
    for command in ("x/x 0x30000000", "x/x 0xfffffffc", "x/s 0x08000000"):
        assert "Cannot access memory" in await gdb.do(command)
    assert "Cannot access memory" in await gdb.do("set *(int *)0x30000000 = 1")
    assert "=> 0x40200000" in await gdb.do("x/i $pc")


async def test_it_is_interrupted(gdb: Gdb, guest: Guest) -> None:
    await gdb.do("continue", stops=False)
    await until(lambda: guest.state is GuestState.RUNNING)
    gdb.process.send_signal(signal.SIGINT)
    assert "SIGINT" in await gdb.stopped()
    assert guest.state is GuestState.PAUSED


async def test_monitor(gdb: Gdb, guest: Guest) -> None:
    assert "snapshot [NAME]" in await gdb.do("monitor help")
    assert "Debuggee: paused, 16 MiB" in await gdb.do("monitor info")
    assert "48 d0 9f e5" in await gdb.do("monitor read 0x40200000 4")
    await gdb.do("tbreak outer")
    await gdb.do("continue")
    assert "was reset" in await gdb.do("monitor reset")
    await gdb.do("maintenance flush register-cache")
    assert "0x40200000" in await gdb.do("info registers pc")
    assert await word(guest, COUNTER) == 0
    await gdb.do("tbreak outer")
    assert 'func="outer"' in await gdb.do("continue")


async def test_a_second_gdb_hears_a_sentence(gdb: Gdb, start_gdb: Start, guest: Guest) -> None:
    other = await start_gdb(attach=False)
    assert guest.debugger.gdb is not None
    said = await other.do(f"target remote {guest.debugger.gdb.address}")
    assert "Another debugger is attached" in said
    assert "0x40200000" in await gdb.do("info registers pc")


async def test_a_token(start_gdb: Start, guest: Guest) -> None:
    server = await guest.debugger.open_gdb(token="sesame")
    plain = await start_gdb(attach=False)
    assert "not running (try extended-remote?)" in await plain.do(f"target remote {server.address}")
    gdb = await start_gdb(attach=False)
    await gdb.do(f"target extended-remote {server.address}")
    assert "failed" in await gdb.do("attach 1")
    assert "A token is wanted" in await gdb.do("monitor info")
    assert "not the token" in await gdb.do("monitor token open")
    assert "Now type" in await gdb.do("monitor token sesame")
    assert "_start" in await gdb.do("attach 1", stops=True)
    assert "0x40200000" in await gdb.do("info registers pc")


async def test_a_unix_socket(start_gdb: Start, guest: Guest, tmp_path: Path) -> None:
    await guest.debugger.open_gdb(tmp_path / "gdb.sock")
    gdb = await start_gdb()
    assert "0x40200000" in await gdb.do("info registers pc")


async def test_one_that_is_killed_leaves_a_guest_that_runs(gdb: Gdb, guest: Guest) -> None:
    notes = []
    guest.on("event", notes.append)
    gone = asyncio.Event()
    guest.debugger.on("attached", gone.set)
    await gdb.do("break outer")
    await gdb.do("watch *(int *)&counter")
    await gdb.do("continue")
    gdb.process.send_signal(signal.SIGKILL)
    async with asyncio.timeout(60):
        await gone.wait()
    await until(lambda: guest.state is GuestState.RUNNING)
    assert not list(guest.debugger.stops)
    assert "Debuggee: a debugger has gone without a word" in notes


async def test_others_go_on_while_it_is_debugged(gdb: Gdb, handset: Handset, debuggee: Path) -> None:
    other = await handset.start(image_from_files(elf=debuggee, name="Other", ram_mib=16))
    ticks = other.ticks
    await gdb.do("tbreak outer")
    await gdb.do("continue")
    await until(lambda: other.ticks > ticks + 1_000_000)
    assert other.state is GuestState.RUNNING


async def test_the_end_of_the_guest_is_told(gdb: Gdb, guest: Guest) -> None:
    await gdb.do("continue", stops=False)
    await until(lambda: guest.state is GuestState.RUNNING)
    await guest.power_off()
    assert "exited" in await gdb.stopped()


async def test_it_goes_backwards(guest: Guest, start_gdb: Start) -> None:
    gdb = await start_gdb()
    assert "Recorded from position 0" in await gdb.do("monitor record start")
    await gdb.do("break *0x40200058 if $r5 == 9")
    assert "breakpoint-hit" in await gdb.do("continue")
    await gdb.do("delete")
    for place in ("0x40200044", "0x40200040", "0x40200034"):
        assert f'addr="{place}"' in await gdb.do("reverse-stepi")
    await gdb.do("watch *(int *)&counter")
    assert 'old="9",new="8"' in await gdb.do("reverse-continue")
    assert "=> 0x4020002c" in await gdb.do("x/i $pc")
    assert 'old="8",new="7"' in await gdb.do("reverse-continue")
    assert "= 8" in await gdb.do("print $r5")
    assert 'old="7",new="8"' in await gdb.do("continue")
    assert "0x40200030" in await gdb.do("info registers pc")
    await gdb.do("delete")
    await gdb.do("break outer if $r5 == 3")
    assert 'func="outer"' in await gdb.do("reverse-continue")
    assert "= 3" in await gdb.do("print *(int *)&counter")
    assert "The past cannot be changed" in await gdb.do("set $r5 = 5")
    await gdb.do("delete")
    said = await gdb.do("reverse-continue")
    assert "This is where the recording begins" in said
    assert "No more reverse-execution history" in said
    assert "0x40200000" in await gdb.do("info registers pc")
    assert "This is where the recording ends" in await gdb.do("continue")
    assert "= 9" in await gdb.do("print *(int *)&counter")
    assert not guest.debugger.in_past
    await gdb.do("tbreak outer")
    assert 'func="outer"' in await gdb.do("continue")
    assert "= 10" in await gdb.do("print $r5")


async def test_one_that_leaves_the_past_leaves_the_guest_in_the_present(
    guest: Guest, start_gdb: Start
) -> None:
    await guest.debugger.timeline.start()
    gdb = await start_gdb()
    await gdb.do("tbreak twice")
    await gdb.do("continue")
    await gdb.do("reverse-stepi")
    assert guest.debugger.in_past
    await gdb.do("detach")
    await until(lambda: guest.state is GuestState.RUNNING)
    assert not guest.debugger.in_past


async def test_without_a_recording_there_is_no_way_back(gdb: Gdb) -> None:
    said = await gdb.do("reverse-stepi")
    assert "recorded" in said
    assert "0x40200000" in await gdb.do("info registers pc")


async def test_the_last_write_is_gone_to(guest: Guest, start_gdb: Start) -> None:
    gdb = await start_gdb()
    await gdb.do("monitor record start")
    await gdb.do("tbreak *0x40200058 if $r5 == 4")
    await gdb.do("continue")
    place = (await gdb.do("monitor info")).partition("position ")[2].split()[0]
    assert "pc 0x4020002c" in await gdb.do("monitor last-write 0x40300000")
    await gdb.do("maintenance flush register-cache")
    assert "=> 0x4020002c" in await gdb.do("x/i $pc")
    assert "= 3" in await gdb.do("print *(int *)&counter")
    assert "pc 0x40200058" in await gdb.do(f"monitor goto {place}")
