"""What a real guest in a process of its own did, as its debugger tells."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.errors import DebugError
from pocketvisor.guest.guest import Guest

Start = Callable[..., Coroutine[Any, Any, Guest]]


async def said(guest: Guest, line: str) -> None:
    """A line for the monitor, which echoes it, and its prompt after it."""
    guest.console.write(line.encode() + b"\r")
    await guest.console.expect("^# ", timeout=20)


async def test_a_running_guest_is_traced_and_read_while_it_runs(start: Start) -> None:
    guest = await start()
    trace = guest.debugger.trace
    assert trace.kinds == frozenset()
    assert (trace.mmio(), trace.exceptions(), trace.coverage().blocks) == ([], [], [])
    await trace.start()
    assert trace.kinds == {"mmio", "exceptions", "coverage", "profile"}
    await said(guest, "MNOP")
    found = trace.mmio()
    assert {access.device for access in found} >= {"pl011"}
    assert "UARTDR" in {access.register for access in found if access.write}
    written = bytes(access.value & 0xFF for access in found if access.register == "UARTDR" and access.write)
    assert b"MNOP" in written, "the console's own output, byte for byte"
    assert [access.number for access in found] == list(range(found[0].number, found[-1].number + 1))
    coverage = trace.coverage()
    assert coverage.executed and coverage.lost == 0
    assert all(coverage.runs(access.pc) for access in found), "each access was by code that ran"
    assert "input" in {event.kind for event in trace.exceptions()}
    counters = await trace.counters()
    uart = next(one for one in counters.devices if one.device == "pl011")
    assert uart.reads + uart.writes >= len([one for one in found if one.device == "pl011"])
    assert counters.totals["mmio"] > 0
    await trace.stop()
    assert trace.kinds == frozenset()
    before = len(trace.mmio(10_000))
    await said(guest, "MNOP")
    assert len(trace.mmio(10_000)) == before > 0, "what was written down stays, and no more comes"


async def test_a_paused_guest_is_traced_from_its_next_instruction_on(start: Start) -> None:
    guest = await start(paused=True)
    debugger = guest.debugger
    stop = await debugger.wait_stopped()
    await debugger.trace.start(["coverage"])
    assert debugger.trace.coverage().blocks == []
    await debugger.resume()
    await guest.console.expect("^# ", timeout=20)
    assert debugger.trace.coverage().runs(stop.pc) == 1, "its first instruction"


async def test_it_is_exported(start: Start, tmp_path: Path) -> None:
    guest = await start()
    trace = guest.debugger.trace
    await trace.start(period=1000)
    await said(guest, "MNOP")
    while not trace.profile().samples:
        await said(guest, "MNOP")
    for form, beginning in (
        ("drcov", b"DRCOV VERSION: 2\n"),
        ("folded", b"supervisor;0x"),
        ("svg", b"<svg "),
        ("html", b"<!DOCTYPE html>"),
        ("chrome", b'{"displayTimeUnit": "ns"'),
    ):
        path = tmp_path / form
        trace.export(path, form)  # type: ignore[arg-type]
        assert path.read_bytes().startswith(beginning)
    with pytest.raises(DebugError, match="No file of symbols tells source lines"):
        trace.export(tmp_path / "lcov", "lcov")
    with pytest.raises(DebugError, match="nowhere"):
        trace.export(tmp_path / "nowhere" / "file", "drcov")
    with pytest.raises(DebugError, match="There is no form pdf"):
        trace.exported("pdf")


async def test_what_cannot_be_traced_is_said(start: Start) -> None:
    guest = await start()
    trace = guest.debugger.trace
    with pytest.raises(DebugError, match="There is no trace of dreams: mmio, exceptions"):
        await trace.start(["mmio", "dreams"])
    await trace.start(["mmio"])
    await trace.start([])
    assert trace.kinds == frozenset()
    await trace.start(["mmio"])
    await guest.power_off()
    assert trace.kinds == frozenset()
    with pytest.raises(DebugError, match="there is nothing to look into"):
        await trace.start(["mmio"])
    assert isinstance(trace.mmio(), list), "what it did can be read when it has gone"


async def test_ten_traces_one_after_the_other_leave_the_guest_well(start: Start) -> None:
    guest = await start()
    trace = guest.debugger.trace
    for _ in range(10):
        await trace.start()
        await asyncio.gather(trace.counters(), guest.debugger.registers())
    await said(guest, "MNOP")
    assert trace.coverage().executed


async def test_the_past_is_traced_as_the_present_was(start: Start) -> None:
    guest = await start()
    debugger = guest.debugger
    await debugger.timeline.start()
    begin = (await debugger.pause()).position
    await debugger.trace.start(["mmio", "exceptions"])
    await debugger.resume()
    await said(guest, "MNOP")
    await debugger.pause()
    lived = debugger.trace.mmio(), debugger.trace.exceptions()
    await debugger.trace.stop()
    assert (await debugger.go_to(begin)).position == begin
    await debugger.trace.start(["mmio", "exceptions"])
    assert debugger.trace.mmio() == []
    end = lived[0][-1].position
    assert (await debugger.go_to(end)).position == end
    assert debugger.trace.mmio() == lived[0][:-1]
    # One that is restored in the midst of a wait is told of it once more.
    again, then = (
        [(one.kind, one.position, one.clock_ns) for one in events if one.kind not in ("waiting", "woken")]
        for events in (debugger.trace.exceptions(), lived[1])
    )
    assert again == then[: len(again)] != []
