"""The debugging panes on guests that cannot be looked into, and their parts with made-up memory."""

import asyncio
from typing import Any

import pytest
from kit import Workbench
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from pocketvisor.debug.disassembly import disassemble
from pocketvisor.debug.stops import StopList
from pocketvisor_workbench.debug.all_panes import DEBUG_PANES
from pocketvisor_workbench.debug.code_view import GUTTER, CodeView
from pocketvisor_workbench.debug.hex_view import HexView
from pocketvisor_workbench.debug.register_model import RegisterModel
from pocketvisor_workbench.debug.rows_model import Column, RowsModel
from pocketvisor_workbench.debug.stops_model import CONDITION, HITS, StopsModel
from pocketvisor_workbench.theme import ThemeMode


@pytest.mark.parametrize("name", [pane.name for pane in DEBUG_PANES])
def test_a_pane_says_why_there_is_nothing_to_see(workbench: Workbench, name: str) -> None:
    async def scenario() -> None:
        window = workbench.window
        for other in window.docks:
            window.docks[other].setVisible(other == name)
        pane: Any = window.docks[name].pane
        assert window.debug_desk.bar.isVisible()
        assert "Select a guest" in pane.nothing._text.text()
        handset: Any = await workbench.handset("personal")
        assert "cannot be looked into" in pane.nothing._text.text()
        handset.guests[0].become(type(handset.guests[0].state)["OFF"])
        assert "is off: start it" in pane.nothing._text.text()
        window.bench.theme.set_mode(ThemeMode.LIGHT)
        assert not pane.grab().isNull()
        await handset.remove(handset.guests[0])
        assert "Select a guest" in pane.nothing._text.text()

    workbench.run(scenario())


def test_the_bar_is_there_while_a_debugging_pane_is(workbench: Workbench) -> None:
    async def scenario() -> None:
        window = workbench.window
        assert window.debug_desk.bar.isHidden()
        window.trigger("debug.show")
        assert window.debug_desk.bar.isVisible()
        window.trigger("perspective.develop")
        await asyncio.sleep(0)
        assert window.debug_desk.bar.isHidden()

    workbench.run(scenario())


def test_nothing_is_asked_while_no_pane_is_seen(workbench: Workbench) -> None:
    async def scenario() -> None:
        inspector = workbench.window.bench.inspector
        await workbench.handset("personal")
        assert not inspector._lookers and not inspector._timer.isActive()

    workbench.run(scenario())


@pytest.fixture
def shown(run: Any, theme: Any) -> Any:
    """Shows a view at a size; it is gone after the test."""
    widgets: list[QWidget] = []
    theme.set_mode(ThemeMode.DARK)

    def show(widget: Any, width: int = 640, height: int = 400) -> Any:
        widget.resize(width, height)
        widget.show()
        widgets.append(widget)
        return widget

    yield show
    for widget in widgets:
        widget.close()
        widget.deleteLater()


def _bytes(view: HexView, address: int, data: bytes) -> None:
    view.show_memory(dict(zip(range(address, address + len(data)), data, strict=True)), set())


def test_bytes_are_typed_over_by_digits_and_by_characters(shown: Any) -> None:
    view = shown(HexView())
    typed: list[tuple[int, int]] = []
    view.typed.connect(lambda address, byte: typed.append((address, byte)))
    view.go_to(0x8000)
    _bytes(view, 0x8000, bytes(64))
    QTest.keyClicks(view, "a")
    assert typed == []
    view.editable = True
    QTest.keyClicks(view, "a5xz7f")
    assert typed == [(0x8000, 0xA5), (0x8001, 0x7F)] and view.caret == 0x8002
    assert view.pending == {0x8000: 0xA5, 0x8001: 0x7F}
    _bytes(view, 0x8000, b"\xa5\x7f" + bytes(62))
    assert view.pending == {}
    QTest.keyClick(view, Qt.Key.Key_Tab)
    QTest.keyClicks(view, "Hi")
    assert typed[2:] == [(0x8002, 0x48), (0x8003, 0x69)]
    view.go_to(0x9000)  # not mapped
    QTest.keyClicks(view, "a5")
    assert len(typed) == 4


def test_memory_is_walked_and_selected_by_keys_to_both_ends(shown: Any) -> None:
    view = shown(HexView())
    view.go_to(0x8000)
    _bytes(view, 0x8000, bytes(range(64)))
    for _ in range(3):
        QTest.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert view.selected_bytes() == b"\0\1\2\3"
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert view.caret == 0x8003 + view.columns and len(view.selection) == 1
    view.go_to(0xFFFFFFFF)
    QTest.keyClick(view, Qt.Key.Key_PageDown)
    assert view.caret == 0xFFFFFFFF and view.span().stop == 1 << 32
    view.go_to(0)
    QTest.keyClick(view, Qt.Key.Key_Up)
    assert view.caret == 0 and not view.grab().isNull()


