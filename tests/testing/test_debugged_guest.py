"""A guest under test is stopped, looked into, changed and gone back in, as a software maker's tests would."""

import sys
from pathlib import Path

import pytest

from pocketvisor.errors import DebugError
from pocketvisor.testing import AsyncDebugger, NotStopped, SyncGuest, SyncHandset

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))

from monitor import BASE, code, write_elf

WAIT = BASE + code().index(bytes.fromhex("03f020e3"))  # its WFI
TOUCH = BASE + code().index(bytes.fromhex("0111a0e3"))
TOUCHED = 0x4010_0000
"""Its command 't' begins at TOUCH, and writes 256 down to 1 here, a word in each page."""


@pytest.fixture
def guest(handset: SyncHandset, tmp_path: Path) -> SyncGuest:
    guest = handset.start(elf=write_elf(tmp_path), ram_mib=16)
    guest.expect("# ")
    return guest


def test_a_running_guest_is_sampled(guest: SyncGuest) -> None:
    debugger = guest.debugger
    assert debugger.registers()["r4"] == 0x0900_0000
    assert debugger.evaluate("$r4 + 0x18") == 0x0900_0018
    assert debugger.read(BASE, 8) == code()[:8]
    assert debugger.disassemble(WAIT, 1)[0].text == "wfi"
    assert debugger.stack()[0].how == "registers"
    with pytest.raises(DebugError, match="pause it"):
        debugger.write(TOUCHED, b"x")


def test_a_watchpoint_with_a_condition(guest: SyncGuest) -> None:
    debugger = guest.debugger
    stop = debugger.watch(TOUCHED, 0x10_0000, condition="$r3 == 200", once=True)
    guest.write("t")
    info = debugger.wait_stop()
    assert (info.reason, info.address, info.write) == ("watchpoint", TOUCHED + 56 * 4096, True)
    assert debugger.evaluate(f"[{info.address}]") == 0
    assert debugger.step().reason == "step"
    assert debugger.evaluate(f"[{info.address}]") == 200
    debugger.delete(stop)
    assert debugger.run_to(WAIT).pc == WAIT
    debugger.set_register("r3", "$r3 + 5")
    assert debugger.registers()["r3"] == 5
    debugger.write(TOUCHED, b"abc", physical=True)
    assert debugger.read(TOUCHED, 3) == b"abc"
    debugger.resume()


def test_a_stop_that_does_not_come_is_a_failure_in_time(guest: SyncGuest) -> None:
    guest.debugger.break_at(BASE, once=True)
    guest.debugger.pause()
    with pytest.raises(NotStopped, match=r"did not stop within 0\.2 s: it is running at 0x402"):
        guest.debugger.run_to_stop(0.2)


def test_its_past(guest: SyncGuest) -> None:
    debugger = guest.debugger
    with pytest.raises(DebugError, match="not recorded"):
        debugger.reverse_step()
    debugger.record()
    guest.write("tx")
    guest.expect("x")
    written = debugger.last_write(TOUCHED + 0x3000)
    assert debugger.evaluate("$r3") == 253
    assert debugger.step().position == written.position + 4
    assert debugger.reverse_step().position == written.position
    debugger.break_at(TOUCH)
    assert debugger.reverse_resume().pc == TOUCH
    assert debugger.go_to(written.position).pc == written.pc
    debugger.delete()
    debugger.present()
    guest.write("y")
    guest.expect("y")


async def test_for_coroutines(async_handset, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    async with async_handset() as handset:
        guest = await handset.start(elf=write_elf(tmp_path), ram_mib=16)
        await guest.expect("# ")
        debugger: AsyncDebugger = guest.debugger
        assert (await debugger.pause()).reason == "pause"
        await debugger.break_at(WAIT)
        guest.write("xy")
        assert (await debugger.run_to_stop()).pc == WAIT
