"""What a debugger gets for its packets, on a machine that was made for it."""

import zlib

import pytest
from gdb_machine import BASE, MadeGuest, MadeHalt, MadeMachine
from gdb_wire import Wire

from pocketvisor.debug.gdb.packet import PACKET_MAX, escaped, framed
from pocketvisor.debug.gdb.registers import BY_NUMBER, REGISTERS
from pocketvisor.debug.gdb.server import GdbServer
from pocketvisor.guest.options import GuestState

MALFORMED = b"""
    p p10 pffff p-1 P3 P3= P3=00 P3=0000000000 P3=0000000g G00 G M M40000000 M40000000,1:
    M40000000,1:0 M40000000,2:00 X40000000,5:abc Mffffffff,2:0000 X100000000,1:a Z5,40000000,4
    Z0,40000000 Z0,40000000,8 Z0,40000000,4;X1,00 Z2,40000000,0 Z2,ffffffff,2 Z z9,0,4 z0 Hg7 T7
    vCont;x vCont; vCont;r1 vCont;r5,1,2 cxyz sxyz C S5;zz qRcmd,0 qXfer:memory-map:read::0
    qXfer:features:read:target.xml:0,
    Qqemu.PhyMemMode:x
"""
ALL_BYTES = sum(register.size for register in REGISTERS)


async def test_packets_are_acknowledged_until_that_is_given_up(stub: GdbServer) -> None:
    wire = await Wire.to(stub.address)
    wire.send(framed(b"qAttached"))
    assert await wire.bytes(1) == b"+"
    assert await wire.answer() == b"1"
    wire.send(b"-")
    assert await wire.answer() == b"1"
    wire.send(b"$qAttached#00")
    assert await wire.bytes(1) == b"-"
    wire.send(b"+")
    await wire.quiet()
    assert await wire.ask(b"qC") == b"QC1"
    wire.close()


async def test_the_guest_stands_still_from_the_first_question_on(
    stub: GdbServer, made_guest: MadeGuest
) -> None:
    wire = await Wire.to(stub.address)
    await wire.quiet()
    assert b"ReverseStep+" in await wire.ask(b"qSupported:multiprocess+")
    assert made_guest.state is GuestState.RUNNING
    assert not stub.attached
    assert await wire.ask(b"?") == b"T05thread:1;0b:0b000000;0d:00000000;0e:00000000;0f:00000040;19:d3010000;"
    assert made_guest.state is GuestState.PAUSED
    assert stub.attached
    wire.close()


async def test_registers_are_read_and_written(wire: Wire, machine: MadeMachine) -> None:
    everything = await wire.ask(b"g")
    assert len(everything) == 2 * ALL_BYTES
    assert everything.startswith(b"000000000100000002000000")
    assert await wire.ask(b"p3") == b"03000000"
    assert await wire.ask(b"P3=78563412") == b"OK"
    assert machine.values["r3"] == 0x12345678
    assert await wire.ask(b"P1a=0102030405060708") == b"OK"
    assert machine.values["d0"] == 0x0807060504030201
    assert await wire.ask(b"P3b=" + b"11" * 8 + b"22" * 8) == b"OK"
    assert (machine.values["d0"], machine.values["d1"]) == (0x1111111111111111, 0x2222222222222222)
    assert await wire.ask(b"p3b") == b"11" * 8 + b"22" * 8
    changed = (b"ff" * 4 + (await wire.ask(b"g"))[8:]).replace(b"x", b"0")
    assert await wire.ask(b"G" + changed) == b"OK"
    assert machine.values["r0"] == 0xFFFF_FFFF
    assert machine.values["r3"] == 0x12345678


async def test_a_register_that_the_guest_has_not_is_unavailable(wire: Wire) -> None:
    midr = next(number for number, register in BY_NUMBER.items() if register.name == "midr")
    assert await wire.ask(b"p%x" % midr) == b"xxxxxxxx"
    assert await wire.ask(b"P%x=00000000" % midr) == b"E.midr cannot be changed"


@pytest.mark.parametrize("packet", MALFORMED.split())
async def test_a_malformed_packet_gets_a_sentence_and_changes_nothing(
    wire: Wire, machine: MadeMachine, packet: bytes
) -> None:
    before = (dict(machine.values), zlib.crc32(machine.memory), len(machine.stops))
    answer = await wire.ask(packet)
    assert answer.startswith(b"E.") and len(answer) > 10
    assert (dict(machine.values), zlib.crc32(machine.memory), len(machine.stops)) == before
    assert await wire.ask(b"qC") == b"QC1"


@pytest.mark.parametrize("packet", [b"", b"vMustReplyEmpty", b"qTStatus", b"bx", b"vRun;x", b"i", b"\0\0"])
async def test_what_is_not_known_is_answered_by_nothing(wire: Wire, packet: bytes) -> None:
    assert await wire.ask(packet) == b""


