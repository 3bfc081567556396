"""What stands behind `pocketvisor debug`: symbols, stacks, traces and the past of a real guest."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from monitor import BASE, code

from pocketvisor.api import Guest, GuestState, Handset, RunOptions, image_from_files
from pocketvisor.control import debug_calls as calls
from pocketvisor.errors import DebugError
from pocketvisor.services.debug import answer

Start = Callable[..., Any]


async def ask(guest: Guest, request: type, expected: Any = Any, **words: Any) -> Any:
    shown = await answer(guest, request(guest=guest.name, **words))
    return msgspec.convert(shown.value, expected)


async def test_symbols_of_its_own_file(handset: Handset, built_program: Callable[..., Path]) -> None:
    path = built_program("calls.elf", "-g")
    image = image_from_files(elf=path, name="Calls", ram_mib=16)
    guest = await handset.start(image, options=RunOptions(paused=True))
    assert await ask(guest, calls.AskLayers) == []
    (layer,) = await ask(guest, calls.AddSymbols, list[calls.SymbolLayer])
    assert (layer.name, layer.sentence) == ("calls.elf", "")
    (symbol,) = await ask(guest, calls.AskSymbols, list[calls.Symbol], prefix="innermost")
    (stop,) = await ask(guest, calls.AddStop, list[dict[str, Any]], kind="execute", place="innermost")
    assert stop["address"] == symbol.address
    (line,) = await ask(guest, calls.Disassemble, list[calls.CodeLine], address="innermost", count=1)
    assert (line.label, line.stop) == ("innermost", True)
    assert line.file.endswith("calls.c")
    halt = await ask(guest, calls.Move, calls.Halt, how="continue")
    assert (halt.reason, halt.label) == ("breakpoint", "innermost")
    assert (await ask(guest, calls.Evaluate, calls.Value, text="innermost + 4")).label == "innermost+0x4"
    place = f"{Path(line.file).name}:{line.line}"
    assert (await ask(guest, calls.Evaluate, calls.Value, text=place)).value == symbol.address
    (shown,) = await ask(guest, calls.AskVariables, list[calls.Variable], name="counter")
    assert (shown.type, shown.value) == ("int", "-7")
    assert "first" in [each.name for each in await ask(guest, calls.AskVariables, list[calls.Variable])]
    (found,) = await ask(guest, calls.Find, list[calls.Found], data=b'a "title"\0')
    assert found.label == "title"
    frames = await ask(guest, calls.AskStack, list[calls.StackFrame])
    assert len(frames) > 2
    assert frames[0].label == "innermost"
    (static,) = await ask(guest, calls.AskStatics, list[calls.Static], prefix="counter")
    assert (static.type, static.value, static.size) == ("int", "-7", 4)


async def test_a_file_that_is_none(start: Start, tmp_path: Path) -> None:
    guest: Guest = await start()
    (tmp_path / "bad.elf").write_bytes(b"\x7fELF" + b"\xff" * 100)
    with pytest.raises(DebugError, match=r"bad\.elf"):
        await ask(guest, calls.AddSymbols, path=str(tmp_path / "bad.elf"))


async def test_a_guest_that_is_no_linux_says_so(start: Start) -> None:
    guest: Guest = await start()
    with pytest.raises(DebugError):
        await ask(guest, calls.AskLinux, what="tasks")


async def test_what_it_did_is_told_and_written(start: Start, tmp_path: Path) -> None:
    guest: Guest = await start()
    assert await ask(guest, calls.AskTrace, what="mmio") == []
    standing = await ask(guest, calls.SetTracing, calls.Standing, kinds=["mmio", "coverage"])
    assert standing.sentence == "traced: mmio, coverage"
    guest.console.write(b"xyz")
    await guest.console.expect("xyz", timeout=30)
    rows = await ask(guest, calls.AskTrace, what="mmio", limit=50)
    written = [row for row in rows if row["write"] and row["register"] == "UARTDR"]
    assert [chr(row["value"]) for row in written][-3:] == ["x", "y", "z"]
    assert await ask(guest, calls.AskTrace, what="coverage")
    file = await ask(guest, calls.AskTrace, calls.Written, what="coverage", path=str(tmp_path / "c"))
    assert (tmp_path / "c").read_bytes().startswith(b"DRCOV VERSION: 2")
    assert file.bytes == (tmp_path / "c").stat().st_size
    with pytest.raises(DebugError, match="no form 'svg'"):
        await ask(guest, calls.AskTrace, what="coverage", path=str(tmp_path / "d"), format="svg")
    counted = await ask(guest, calls.AskTrace, what="counters")
    assert any(row["name"].startswith("accesses of pl011") and row["count"] for row in counted)
    await ask(guest, calls.SetTracing, kinds=[])


async def test_back_to_a_write_and_to_the_present(start: Start) -> None:
    """The monitor's command 't' writes 256 down to 1, a word in each page from 0x40100000 on."""
    guest: Guest = await start()
    shown = await ask(guest, calls.Record, calls.RecordingShown, how="start")
    assert shown.recording
    guest.console.write(b"tx")
    await guest.console.expect("x", timeout=30)
    place = "0x40105000"
    halt = await ask(guest, calls.Move, calls.Halt, how="last-write", place=place)
    assert halt.in_past
    assert halt.code.startswith("str r3, [r1]")
    assert (await ask(guest, calls.Evaluate, calls.Value, text="$r1")).value == 0x4010_5000
    assert (await ask(guest, calls.Evaluate, calls.Value, text=f"[{place}]")).value == 0
    with pytest.raises(DebugError, match="past"):
        await ask(guest, calls.WriteMemory, address=place, data=b"no")
    with pytest.raises(DebugError, match="past"):
        await ask(guest, calls.SetRegister, name="r3", value="1")
    stepped = await ask(guest, calls.Move, calls.Halt, how="step")
    assert (await ask(guest, calls.Evaluate, calls.Value, text=f"[{place}]")).value == 251
    back = await ask(guest, calls.Move, calls.Halt, how="reverse-step")
    assert (back.position, back.pc) == (halt.position, halt.pc)
    assert stepped.position == halt.position + 4
    gone = await ask(guest, calls.Move, calls.Halt, how="goto", place=str(halt.position))
    assert gone.pc == halt.pc
    standing = await ask(guest, calls.Move, calls.Standing, how="present")
    assert not standing.in_past
    assert guest.state is GuestState.RUNNING
    assert (await ask(guest, calls.Evaluate, calls.Value, text=f"[{place}]")).value == 251
    shown = await ask(guest, calls.Record, calls.RecordingShown, how="stop")
    assert not shown.recording
    assert len(shown.moments) >= 2


