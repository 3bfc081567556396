"""The debugging panes on a real guest: stopped at a breakpoint that a click sets, changed, and gone on."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import Run, Workbench, until
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtTest import QTest

from pocketvisor.api import GuestState, catalogue, load_models
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.debug.code_lines import row_at
from pocketvisor_workbench.debug.gdb_dialog import GdbDialog
from pocketvisor_workbench.log import Level
from pocketvisor_workbench.metrics import Sampler
from pocketvisor_workbench.perspectives import Perspective
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.settings import Settings
from pocketvisor_workbench.theme import Theme
from pocketvisor_workbench.window import Window

_IRQ_MODE = 0x12
_EDIT = int(Qt.ItemDataRole.EditRole)


@pytest.fixture
def real(run: Run[Any], theme: Theme, tmp_path: Path) -> Iterator[Workbench]:
    """A window with Personal, looked into."""

    async def build() -> Window:
        session = Session(load_models(), catalogue())
        window = Window(Bench(session, Sampler(session), theme), Settings(tmp_path / "workbench.ini"))
        window.restore_layout()
        window.resize(1440, 900)
        window.show()
        window.set_perspective(Perspective.DEBUG)
        handset = session.add_handset(session.models["nexus-one"])
        session.start_guest(handset, session.images["personal"])
        await session.jobs.idle()
        await handset.guests[0].console.expect("^> ", timeout=60)  # what comes before, it comes by but once
        await until(lambda: window.bench.inspector.sample is not None)
        return window

    window = run(build())
    made = Workbench(window, run)
    yield made
    run(made.end())


def _pane(bench: Workbench, name: str) -> Any:
    bench.window.docks[name].raise_()
    return bench.window.docks[name].pane


async def _stopped(bench: Workbench, reason: str) -> Any:
    """Waits until it stands still for this reason and the panes have seen it."""
    inspector = bench.window.bench.inspector

    def seen() -> bool:
        stop, sample = inspector.stop, inspector.sample
        return (
            stop is not None
            and stop.reason == reason
            and sample is not None
            and sample.position == stop.position
        )

    await until(seen)
    await bench.session.jobs.idle()
    return inspector.stop


def _wake(guest: Any) -> None:
    """It may be waiting for an interrupt, and a step goes to where it wakes."""
    guest.touch(240, 640, "down")
    guest.touch(240, 640, "up")


async def _interrupt(guest: Any) -> None:
    irqs = guest.counters().irqs
    _wake(guest)
    await until(lambda: guest.counters().irqs > irqs)


async def _beside(bench: Workbench, address: int) -> None:
    """Clicks beside an instruction."""
    view = _pane(bench, "disassembly").view
    await until(lambda: row_at(view.rows, address) is not None)
    view.reveal(address)
    row = row_at(view.rows, address)
    at = QPoint(8, (row - view.top) * view.line + view.line // 2)
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)


def test_a_breakpoint_set_in_the_disassembly_stops_there_and_the_guest_goes_on(real: Workbench) -> None:
    async def scenario() -> None:
        window, inspector = real.window, real.window.bench.inspector
        guest: Any = real.session.guest
        code, registers = _pane(real, "disassembly"), _pane(real, "registers")
        assert guest.state is GuestState.RUNNING and not registers.model.editable
        window.trigger("debug.pause")
        stop = await _stopped(real, "pause")
        await until(lambda: code.view.pc == stop.pc and code.view.exact and registers.model.editable)

        window.trigger("debug.step")
        _wake(guest)
        stop = await _stopped(real, "step")
        pc = stop.pc
        await until(lambda: "pc" in registers.model.changed and code.view.pc == pc)

        # It comes by here again soon: this is the loop that waits for events.
        await _beside(real, pc)
        assert code.view.stops == {pc: "on"} and [stop.address for stop in guest.debugger.stops] == [pc]
        window.trigger("debug.continue")
        _wake(guest)
        stop = await _stopped(real, "breakpoint")
        assert stop.pc == pc and "stands still" in window.debug_desk.bar.state.text()
        rows = _pane(real, "stops").model
        await until(lambda: rows.rowCount() == 1 and rows.rows[0].hits == 1)
        assert rows.stopped_at == rows.rows[0].id

        value = (await guest.debugger.registers())["r12"] ^ 0x1234
        assert registers.model.setData(registers.model.index_of("r12", 1), f"{value:x}", _EDIT)
        await until(lambda: registers.model.values["r12"] == value)
        assert "r12" in registers.model.changed
        assert (await guest.debugger.registers())["r12"] == value
        assert registers.model.setData(registers.model.index_of("r12", 1), f"{value ^ 0x1234:x}", _EDIT)
        await real.session.jobs.idle()

        # The condition does not hold, so it is passed; then it is gone.
        rows.setData(rows.index(0, 3), "$pc == 0", _EDIT)
        window.trigger("debug.continue")
        await until(lambda: guest.state is GuestState.RUNNING)
        irqs = guest.counters().irqs
        _wake(guest)
        await until(lambda: guest.counters().irqs > irqs)
        assert guest.state is GuestState.RUNNING and rows.rows[0].hits == 1
        await _beside(real, pc)
        assert len(guest.debugger.stops) == 0 and inspector.stop is None

    real.run(scenario())


def test_memory_is_typed_over_found_and_watched(real: Workbench) -> None:
    async def scenario() -> None:
        window, inspector = real.window, real.window.bench.inspector
        guest: Any = real.session.guest
        window.trigger("debug.pause")
        await _stopped(real, "pause")
        pane = _pane(real, "memory")
        stack = inspector.sample.registers["sp"] - 0x40  # type: ignore[union-attr]
        inspector.show_memory(stack)
        await until(lambda: stack in pane.view.memory and pane.view.editable)
        pane.view.setFocus()
        for number, digits in enumerate(("c0", "ff", "ee", "5a")):
            QTest.keyClicks(pane.view, digits)
            await until(
                lambda n=number, d=digits: pane.view.memory.get(stack + n) == int(d, 16)  # type: ignore[misc]
            )
        await until(lambda: not pane.view.pending)
        assert await guest.debugger.read(stack, 4) == bytes.fromhex("c0ffee5a")

        pane.set_physical(True)
        physical, _ = await guest.debugger.translate(stack)
        pane.show_address(physical, True)
        await until(lambda: pane.view.memory.get(physical) == 0xC0)
        pane.show_search(True)
        pane.needle.setText("c0 ff ee 5a")
        pane.view.go_to(0x40000000)
        pane.search_on()
        await until(lambda: pane.told.text() == f"At {physical:#010x}")
        assert pane.view.caret == physical
        pane.needle.setText("c0 ff ee 5a 00 11 22 33 44 55 66 77 88 99")
        pane.search_on()
        await until(lambda: pane.told.text() == "Not found")

        pane.show_address(0xE0000000, False)  # nothing is there
        await until(lambda: "nothing is mapped" in pane.here.text() or not pane.view.memory)
        pane.place.setText("$sp + 8")
        QTest.keyClick(pane.place, Qt.Key.Key_Return)
        await until(lambda: pane.view.caret == inspector.sample.registers["sp"] + 8)  # type: ignore[union-attr]
        pane.place.setText("nowhere + 8")
        QTest.keyClick(pane.place, Qt.Key.Key_Return)
        await until(lambda: "nowhere" in real.session.log.entries[-1].text)

        # Each push below the stack pointer writes there.
        inspector.stops.add("write", inspector.sample.registers["sp"] - 8, 8)  # type: ignore[union-attr]
        window.trigger("debug.continue")
        _wake(guest)
        stop = await _stopped(real, "watchpoint")
        assert stop.write and stop.stop.kind == "write"
        guest.debugger.stops.clear()

    real.run(scenario())


def test_keys_are_the_debuggers_while_the_guest_stands_still(real: Workbench) -> None:
    async def scenario() -> None:
        window, actions = real.window, real.window.actions_by_ident
        f11 = QKeySequence("F11")
        assert actions["view.full-screen"].shortcut() == f11 and actions["debug.step"].shortcut().isEmpty()
        window.trigger("debug.pause")
        await _stopped(real, "pause")
        assert actions["debug.step"].shortcut() == f11 and actions["view.full-screen"].shortcut().isEmpty()
        position = window.bench.inspector.sample.position  # type: ignore[union-attr]
        pane = real.pane(real.session.guest)  # type: ignore[arg-type]
        pane.setFocus()  # a guest that stands still has no use for keys
        QTest.keyClick(pane, Qt.Key.Key_F11)
        _wake(real.session.guest)
        stop = await _stopped(real, "step")
        assert stop.position > position and not window.isFullScreen()
        window.set_perspective(Perspective.DEVELOP)
        assert actions["view.full-screen"].shortcut() == f11

    real.run(scenario())


def test_stepping_over_and_out(real: Workbench) -> None:
    async def scenario() -> None:
        window = real.window
        guest: Any = real.session.guest
        window.trigger("debug.pause")
        await _stopped(real, "pause")
        positions = []
        for _ in range(4):
            window.trigger("debug.step-over")
            _wake(guest)
            await real.session.jobs.idle()
            assert guest.debugger.standing
            positions.append(guest.debugger.position)
        assert positions == sorted(set(positions))
        states: list[GuestState] = []
        guest.on("state", lambda *_: states.append(guest.state))
        window.trigger("debug.step-out")  # out of the loop that waits for events, which need not end
        await until(lambda: GuestState.RUNNING in states)
        window.trigger("debug.pause")
        await real.session.jobs.idle()
        assert guest.debugger.standing and guest.debugger.position >= positions[-1]
        assert [stop for stop in guest.debugger.stops if stop.temporary] == []

    real.run(scenario())


def test_one_goes_back_by_an_instruction_and_to_the_last_write(real: Workbench) -> None:
    async def scenario() -> None:
        window, inspector = real.window, real.window.bench.inspector
        guest: Any = real.session.guest
        actions = window.actions_by_ident
        window.trigger("time.record")
        await until(lambda: guest.debugger.timeline.recording and inspector.can_reverse)
        # An interrupt's handler begins by pushing six registers. One has ended since all is recorded: that
        # which is counted first may have been taken before.
        await _interrupt(guest)
        await _interrupt(guest)
        while True:
            window.trigger("debug.pause")
            present = await _stopped(real, "pause")
            registers = inspector.sample.registers  # type: ignore[union-attr]
            if registers["cpsr"] & 0x1F != _IRQ_MODE:
                break
            window.trigger("debug.continue")
            await until(lambda: guest.state is GuestState.RUNNING)
        await until(lambda: actions["debug.reverse-step"].isEnabled())
        window.trigger("debug.reverse-step")
        stop = await _stopped(real, "step")
        assert inspector.in_past and stop.position < present.position
        assert "past" in window.debug_desk.bar.state.text()
        inspector.show_memory(registers["sp_irq"] - 8)
        window.trigger("debug.last-write")
        stop = await _stopped(real, "watchpoint")
        assert stop.write and stop.position < present.position and inspector.in_past
        window.trigger("time.present")
        await until(lambda: not inspector.in_past)
        await until(lambda: inspector.sample.position == present.position)  # type: ignore[union-attr]

    real.run(scenario())


def test_gdb_is_let_in_by_one_click_and_its_command_copied(real: Workbench) -> None:
    async def scenario() -> None:
        guest: Any = real.session.guest
        real.window.debug_desk.bar.gdb.click()
        dialog = next(child for child in real.window.children() if isinstance(child, GdbDialog))
        await until(lambda: "gdb-multiarch" in dialog.command.toPlainText())
        dialog.copy_button.click()
        assert "target remote" in QGuiApplication.clipboard().text()
        without = guest.debugger.gdb
        dialog.token.setChecked(True)
        await until(lambda: guest.debugger.gdb is not None and guest.debugger.gdb.token)
        await until(lambda: "token" in dialog.command.toPlainText())
        assert guest.debugger.gdb is not without
        dialog.close_button.click()
        await until(lambda: guest.debugger.gdb is None)
        await until(lambda: "closed" in dialog.state.text())
        dialog.reject()

    real.run(scenario())


def test_a_token_that_is_wanted_while_the_port_opens_is_asked_for(real: Workbench) -> None:
    """Whoever is as quick as that is not left with a port that asks for nothing."""

    async def scenario() -> None:
        guest: Any = real.session.guest
        open_gdb = guest.debugger.open_gdb

        async def slow(**options: Any) -> None:
            await asyncio.sleep(0.2 if options["token"] is None else 0)
            await open_gdb(**options)

        guest.debugger.open_gdb = slow
        real.window.debug_desk.bar.gdb.click()
        dialog = next(child for child in real.window.children() if isinstance(child, GdbDialog))
        dialog.token.setChecked(True)
        await until(lambda: "token" in dialog.command.toPlainText())
        await real.session.jobs.idle()
        assert guest.debugger.gdb.token
        dialog.close_button.click()
        dialog.reject()  # before it is closed
        await real.session.jobs.idle()
        assert guest.debugger.gdb is None
        assert not [line for line in real.session.log.entries if line.level is Level.ERROR]

    real.run(scenario())


def test_a_guest_that_ends_while_it_is_looked_into_leaves_words(real: Workbench) -> None:
    async def scenario() -> None:
        guest: Any = real.session.guest
        await guest.kill()
        pane = _pane(real, "registers")
        await until(lambda: "start it to look inside" in pane.nothing._text.text())
        real.session.operate(guest, "restart")
        await until(lambda: guest.state is GuestState.RUNNING)
        await until(lambda: real.window.bench.inspector.sample is not None)
        await until(lambda: pane.model.values.get("pc"))
        await asyncio.sleep(0)

    real.run(scenario())
