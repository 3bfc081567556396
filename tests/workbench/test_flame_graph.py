"""The flame graph by itself: how it is laid out, zoomed, searched and walked by keys."""

from collections import Counter

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from pocketvisor.debug.trace.profile import Frame, tree
from pocketvisor_workbench.tracing.flame_graph import ROW, FlameGraph, laid_out


def sample_tree() -> Frame:
    return tree(
        Counter(
            {
                ("user", "main", "work", "memcpy"): 50,
                ("user", "main", "work"): 20,
                ("user", "main", "idle"): 10,
                ("supervisor", "irq"): 20,
            }
        )
    )


@pytest.fixture
def graph(qapp: QApplication) -> FlameGraph:
    made = FlameGraph()
    made.resize(1000, 200)
    made.show_tree(sample_tree())
    return made


def names(graph: FlameGraph) -> set[str]:
    return {box.node.name for box in graph.boxes}


def test_each_function_is_as_wide_as_what_it_takes() -> None:
    root = sample_tree()
    boxes = {box.node.name: box for box in laid_out(root, ())}
    assert boxes["all"].width == 1.0
    assert boxes["memcpy"].width == pytest.approx(0.5) and boxes["irq"].width == pytest.approx(0.2)
    for box in boxes.values():
        parent = boxes[box.path[-1].name] if box.path else box
        assert parent.left <= box.left + 1e-9
        assert box.left + box.width <= parent.left + parent.width + 1e-9


def test_a_click_zooms_in_and_escape_out(graph: FlameGraph) -> None:
    work = next(box for box in graph.boxes if box.node.name == "work")
    at = QPoint(round(work.left * 1000) + 4, work.depth * ROW + 8)
    QTest.mouseClick(graph, Qt.MouseButton.LeftButton, pos=at)
    assert graph.is_zoomed and names(graph) == {"all", "user", "main", "work", "memcpy"}
    assert next(box for box in graph.boxes if box.node.name == "work").width == 1.0
    graph.show_tree(sample_tree())
    assert graph.is_zoomed, "a new tree keeps the zoom"
    QTest.keyClick(graph, Qt.Key.Key_Backspace)
    assert "idle" in names(graph) and graph.is_zoomed
    QTest.keyClick(graph, Qt.Key.Key_Escape)
    assert not graph.is_zoomed and "irq" in names(graph)


def test_a_search_counts_each_sample_once(graph: FlameGraph) -> None:
    assert graph.found() == 0.0
    graph.look_for("MEM")
    assert graph.found() == pytest.approx(0.5)
    graph.look_for("a")  # all of it, and not twice
    assert graph.found() == pytest.approx(1.0)
    graph.look_for("")
    assert graph.found() == 0.0


def test_keys_walk_to_callers_callees_and_neighbours(graph: FlameGraph) -> None:
    chosen: list[str] = []
    graph.chosen.connect(chosen.append)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up):
        QTest.keyClick(graph, key)
    assert chosen == ["all", "user", "supervisor", "user", "all"]
    QTest.keyClick(graph, Qt.Key.Key_Down)
    QTest.keyClick(graph, Qt.Key.Key_Return)
    assert graph.is_zoomed


def test_nothing_and_very_deep_stacks_are_painted(graph: FlameGraph) -> None:
    graph.show_tree(None)
    graph.grab()
    assert not graph.boxes and graph.found() == 0.0
    graph.show_tree(tree(Counter({tuple(f"f{n}" for n in range(5000)): 1})))
    assert len(graph.boxes) <= 201
    graph.grab()
