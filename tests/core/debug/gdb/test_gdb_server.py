"""How debuggers come and go: whoever they are and however they leave, the guest is not harmed and never left
stopped without a sign."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from gdb_machine import BASE, MadeGuest, MadeMachine
from gdb_wire import Wire
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pocketvisor.debug.gdb.packet import PACKET_MAX, escaped, framed
from pocketvisor.debug.gdb.server import GdbServer
from pocketvisor.errors import DebugError
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState


async def until(held: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not held():
            await asyncio.sleep(0)


@pytest.fixture
async def locked(made_guest: MadeGuest, machine: MadeMachine) -> AsyncIterator[GdbServer]:
    server = await GdbServer.open(made_guest, machine, token="sesame")
    yield server
    await server.close()


# Leaving


async def test_a_guest_that_ran_runs_on_when_its_debugger_is_cut_off(
    stub: GdbServer, wire: Wire, machine: MadeMachine, made_guest: MadeGuest
) -> None:
    own = machine.stops.add("execute", BASE + 0x10)
    await wire.ask(b"Z0,40000040,4")
    await wire.ask(b"Z2,40008000,4")
    wire.send(b"$m40000000,")  # in the midst of a packet
    wire.close()
    await until(lambda: not stub.attached)
    assert made_guest.state is GuestState.RUNNING
    assert list(machine.stops) == [own]
    assert made_guest.notes == ["a debugger has attached", "a debugger has gone without a word"]


async def test_one_that_stood_still_before_stands_still_and_says_so(
    stub: GdbServer, made_guest: MadeGuest
) -> None:
    made_guest.state = GuestState.PAUSED
    wire = await Wire.attached(stub.address)
    wire.close()
    await until(lambda: not stub.attached)
    assert made_guest.state is GuestState.PAUSED
    assert made_guest.notes[-1] == ("a debugger has gone without a word; it stands still, as it did before")


async def test_one_that_the_debugger_let_run_runs_on(
    stub: GdbServer, machine: MadeMachine, made_guest: MadeGuest
) -> None:
    made_guest.state = GuestState.PAUSED
    wire = await Wire.attached(stub.address)
    wire.send(framed(b"c") + framed(b"qC"))
    await wire.answer()
    wire.close()
    await until(lambda: not stub.attached)
    assert made_guest.state is GuestState.RUNNING


async def test_detaching_lets_it_run_and_takes_the_breakpoints_out(
    stub: GdbServer, wire: Wire, machine: MadeMachine, made_guest: MadeGuest
) -> None:
    await wire.ask(b"Z0,40000040,4")
    assert await wire.ask(b"D") == b"OK"
    assert await wire.at_end() == b""
    assert made_guest.state is GuestState.RUNNING
    assert not machine.stops
    assert made_guest.notes[-1] == "the debugger has detached"


async def test_who_looked_at_the_past_leaves_the_guest_in_the_present(
    stub: GdbServer, wire: Wire, machine: MadeMachine
) -> None:
    machine.in_past = True
    wire.close()
    await until(lambda: not stub.attached)
    assert not machine.in_past


async def test_closing_the_stub_hangs_up_and_lets_the_guest_run(
    stub: GdbServer, wire: Wire, made_guest: MadeGuest
) -> None:
    await stub.close()
    assert await wire.at_end() == b""
    assert made_guest.state is GuestState.RUNNING
    with pytest.raises(ConnectionError):
        await Wire.to(f"127.0.0.1:{wire.writer.get_extra_info('peername')[1]}")


async def test_gdb_may_come_back(stub: GdbServer, wire: Wire, made_guest: MadeGuest) -> None:
    assert await wire.ask(b"!") == b"OK"
    assert await wire.ask(b"D;1") == b"OK"
    assert made_guest.state is GuestState.RUNNING
    assert (await wire.ask(b"g")).startswith(b"E.Nothing is attached")
    assert await wire.ask(b"qfThreadInfo") == b"l"
    assert (await wire.ask(b"vAttach;1")).startswith(b"T05thread:1;")
    assert made_guest.state is GuestState.PAUSED


async def test_one_that_goes_in_the_midst_of_a_step_leaves_a_guest_that_runs(
    start: Callable[..., Coroutine[Any, Any, Guest]],
) -> None:
    guest = await start()
    stub = await guest.debugger.open_gdb()
    for how in (Wire.close, None):
        wire = await Wire.attached(stub.address)
        wire.send(framed(b"vCont;r0,ffffffff:1"))  # step by step into a WFI that waits for a key
        assert (await wire.ask(b"qC")).startswith(b"E.The guest runs")
        if how is not None:
            how(wire)
            await until(lambda: not stub.attached)
        else:
            await guest.debugger.close_gdb()
            wire.close()
        await until(lambda: guest.state is GuestState.RUNNING)
        assert not list(guest.debugger.stops)
        guest.console.write(b"k")
        await guest.console.expect("k", timeout=20)


# Others


async def test_a_second_debugger_hears_a_sentence_and_the_first_goes_on(
    stub: GdbServer, wire: Wire, machine: MadeMachine
) -> None:
    other = await Wire.to(stub.address)
    other.send(framed(b"qSupported:swbreak+"))
    sentence = b"E.Another debugger is attached to this guest already"
    assert await other.at_end() == b"+" + framed(sentence)
    late = await Wire.to(stub.address)
    await late.quiet()
    assert await late.ask(b"?") == b"W00"
    assert await late.ask(b"vAttach;1") == sentence
    assert await late.ask(b"P0=ffffffff") == b"E.Nothing is attached: type attach 1"
    assert machine.values["r0"] == 0
    assert (await wire.ask(b"s")).startswith(b"T05")
    late.close()


async def test_connections_are_few(stub: GdbServer) -> None:
    wires = [await Wire.to(stub.address) for _ in range(9)]
    assert await wires[-1].at_end() == b""
    await wires[0].quiet()
    for wire in wires:
        wire.close()


async def test_who_says_nothing_is_hung_up_on(
    stub: GdbServer, made_guest: MadeGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pocketvisor.debug.gdb.session._FIRST_PACKET_SECONDS", 0.05)
    wire = await Wire.to(stub.address)
    assert await wire.at_end() == b""
    assert made_guest.state is GuestState.RUNNING


# The token


async def test_without_the_token_nothing_is_told_or_changed(
    locked: GdbServer, machine: MadeMachine, made_guest: MadeGuest
) -> None:
    wire = await Wire.to(locked.address)
    await wire.quiet()
    for packet in b"g G00 p0 P0=00 m40000000,4 M40000000,1:00 X40000000,1:a Z0,40000000,4 c s bc k".split():
        assert (await wire.ask(packet)).startswith(b"E.A token is wanted"), packet
    for packet in (b"vAttach;1", b"vKill;1", b"qXfer:memory-map:read::0,10"):
        assert (await wire.ask(packet)).startswith(b"E.A token is wanted"), packet
    for line in ("info", "read 0x40000000", "reset", "phys on"):
        assert (await wire.command(line)).startswith("A token is wanted")
    assert made_guest.state is GuestState.RUNNING
    assert not machine.stops and not machine.history and not any(machine.memory)
    assert made_guest.notes == []
    wire.close()


async def test_with_the_token_it_attaches(locked: GdbServer, made_guest: MadeGuest) -> None:
    wire = await Wire.to(locked.address)
    await wire.quiet()
    assert await wire.ask(b"!") == b"OK"
    assert await wire.ask(b"?") == b"W00"
    assert await wire.command("token open") == "That is not the token\n"
    assert await wire.command("token sesame") == "Now type: attach 1\n"
    assert made_guest.state is GuestState.RUNNING
    assert (await wire.ask(b"vAttach;1")).startswith(b"T05thread:1;")
    assert len(await wire.ask(b"g")) > 100
    wire.close()


async def test_who_guesses_is_hung_up_on(locked: GdbServer) -> None:
    wire = await Wire.to(locked.address)
    await wire.quiet()
    for word in ("token", "token ", "token näh"):
        assert await wire.command(word) == "That is not the token\n"
    assert await wire.at_end() == b""


@pytest.mark.parametrize("token", ["", " ", "two words", "x" * 201, "line\n"])
async def test_a_token_is_a_word(machine: MadeMachine, made_guest: MadeGuest, token: str) -> None:
    with pytest.raises(DebugError, match="one word"):
        await GdbServer.open(made_guest, machine, token=token)


# Bad input


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.binary(max_size=300), st.binary(max_size=60).map(framed)), max_size=12))
async def test_garbage_does_no_harm(pieces: list[bytes]) -> None:
    guest = MadeGuest()
    machine = MadeMachine(guest)
    stub = await GdbServer.open(guest, machine)
    wire = await Wire.to(stub.address)
    for piece in pieces:
        wire.send(piece)
    wire.close()
    other = None
    async with asyncio.timeout(60):
        while other is None:
            other = await Wire.to(stub.address)
            other.send(b"#00" + framed(b"qC"))
            if await other.reader.read(1) != b"+":
                other = None
    other.close()
    await stub.close()
    assert guest.state in (GuestState.RUNNING, GuestState.OFF)
    assert not list(machine.stops)


async def test_a_packet_of_a_megabyte_is_refused_and_the_next_is_answered(
    stub: GdbServer, wire: Wire
) -> None:
    wire.send(framed(b"X40000000,100000:" + b"a" * (1 << 20)))
    assert await wire.answer() == f"E.A packet is longer than {PACKET_MAX} bytes".encode()
    assert await wire.ask(b"qC") == b"QC1"
    most = PACKET_MAX - 100
    assert await wire.ask(b"X40000000,%x:%b" % (most, escaped(b"a" * most))) == b"OK"


async def test_who_asks_and_does_not_read_costs_nobody_memory(stub: GdbServer, wire: Wire) -> None:
    sent = 0
    wire.writer.transport.set_write_buffer_limits(high=0)
    with pytest.raises(TimeoutError):
        while True:  # each answer is 100 KiB: somewhere it has to stop taking questions
            wire.send(framed(b"m40000000,ffffff") * 100)
            sent += 100
            async with asyncio.timeout(0.5):
                await wire.writer.drain()
    assert sent < 2_000_000
    other = await Wire.to(stub.address)
    await other.quiet()
    other.close()
    wire.writer.transport.abort()
    await until(lambda: not stub.attached)


# Addresses


async def test_a_unix_socket_is_its_users_alone(
    made_guest: MadeGuest, machine: MadeMachine, tmp_path: Path
) -> None:
    path = tmp_path / "gdb.sock"
    stub = await GdbServer.open(made_guest, machine, path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stub.command == f"gdb-multiarch -ex 'set remotetimeout 60' -ex 'target remote {path}'"
    wire = await Wire.attached(stub.address)
    assert stub.attached
    with pytest.raises(DebugError, match="listens there already"):
        await GdbServer.open(made_guest, machine, str(path))
    wire.close()
    await stub.close()
    assert not path.exists()


IMPOSSIBLE = {
    "0.0.0.0:1234": "loopback",
    "192.0.2.1:1": "loopback",
    "phone.example.org:1": "loopback",
    "65536": "neither",
    "-1": "neither",
    "12a": "neither",
    "127.0.0.1:": "neither",
    "/nowhere/at/all": "no socket",
    "/" + "x" * 200: "too long",
}


@pytest.mark.parametrize("address", IMPOSSIBLE)
async def test_an_address_that_cannot_be_is_refused(
    made_guest: MadeGuest, machine: MadeMachine, address: str
) -> None:
    with pytest.raises(DebugError, match=IMPOSSIBLE[address]):
        await GdbServer.open(made_guest, machine, address)


async def test_the_command_can_be_pasted(made_guest: MadeGuest, machine: MadeMachine) -> None:
    stub = await GdbServer.open(made_guest, machine, "localhost:0", token="it's")
    port = int(stub.address.rpartition(":")[2])
    assert stub.address == f"127.0.0.1:{port}" and port > 0
    assert stub.command == (
        f"gdb-multiarch -ex 'set remotetimeout 60' -ex 'target extended-remote 127.0.0.1:{port}' "
        "-ex 'monitor token it'\"'\"'s' -ex 'attach 1'"
    )
    with pytest.raises(DebugError, match="nobody can connect there"):
        await GdbServer.open(made_guest, machine, port)
    await stub.close()


async def test_it_says_when_a_debugger_comes_or_goes(made_guest: MadeGuest, machine: MadeMachine) -> None:
    seen = []
    stub = await GdbServer.open(made_guest, machine, changed=lambda: seen.append(stub.attached))
    wire = await Wire.attached(stub.address)
    wire.close()
    await until(lambda: len(seen) == 2)
    assert seen == [True, False]
    await stub.close()
