"""Garbage is collected in the GUI's thread: what Qt has there must not be destroyed in another."""

import asyncio
import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from kit import Run, until
from PySide6.QtCore import QObject, QTimer

from pocketvisor_workbench.collector import Collector


@pytest.fixture
def collector(run: Run[Any]) -> Iterator[Collector]:
    was = gc.isenabled()
    gc.enable()  # as in any program, and not as in the tests of the workbench
    made = Collector()
    yield made
    made.close()
    assert gc.isenabled()
    (gc.enable if was else gc.disable)()


class Knot(QObject):
    """Garbage that only the collector finds, with a timer that runs."""

    ended_in: list[int] = []  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self._itself = self
        self._timer = QTimer(self)
        self._timer.start(1)

    def __del__(self) -> None:
        Knot.ended_in.append(threading.get_ident())


def test_no_other_thread_collects_what_qt_has(collector: Collector, run: Run[Any]) -> None:
    Knot.ended_in.clear()

    def allocate() -> None:
        kept = [[number] for number in range(20_000)]
        assert len(kept) == 20_000

    async def scenario() -> None:
        for _ in range(3):
            Knot()
        await asyncio.to_thread(allocate)
        assert set(Knot.ended_in) <= {threading.get_ident()}, "here it may have been looked at meanwhile"
        Knot()
        gc.collect()
        await until(lambda: len(Knot.ended_in) == 4)
        assert set(Knot.ended_in) == {threading.get_ident()}

    run(scenario())


def test_garbage_does_not_pile_up(collector: Collector, run: Run[Any]) -> None:
    """A look collects what is due, the young first and all of it in time."""
    Knot.ended_in.clear()

    def pile() -> list[list[int]]:
        return [[number] for number in range(gc.get_threshold()[0] + 100)]

    async def scenario() -> None:
        Knot()
        for _ in range(200):
            kept = pile()
            collector.look()
            assert len(kept) > 0
            if Knot.ended_in:
                break
        assert len(Knot.ended_in) == 1

    run(scenario())