async def test_memory_is_read_as_far_as_it_is_mapped(wire: Wire, machine: MadeMachine) -> None:
    machine.memory[-4:] = b"end!"
    assert await wire.ask(b"m400ffffc,10") == b"end!".hex().encode()
    assert await wire.ask(b"m40000000,0") == b""
    for nowhere in (b"m0,4", b"mffffffff,ffffffff", b"m40100000,1", b"mxyz", b"m", b"m40000000"):
        assert await wire.ask(nowhere) == b"E01"
    everything = await wire.ask(b"m40000000,ffffffff")
    assert len(everything) <= PACKET_MAX
    assert bytes.fromhex(everything.decode()) == machine.memory[: len(everything) // 2]


async def test_memory_is_written(wire: Wire, machine: MadeMachine) -> None:
    assert await wire.ask(b"M40000010,3:010203") == b"OK"
    data = bytes(range(256))
    assert await wire.ask(b"X40000020,100:" + escaped(data)) == b"OK"
    assert machine.memory[0x10:0x13] == b"\1\2\3"
    assert machine.memory[0x20:0x120] == data
    assert await wire.ask(b"X0,0:") == b"OK"  # gdb asks so whether there is such a packet
    assert await wire.ask(b"X0,1:a") == b"E.0x0 is not mapped"


async def test_it_goes_on_to_a_breakpoint_and_past_it(wire: Wire, machine: MadeMachine) -> None:
    assert await wire.ask(b"Z0,40000040,4") == b"OK"
    assert await wire.ask(b"Z0,40000040,4") == b"OK"
    assert [(stop.address, stop.size, stop.origin) for stop in machine.stops] == [(BASE + 0x40, 4, "gdb")]
    assert (await wire.ask(b"vCont;c:1")).startswith(b"T05swbreak:;thread:1;")
    assert machine.values["pc"] == BASE + 0x40
    rounds = len(machine.history)
    assert (await wire.ask(b"c")).startswith(b"T05swbreak:;")
    assert len(machine.history) == rounds + 0x40
    assert await wire.ask(b"z0,40000040,4") == b"OK"
    assert await wire.ask(b"Z1,40000080,4") == b"OK"
    assert (await wire.ask(b"c")).startswith(b"T05hwbreak:;")
    assert [stop.address for stop in machine.stops] == [BASE + 0x80]


async def test_a_thumb_breakpoint_is_of_two_bytes(wire: Wire, machine: MadeMachine) -> None:
    for kind in (b"2", b"3"):
        assert await wire.ask(b"Z0,4000004%b,%b" % (kind, kind)) == b"OK"
    assert [(stop.address, stop.size) for stop in machine.stops] == [(BASE + 0x42, 2), (BASE + 0x42, 2)]


async def test_a_stop_that_is_not_gdbs_is_said_on_its_terminal(wire: Wire, machine: MadeMachine) -> None:
    machine.stops.add("execute", BASE + 0x40)
    wire.send(framed(b"c"))
    said, stop = await wire.stopped()
    assert said == ["a breakpoint\n"]
    assert stop.startswith(b"T05thread:1;")


async def test_a_watchpoint_stops_before_the_write_and_backwards_behind_it(
    wire: Wire, machine: MadeMachine
) -> None:
    machine.writes[BASE + 0x20] = (BASE + 0x8002, 7)
    assert await wire.ask(b"Z2,40008000,4") == b"OK"
    assert (await wire.ask(b"c")).startswith(b"T05watch:40008002;thread:1;")
    assert machine.values["pc"] == BASE + 0x20
    assert (await wire.ask(b"vCont;s:1")).startswith(b"T05thread:1;")
    assert await wire.ask(b"z2,40008000,4") == b"OK"
    assert await wire.ask(b"Z0,40000040,4") == b"OK"
    assert (await wire.ask(b"c")).startswith(b"T05swbreak")
    assert await wire.ask(b"Z2,40008000,4") == b"OK"
    assert (await wire.ask(b"bc")).startswith(b"T05watch:40008002;")
    assert machine.values["pc"] == BASE + 0x24
    assert (await wire.ask(b"bs")).startswith(b"T05thread:1;")
    assert machine.values["pc"] == BASE + 0x20


async def test_an_access_that_begins_before_the_watched_bytes_is_told_within_them(
    wire: Wire, machine: MadeMachine
) -> None:
    await wire.ask(b"Z4,40008002,2")
    (stop,) = machine.stops

    async def step(count: int = 1) -> MadeHalt:
        return MadeHalt("watchpoint", 0, BASE + 0x20, stop, BASE + 0x8000)

    machine.step = step  # type: ignore[method-assign]
    assert (await wire.ask(b"s")).startswith(b"T05awatch:40008002;")


async def test_a_range_is_stepped_through(wire: Wire, machine: MadeMachine) -> None:
    assert (await wire.ask(b"vCont;r40000000,40000030:1")).startswith(b"T05thread:1;")
    assert machine.values["pc"] == BASE + 0x30
    assert len(machine.history) == 12


async def test_a_step_from_an_address_begins_there(wire: Wire, machine: MadeMachine) -> None:
    assert (await wire.ask(b"s40000080")).startswith(b"T05")
    assert machine.values["pc"] == BASE + 0x84
    assert (await wire.ask(b"S05;40000090")).startswith(b"T05")
    assert machine.values["pc"] == BASE + 0x94


async def test_the_beginning_of_the_recording_is_told(wire: Wire, machine: MadeMachine) -> None:
    await wire.ask(b"s")
    wire.send(framed(b"bc"))
    said, stop = await wire.stopped()
    assert said == ["The recording begins here\n"]
    assert stop.startswith(b"T05replaylog:begin;thread:1;")


async def test_ctrl_c_stops_what_runs(wire: Wire, made_guest: MadeGuest) -> None:
    wire.send(framed(b"c"))
    wire.send(framed(b"m40000000,4"))
    assert await wire.answer() == b"E.The guest runs: interrupt it first"
    assert made_guest.state is GuestState.RUNNING
    wire.send(b"\x03")
    assert (await wire.answer()).startswith(b"T02thread:1;")
    assert made_guest.state is GuestState.PAUSED
    wire.send(b"\x03\x03")  # once too often: nothing comes of it
    assert await wire.ask(b"qC") == b"QC1"


async def test_ctrl_c_ends_a_range_that_never_ends(wire: Wire, made_guest: MadeGuest) -> None:
    wire.send(framed(b"vCont;r40000000,50000000:1"))
    wire.send(framed(b"qC"))
    await wire.answer()
    wire.send(b"\x03")
    assert (await wire.answer()).startswith(b"T05thread:1;")


@pytest.mark.parametrize("order", [b"c", b"vCont;r40000000,50000000:1"])
async def test_ctrl_c_that_comes_together_with_the_order_is_not_lost(
    wire: Wire, made_guest: MadeGuest, order: bytes
) -> None:
    """As a script sends it: gdb would wait for its answer for ever."""
    wire.send(framed(order) + b"\x03")
    assert (await wire.answer()).startswith((b"T02thread:1;", b"T05thread:1;"))
    assert made_guest.state is GuestState.PAUSED


async def test_the_end_of_the_guest_is_told(wire: Wire, made_guest: MadeGuest, stub: GdbServer) -> None:
    wire.send(framed(b"c") + framed(b"qC"))
    await wire.answer()
    made_guest.state = GuestState.OFF
    assert await wire.answer() == b"W00"
    assert not stub.attached
    assert await wire.ask(b"?") == b"W00"
    assert await wire.ask(b"vAttach;1") == b"E.Made is off"
    other = await Wire.to(stub.address)
    other.send(framed(b"qSupported"))
    assert b"E.Made is off" in await other.at_end()


async def test_its_crash_is_told(wire: Wire, made_guest: MadeGuest) -> None:
    wire.send(framed(b"c") + framed(b"qC"))
    await wire.answer()
    made_guest.state = GuestState.CRASHED
    assert await wire.answer() == b"X09"


async def test_killing_ends_the_guest(wire: Wire, made_guest: MadeGuest) -> None:
    wire.send(framed(b"k"))
    await wire.at_end()
    assert made_guest.state is GuestState.OFF


async def test_physical_addresses_when_they_are_wanted(wire: Wire, machine: MadeMachine) -> None:
    asked = []
    read = machine.read

    async def reading(address: int, size: int, *, physical: bool = False) -> bytes:
        asked.append(physical)
        return await read(address, size, physical=physical)

    machine.read = reading  # type: ignore[method-assign]
    assert await wire.ask(b"qqemu.PhyMemMode") == b"0"
    await wire.ask(b"m40000000,4")
    assert await wire.command("phys on") == "Addresses are physical ones\n"
    assert await wire.ask(b"qqemu.PhyMemMode") == b"1"
    await wire.ask(b"m40000000,4")
    await wire.ask(b"Z2,40000000,4")
    await wire.ask(b"Z0,40000000,4")
    assert [stop.physical for stop in machine.stops] == [True, False]
    assert await wire.ask(b"Qqemu.PhyMemMode:0") == b"OK"
    await wire.ask(b"m40000000,4")
    assert asked == [False, True, False]


async def test_one_thread(wire: Wire) -> None:
    assert await wire.ask(b"qfThreadInfo") == b"m1"
    assert await wire.ask(b"qsThreadInfo") == b"l"
    for packet in (b"Hg1", b"Hc-1", b"Hg0", b"T1"):
        assert await wire.ask(packet) == b"OK"
    assert bytes.fromhex((await wire.ask(b"qThreadExtraInfo,1")).decode()) == b"Made's CPU"
    assert await wire.ask(b"vCont?") == b"vCont;c;C;s;S;r"
