"""Code that works in the process of a guest that stands still, as in an engine that was taken over."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from governing_it import until

from pocketvisor.guest.governed import ORDERED, Lock
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState
from pocketvisor.scheduler import host_bound

Start = Callable[..., Coroutine[Any, Any, Guest]]

SPINS = """
import gc
import os
from msgspec import Struct
from pocketvisor.devices.device import Device, Port

class Nothing(Struct):
    pass

class Spins(Device[Nothing]):
    name = "spins"
    registers = (("dat", 0, 4),)
    tree = {"compatible": "test,spins"}

    def __init__(self, port: Port) -> None:
        super().__init__(port, Nothing())

    def event(self, payload: bytes) -> None:
        main = next(found for found in gc.get_objects() if type(found).__name__ == "GuestMain")
        take = main._vcpu.take_outbox

        def take_and_spin():
            yield from take()
            while not main._vcpu.running:
                pass

        main._vcpu.take_outbox = take_and_spin
        main._board._reports.append((self.name, b"ready"))
        os.eventfd_write(main._board.report_fd, 1)
"""


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def _spinning(start: Start, folder: Path) -> tuple[Guest, list[str]]:
    device = folder / "spins.py"
    device.write_text(SPINS)
    guest = await start(devices=(device,))
    notes: list[str] = []
    ready = asyncio.Event()
    guest.on("event", notes.append)
    guest.on("device", lambda *_: ready.set())
    guest.send("spins", b"when it is paused")
    async with asyncio.timeout(60):
        await ready.wait()
    await guest.pause()  # its process says so, and then works
    return guest, notes


async def test_a_paused_one_that_works_all_the_same_is_stopped_and_ends_when_it_is_wanted_to(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a busy computer gives it: here it may have nothing at rest, and save up little."""
    monkeypatch.setattr(host_bound, "AT_REST", 0.0)
    monkeypatch.setattr(host_bound, "SPARE", 0.2)
    guest, notes = await _spinning(start, tmp_path)
    pid = guest.pid
    async with asyncio.timeout(60):
        while _state(pid) != "T":
            await asyncio.sleep(0.02)
    await until(lambda: any("processors" in note for note in notes))
    await guest.handset.remove(guest)
    assert not Path(f"/proc/{pid}").exists()


async def test_that_it_says_that_it_runs_counts_for_nothing_where_it_is_locked(start: Start) -> None:
    guest = await start()
    assert not guest.rests
    guest.lock = Lock(ORDERED, "Acme has locked this phone")
    guest.run_running()
    assert guest.state is GuestState.RUNNING and guest.rests
    guest.lock = None
    assert not guest.rests


async def test_one_that_is_debugged_while_it_stands_still_may_work(start: Start) -> None:
    guest = await start()
    await guest.pause()
    assert guest.rests
    asked = asyncio.create_task(guest.debugger.registers())
    async with asyncio.timeout(60):
        while guest.rests:
            assert not asked.done()
            await asyncio.sleep(0)
    await asked
    assert guest.rests
