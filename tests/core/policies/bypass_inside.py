"""Ways around a policy that forbids a debugger: through the API, the open workbench's socket, the command
line, gdb, and with what somebody had in hand before the policy came."""

import asyncio
from contextlib import suppress
from typing import Any

from bypass import Scene, attempt, kind, tries

from pocketvisor.control import debug_calls

RAM = 0x40000000


def _debug(scene: Scene, request: type, **words: Any) -> Any:
    return scene.asks(request(guest=scene.guest.name, **words))


# Looking inside

inside = kind("memory and registers", guest=True)
tries(
    inside,
    registers=lambda s: s.guest.debugger.registers(),
    memory=lambda s: s.guest.debugger.read(RAM, 16, physical=True),
    registers_through_the_socket=lambda s: _debug(s, debug_calls.AskRegisters),
    memory_through_the_socket=lambda s: _debug(
        s, debug_calls.ReadMemory, address=hex(RAM), size=16, physical=True
    ),
    a_search_through_the_socket=lambda s: _debug(s, debug_calls.Find, data=b"\0\0\0\0", physical=True),
    an_expression_through_the_socket=lambda s: _debug(s, debug_calls.Evaluate, text="$pc"),
    disassembled_through_the_socket=lambda s: _debug(s, debug_calls.Disassemble),
    the_board_through_the_socket=lambda s: _debug(s, debug_calls.AskBoard),
    by_its_profiles_path=lambda s: s.asks(debug_calls.AskRegisters(guest=str(s.path))),
)


@attempt(inside, "registers on the command line")
async def _(scene: Scene) -> bool:
    return (await scene.command("debug", scene.guest.name, "regs")).code == 0


@attempt(inside, "memory on the command line")
async def _(scene: Scene) -> bool:
    return (await scene.command("debug", scene.guest.name, "read", hex(RAM), "16", "-p")).code == 0


@attempt(inside, "its state")
async def _(scene: Scene) -> bool:
    await scene.guest.pause()
    return bool(await scene.guest.save())


changing = kind("changes by a debugger", guest=True)
SCRATCH = hex(RAM + 0x3000)
tries(
    changing,
    a_pause_through_the_socket=lambda s: _debug(s, debug_calls.Move, how="pause"),
    a_stop_through_the_socket=lambda s: _debug(s, debug_calls.AddStop, kind="execute", place="0x10"),
    a_register=lambda s: _changed(s, lambda: s.guest.debugger.set_register("r9", 7)),
    memory=lambda s: _changed(s, lambda: s.guest.debugger.write(RAM + 0x3000, b"1234", physical=True)),
    a_register_through_the_socket=lambda s: _changed(
        s, lambda: _debug(s, debug_calls.SetRegister, name="r9", value="7")
    ),
    memory_through_the_socket=lambda s: _changed(
        s, lambda: _debug(s, debug_calls.WriteMemory, address=SCRATCH, data=b"1234", physical=True)
    ),
)


async def _changed(scene: Scene, change: Any) -> bool:
    await scene.guest.pause()
    await change()
    return True


async def _done(work: Any) -> bool:
    await work
    return True


@attempt(changing, "memory on the command line")
async def _(scene: Scene) -> bool:
    await scene.guest.pause()
    return (await scene.command("debug", scene.guest.name, "write", SCRATCH, "0x12345678", "-p")).code == 0


held = kind("a debugger that was at it before the policy came", guest=True)


async def _hold_debugger(scene: Scene) -> None:
    debugger = scene.guest.debugger
    await debugger.registers()
    scene.held["debugger"], scene.held["timeline"] = debugger, debugger.timeline
    scene.held["trace"] = debugger.trace
    server = await debugger.open_gdb()
    scene.held["gdb"] = server.address
    scene.held["connected"] = await _gdb(server.address)


held.before = _hold_debugger


async def _gdb(address: str) -> Any:
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def _gdb_reads(connection: Any) -> bool:
    """The words of gdb: attach, and give the registers."""
    reader, writer = connection
    try:
        writer.write(_packet(b"QStartNoAckMode"))
        async with asyncio.timeout(20):
            await reader.readuntil(b"OK#9a")
            writer.write(b"+" + _packet(b"?"))
            await reader.readuntil(b"$T05")
            await reader.readuntil(b"#")
            writer.write(_packet(b"g"))
            said = await reader.readuntil(b"#")
        return len(said) > 100
    except asyncio.IncompleteReadError:
        return False  # it was closed
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _packet(body: bytes) -> bytes:
    return b"$" + body + b"#%02x" % (sum(body) & 0xFF)


@attempt(held, "gdb that was connected")
async def _(scene: Scene) -> bool:
    return await _gdb_reads(scene.held["connected"])


@attempt(held, "gdb that connects to what was open")
async def _(scene: Scene) -> bool:
    return await _gdb_reads(await _gdb(scene.held["gdb"]))


tries(
    held,
    registers=lambda s: s.held["debugger"].registers(),
    memory=lambda s: s.held["debugger"].read(RAM, 16, physical=True),
    changes=lambda s: _changed(s, lambda: s.held["debugger"].set_register("r9", 7)),
    its_trace=lambda s: _done(s.held["trace"].start(["mmio"])),
    its_timeline=lambda s: _done(s.held["timeline"].start()),
)


gdb = kind("gdb", guest=True)


@attempt(gdb, "by the API")
async def _(scene: Scene) -> bool:
    return await _gdb_reads(await _gdb((await scene.guest.debugger.open_gdb()).address))


@attempt(gdb, "through the socket")
async def _(scene: Scene) -> bool:
    shown = await _debug(scene, debug_calls.SetGdb)
    return await _gdb_reads(await _gdb(shown.value["address"]))


@attempt(gdb, "on the command line")
async def _(scene: Scene) -> bool:
    return (await scene.command("debug", scene.guest.name, "gdb", "--json")).code == 0


# What it did

recorded = kind("a recording", guest=True)
tries(
    recorded,
    by_the_API=lambda s: _done(s.guest.debugger.timeline.start()),
    through_the_socket=lambda s: _debug(s, debug_calls.Record, how="start"),
    a_trace=lambda s: _done(s.guest.debugger.trace.start(["mmio"])),
    a_trace_through_the_socket=lambda s: _debug(s, debug_calls.SetTracing, kinds=["mmio"]),
)


@attempt(recorded, "on the command line")
async def _(scene: Scene) -> bool:
    return (await scene.command("debug", scene.guest.name, "record", "start")).code == 0
