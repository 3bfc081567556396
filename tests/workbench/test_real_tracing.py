"""The panes of interrupts, page tables and traces, with a real guest that runs and one that stands still."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import Run, Workbench, until
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from pocketvisor.api import catalogue, load_models
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.metrics import Sampler
from pocketvisor_workbench.perspectives import Perspective
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.settings import Settings
from pocketvisor_workbench.theme import Theme
from pocketvisor_workbench.window import Window

_EXCEPTIONS, _DEVICES, _FLAME, _COVERAGE, _COUNTERS = range(5)


@pytest.fixture
def real(run: Run[Any], theme: Theme, tmp_path: Path) -> Iterator[Workbench]:
    """A window with Personal, real, on one handset, and the debugger's panes."""

    async def build() -> Window:
        session = Session(load_models(), catalogue())
        window = Window(Bench(session, Sampler(session), theme), Settings(tmp_path / "workbench.ini"))
        window.restore_layout()
        window.set_perspective(Perspective.DEBUG)
        window.resize(1600, 1000)
        window.show()
        handset = session.add_handset(session.models["nexus-one"])
        session.start_guest(handset, session.images["personal"])
        await session.jobs.idle()
        await until(lambda: handset.guests and handset.guests[0].panel.sequence)
        return window

    window = run(build())
    made = Workbench(window, run)
    yield made
    run(made.end())


def pane_of(workbench: Workbench, name: str) -> Any:
    dock = workbench.window.docks[name]
    dock.show()
    dock.raise_()
    return dock.pane


def guest_of(workbench: Workbench) -> Any:
    return workbench.session.handsets[0].guests[0]


async def swiped(guest: Any) -> None:
    last = guest.panel.sequence
    guest.touch(240, 700, "down")
    for y in range(700, 250, -40):
        guest.touch(240, y, "move")
        await asyncio.sleep(0.02)
    guest.touch(240, 250, "up")
    await until(lambda: guest.panel.sequence > last)


def test_a_trace_of_a_guest_that_runs_is_seen_in_every_view_and_exported(
    real: Workbench, tmp_path: Path
) -> None:
    async def scenario() -> None:
        guest, pane = guest_of(real), pane_of(real, "tracing")
        await until(lambda: pane.isVisible() and pane.trace is not None)
        assert pane._views.currentWidget() is pane._empty
        QTest.mouseClick(pane.start, Qt.MouseButton.LeftButton)
        await until(lambda: pane.traces and pane.start.text() == "Stop")
        await swiped(guest)

        def show(view: int) -> None:
            pane.segments.set_index(view)
            pane.show_view()

        show(_EXCEPTIONS)
        await until(lambda: pane.exceptions.table.count > 10)
        names = [lane.name for lane in pane.exceptions.lanes.lanes]
        assert any("virtio touch" in name for name in names) and "Waiting" in names
        kinds = {event.kind for event in pane.exceptions.table.model.rows}
        assert {"interrupt", "acknowledged", "interrupt ended"} <= kinds

        show(_DEVICES)
        await until(lambda: pane.accesses.table.count > 10)
        pane.words.setText("gic cpu interface")
        rows = pane.accesses.table.model.rows
        assert rows and {row.device for row in rows} == {"gic cpu interface"}
        assert any(row.register == "GICC_IAR" for row in rows)
        pane.words.setText("no such register")
        assert not pane.accesses.table.model.rows
        pane.words.clear()

        show(_FLAME)
        await until(lambda: pane.flame.graph.boxes)
        assert pane.flame.graph.boxes[0].node.name == "all"

        show(_COVERAGE)
        await until(lambda: pane.coverage.table.count)
        executed = pane.inspector.executed
        assert executed is not None and executed(pane.coverage.table.model.rows[0].pc)
        assert not executed(0xFFFF_0000)

        show(_COUNTERS)
        await until(lambda: pane.counters.models["Devices"].rows)

        QTest.mouseClick(pane.start, Qt.MouseButton.LeftButton)
        await until(lambda: not pane.traces and pane.start.text() == "Trace")
        show(_EXCEPTIONS)
        await until(lambda: pane.exceptions.table.count > 10)  # what was stays to be read
        for form in ("drcov", "svg", "html", "folded", "chrome"):
            pane.export(tmp_path / form, form)
        await real.session.jobs.idle()
        assert (tmp_path / "drcov").read_bytes().startswith(b"DRCOV VERSION: 2")
        assert (tmp_path / "svg").read_text().startswith(("<svg", "<?xml"))
        assert json.loads((tmp_path / "chrome").read_text())

    real.run(scenario())


def test_an_event_is_chosen_in_its_lane_and_in_the_table(real: Workbench) -> None:
    async def scenario() -> None:
        guest, pane = guest_of(real), pane_of(real, "tracing")
        await until(lambda: pane.isVisible() and pane.trace is not None)
        pane.toggle()
        await until(lambda: pane.traces)
        await swiped(guest)
        pane.toggle()
        await until(lambda: not pane.traces and pane.exceptions.table.count > 10)
        lanes, table = pane.exceptions.lanes, pane.exceptions.table
        mark = lanes.lanes[0].marks[0]
        QTest.mouseClick(lanes, Qt.MouseButton.LeftButton, pos=QPoint(round(lanes.x_of(mark.begin_ns)), 10))
        assert lanes.current is not None and table._current().number == lanes.current
        QTest.keyClick(lanes, Qt.Key.Key_Right)
        assert table._current().number == lanes.current
        before = lanes.range_ns
        QTest.keyClick(lanes, Qt.Key.Key_Plus)
        assert lanes.range_ns[1] - lanes.range_ns[0] < before[1] - before[0]
        QTest.keyClick(lanes, Qt.Key.Key_Home)
        assert lanes.range_ns == before

    real.run(scenario())


def test_interrupts_and_timers_of_a_guest_that_runs(real: Workbench) -> None:
    async def scenario() -> None:
        pane = pane_of(real, "interrupts")
        await until(lambda: pane.lines.rows)
        assert "GIC" in pane.head.text()
        assert [timer.name for timer in pane.timers.rows] == ["physical", "virtual"]
        few = len(pane.lines.rows)
        assert any(line.device == "virtio touch" and line.enabled for line in pane.lines.rows)
        pane.all.setChecked(True)
        assert len(pane.lines.rows) > few and pane.lines.rows[0].name == "SGI 0"

    real.run(scenario())


def test_page_tables_of_a_guest_that_stands_still(real: Workbench) -> None:
    async def scenario() -> None:
        guest, pane = guest_of(real), pane_of(real, "pages")
        await until(lambda: pane.steps.rows)
        await guest.debugger.pause()
        pane.address.setText("0x09000000")
        QTest.keyClick(pane.address, Qt.Key.Key_Return)
        await until(lambda: "0x09000000" in pane.verdict.text())
        assert "kernel rw-" in pane.verdict.text() and "device" in pane.verdict.text()
        pane.address.setText("nonsense (")
        QTest.keyClick(pane.address, Qt.Key.Key_Return)
        await until(lambda: not pane.steps.rows)
        pane._show(1)
        await until(lambda: pane.ranges.rows)
        assert "ranges map" in pane.words.text()
        assert any(each.address <= 0x0900_0000 < each.end for each in pane.ranges.rows)

    real.run(scenario())