@pytest.mark.parametrize(("width", "columns"), [(1300, 32), (700, 16), (360, 8), (150, 4)])
def test_as_many_bytes_stand_in_a_line_as_fit(shown: Any, width: int, columns: int) -> None:
    view = shown(HexView(), width)
    view.go_to(0x12345678)
    assert view.columns == columns and 0x12345678 in view.span()
    for group in (2, 4, 1):
        view.set_group(group)
        assert not view.grab().isNull()


def _code(count: int = 200) -> Any:
    return disassemble(bytes.fromhex("0000a0e1") * count, 0x8000)


def test_a_click_beside_a_line_wants_a_breakpoint_there_and_one_on_it_selects(shown: Any) -> None:
    view = shown(CodeView())
    view.set_code(_code())
    wanted: list[int] = []
    view.stop_toggled.connect(wanted.append)
    third = QPoint(8, round(view.line * 2.5))
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=third)
    assert wanted == [0x8008] and view.selected.address == 0x8008
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=third + QPoint(GUTTER, view.line))
    assert wanted == [0x8008] and view.selected.address == 0x800C
    view.pc, view.exact, view.stops = 0x8008, True, {0x8008: "on", 0x800C: "off", 0x8010: "condition"}
    view.executed = lambda address: address < 0x8010
    assert not view.grab().isNull()


def test_scrolling_near_an_end_wants_more_and_the_view_stays_where_it_was(shown: Any) -> None:
    view = shown(CodeView())
    view.set_code(_code())
    wanted: list[bool] = []
    view.more_wanted.connect(wanted.append)
    view.set_top(100)
    view.set_top(5)
    view.set_top(view.lines())
    assert wanted == [True, False]
    view.set_top(50)
    top = view.rows[view.top].address
    view.set_code(disassemble(bytes.fromhex("0000a0e1") * 2000, 0x7000))
    assert view.rows[view.top].address == top
    for key in (Qt.Key.Key_Down, Qt.Key.Key_PageDown, Qt.Key.Key_Up, Qt.Key.Key_PageUp, Qt.Key.Key_Return):
        QTest.keyClick(view, key)
    assert view.selected is not None


def test_changed_registers_are_marked_and_a_value_that_makes_no_sense_is_refused(run: Any) -> None:
    model = RegisterModel()
    model.show_values({"r0": 1, "pc": 0x8000, "d0": 0}, {})
    assert model.changed == set() and [group.title for group in model.groups] == ["Core", "Floating point"]
    model.show_values({"r0": 1, "pc": 0x8004, "d0": 0}, {"r0": 1, "pc": 0x8000, "d0": 0})
    assert model.changed == {"pc"}
    written: list[tuple[str, int]] = []
    refused: list[str] = []
    model.written.connect(lambda name, value: written.append((name, value)))
    model.refused.connect(refused.append)
    value = model.index_of("r0", 1)
    assert not model.flags(value) & Qt.ItemFlag.ItemIsEditable
    model.editable = True
    assert model.flags(value) & Qt.ItemFlag.ItemIsEditable
    edit = int(Qt.ItemDataRole.EditRole)
    assert model.setData(value, "ff", edit) and not model.setData(value, "1" * 9, edit)
    assert model.setData(value, "00000001", edit)  # as it was: nothing to write
    assert written == [("r0", 255)] and "8 hex digits" in refused[0]


def test_words_of_a_guest_are_shown_as_they_are_and_never_as_markup(run: Any) -> None:
    hostile = "<img src='file:///etc/passwd'><b>kworker</b>"
    model: RowsModel[str] = RowsModel((Column("Name", str),))
    model.show_rows([hostile, "kworker/0:1", "x" * 5000])
    tip = int(Qt.ItemDataRole.ToolTipRole)
    shown = model.index(0, 0).data(tip)
    assert "<img" not in shown and "&lt;img" in shown
    assert model.index(1, 0).data(tip) == "kworker/0:1" and len(model.index(2, 0).data(tip)) < 1100
    registers = RegisterModel()
    registers.label = lambda _: hostile
    registers.show_values({"r0": 0x8000_0000}, {})
    assert "<img" not in registers.index_of("r0").data(tip)


def test_stops_are_switched_and_their_conditions_typed_in_place(run: Any) -> None:
    stops = StopList()
    one = stops.add("execute", 0x8000, place="main")
    stops.add("write", 0x9000, 8, physical=True)
    model = StopsModel()
    model.show_stops(list(stops), one.id)
    wanted: list[tuple[int, dict[str, object]]] = []
    model.changed_by_user.connect(lambda number, changes: wanted.append((number, changes)))
    check, edit = int(Qt.ItemDataRole.CheckStateRole), int(Qt.ItemDataRole.EditRole)
    model.setData(model.index(0, 0), Qt.CheckState.Unchecked.value, check)
    model.setData(model.index(0, CONDITION), "$r0 == 3", edit)
    model.setData(model.index(1, HITS), "0", edit)
    assert not model.setData(model.index(1, HITS), "-1", edit)
    assert not model.setData(model.index(1, HITS), "many", edit)
    assert wanted == [(1, {"enabled": False}), (1, {"condition": "$r0 == 3"}), (2, {"hits": 0})]
    assert model.index(0, 1).data() == "main"
    assert model.index(1, 1).data() == "phys 00009000 8 B"