async def test_the_past_runs_forward_to_the_present(start: Start) -> None:
    guest: Guest = await start()
    await ask(guest, calls.Record, how="start")
    guest.console.write(b"tx")
    await guest.console.expect("x", timeout=30)
    written = await ask(guest, calls.Move, calls.Halt, how="last-write", place="0x40105000")
    await ask(guest, calls.AddStop, kind="write", place="0x40108000")
    halt = await ask(guest, calls.Move, calls.Halt, how="continue")
    assert (halt.reason, halt.in_past) == ("watchpoint", True)
    assert halt.position > written.position
    assert (await ask(guest, calls.Evaluate, calls.Value, text="$r1")).value == 0x4010_8000
    await ask(guest, calls.RemoveStop, id=0)
    halt = await ask(guest, calls.Move, calls.Halt, how="continue")
    assert not halt.in_past
    assert guest.state is GuestState.RUNNING


async def test_without_a_recording_there_is_no_past(start: Start) -> None:
    guest: Guest = await start()
    for how, place in (("reverse-step", ""), ("last-write", "$sp"), ("goto", "1"), ("goto", "2.5s")):
        with pytest.raises(DebugError, match="not recorded"):
            await ask(guest, calls.Move, how=how, place=place)
    with pytest.raises(DebugError, match="no position"):
        await ask(guest, calls.Move, how="goto", place="-1")


async def test_a_guest_that_is_off_says_so(start: Start) -> None:
    guest: Guest = await start()
    await guest.power_off()
    assert (await ask(guest, calls.AskDebug, calls.Standing)).state == "off"
    for request in (calls.AskRegisters, calls.AskStack, calls.AskBoard, calls.AskPages):
        with pytest.raises(DebugError, match="is off"):
            await ask(guest, request)
    with pytest.raises(DebugError):
        await ask(guest, calls.Record, how="start")


async def test_who_hangs_up_while_it_runs_has_it_paused(start: Start) -> None:
    guest: Guest = await start(paused=False)
    await guest.pause()
    waiting = asyncio.ensure_future(ask(guest, calls.Move, how="continue"))
    while guest.state is GuestState.PAUSED:
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert guest.state is GuestState.PAUSED


async def test_the_stop_before_is_not_the_one_that_is_waited_for(start: Start) -> None:
    """Somebody else has just paused it: its debugger is about to tell of that."""
    guest: Guest = await start()
    wait = BASE + code().index(bytes.fromhex("03f020e3"))
    await ask(guest, calls.AddStop, kind="execute", place=hex(wait))
    await guest.pause()
    halt = asyncio.ensure_future(ask(guest, calls.Move, calls.Halt, how="continue"))
    async with asyncio.timeout(30):
        while guest.state is GuestState.PAUSED and not halt.done():
            await asyncio.sleep(0)
        guest.console.write(b"x")
        assert (await halt).reason == "breakpoint"


async def test_one_that_is_busy_with_a_condition_can_be_paused(start: Start) -> None:
    """The monitor's command 's' runs one instruction for ever, and a breakpoint there holds at each."""
    guest: Guest = await start()
    spin = hex(BASE + code().index(bytes.fromhex("feffff0a")))
    await ask(guest, calls.AddStop, kind="execute", place=spin, condition="$r0 == 1")
    guest.console.write(b"s")
    for _ in range(5):
        halt = await ask(guest, calls.Move, calls.Halt, how="pause")
        assert halt.reason == "pause"
        await ask(guest, calls.Move, how="continue", wait=False)
    assert guest.state is GuestState.RUNNING


async def test_gdb_is_let_in_and_out(start: Start) -> None:
    guest: Guest = await start()
    shown = await ask(guest, calls.SetGdb, calls.GdbShown)
    assert shown.command == f"gdb-multiarch -ex 'set remotetimeout 60' -ex 'target remote {shown.address}'"
    assert (await ask(guest, calls.AskDebug, calls.Standing)).gdb == shown.address
    assert (await ask(guest, calls.SetGdb, calls.GdbShown, open=False)).command == ""
    assert (await ask(guest, calls.AskDebug, calls.Standing)).gdb == ""
    with pytest.raises(DebugError):
        await ask(guest, calls.SetGdb, address="0.0.0.0:1")
