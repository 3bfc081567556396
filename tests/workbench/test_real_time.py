"""The slider with a real guest: record, drag back, see what was, run forward, come back, branch."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import Run, Workbench, until
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from pocketvisor.api import GuestState, catalogue, load_models
from pocketvisor.scheduler.host_time import own_time
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.metrics import Sampler
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.settings import Settings
from pocketvisor_workbench.theme import Theme
from pocketvisor_workbench.window import Window

SECOND = 1_000_000_000


@pytest.fixture
def real(run: Run[Any], theme: Theme, tmp_path: Any) -> Iterator[Workbench]:
    """A window with Personal, real, on one handset."""

    async def build() -> Window:
        session = Session(load_models(), catalogue())
        window = Window(Bench(session, Sampler(session), theme), Settings(tmp_path / "workbench.ini"))
        window.restore_layout()
        window.resize(1280, 980)
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


async def unlocked(guest: Any) -> None:
    """A finger goes up over the lock screen."""
    last = guest.panel.sequence
    guest.touch(240, 700, "down")
    for y in range(700, 250, -40):
        guest.touch(240, y, "move")
        await asyncio.sleep(0.02)
    guest.touch(240, 250, "up")
    await _still(guest, last)


async def opened(guest: Any) -> None:
    """A tap on the first application of the dock."""
    await _shown(guest, lambda phase: guest.touch(72, 740, "down" if phase else "up"))


async def left(guest: Any) -> None:
    """The home key."""
    await _shown(guest, lambda phase: guest.hardware_key("home", phase))


async def _shown(guest: Any, press: Callable[[bool], None]) -> None:
    """Presses and lets go as slowly as people do; waits until the screen has changed and is still again."""
    last = guest.panel.sequence
    press(True)
    await asyncio.sleep(0.1)
    press(False)
    await _still(guest, last)


async def _still(guest: Any, last: int) -> None:
    await until(lambda: guest.panel.sequence > last)
    while last != guest.panel.sequence:
        last = guest.panel.sequence
        await asyncio.sleep(0.5)
        await until(lambda: _waits(guest))


def _waits(guest: Any) -> bool:
    """All its threads sleep: one in the midst of a change may stand in line for a processor for long."""
    try:
        states = [(task / "stat").read_text() for task in Path(f"/proc/{guest.pid}/task").iterdir()]
    except OSError:  # one has just ended
        return False
    return all(state.rpartition(")")[2].split()[0] == "S" for state in states)


def seen(pane: Any) -> QImage:
    """The picture's lower half, without the frame of the past: above are its badge, and the guest's clock,
    whose minute may be over."""
    image: QImage = pane.grab().toImage()
    return image.copy(10, image.height() // 2, image.width() - 20, image.height() // 2 - 10)


def lower_half(guest: Any) -> bytes:
    """What is seen there, as the guest has painted it."""
    pixels = bytes(guest.panel.buffer)
    return pixels[len(pixels) // 2 :]


def clock_of(guest: Any) -> int:
    return int(guest.counters().clock_ns)


def test_back_in_time_forward_and_on_another_way(real: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = real.session.handsets[0]
        guest = handset.guests[0]
        view: Any = real.window.stage.views[handset]
        bar, pane = view.time_bar, real.pane(guest)
        await asyncio.sleep(0)
        QTest.mouseClick(view._footer.record, Qt.MouseButton.LeftButton)
        await until(lambda: bar.time is not None and bar.time.recording and bar.isVisible())

        await unlocked(guest)
        await opened(guest)
        first, calm = seen(pane), clock_of(guest)
        painted = lower_half(guest)
        await left(guest)
        later, end = seen(pane), clock_of(guest)
        assert later != first and end > calm
        assert len(bar.time.moments) >= 1 and bar.time.size_bytes > 0

        # A drag to between the two, to where it waited: the picture of then, as soon as a drag can wait.
        strip = bar.strip
        place = QPoint(round(strip.place_of(calm + SECOND // 4)), strip.height() // 2)
        asked = own_time()
        QTest.mousePress(strip, Qt.MouseButton.LeftButton, pos=place)
        await until(lambda: bar.time.in_past and bar.time.wanted is None)
        took = own_time() - asked
        QTest.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=place)
        assert took < 5, took
        await until(lambda: seen(pane) == first)
        assert guest.state is GuestState.PAUSED and pane.overlay.isHidden() and pane._badge.isVisible()
        assert abs(bar.time.timeline.shown_ns - calm) < SECOND

        # Forward: it does again what was done.
        QTest.mouseClick(bar.run, Qt.MouseButton.LeftButton)
        await until(lambda: bar.time.runs_forward)
        await until(lambda: seen(pane) != first)

        # Now, as it was left.
        QTest.mouseClick(bar.now, Qt.MouseButton.LeftButton)
        await until(lambda: not bar.time.in_past and guest.state is GuestState.RUNNING)
        await until(lambda: pane._badge.isHidden() and seen(pane) == later)
        assert clock_of(guest) >= end

        # Another way from between them.
        bar.time.go_to(calm)
        await until(lambda: bar.time.in_past and not bar.time.busy)
        QTest.mouseClick(bar.branch, Qt.MouseButton.LeftButton)
        dialog: Any = QApplication.activeModalWidget()
        dialog.name.setText("Another way")
        dialog.accept()
        time_of = real.session.times.of(guest)
        await until(lambda: len(handset.guests) == 2 or time_of.problem)
        assert not time_of.problem
        other = handset.guests[1]
        await until(lambda: handset.foreground is other and other.state is GuestState.RUNNING)
        await until(lambda: guest.state is GuestState.RUNNING and not bar._times.of(guest).in_past)
        assert other.name == "Another way"
        await until(lambda: lower_half(other) == painted)  # nobody has pressed its home key
        await left(other)  # it lives
        assert lower_half(other) != painted

    real.run(scenario())


def test_a_guest_that_is_removed_while_its_past_is_shown_leaves_nothing(real: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = real.session.handsets[0]
        guest = handset.guests[0]
        bar: Any = real.window.stage.views[handset].time_bar
        desk = real.window.time_desk
        await until(lambda: desk.time is not None and desk.time.can_record)
        real.window.trigger("time.record")
        await until(lambda: bar.time is not None and (bar.time.recording or bar.time.problem))
        assert not bar.time.problem
        began = clock_of(guest)
        await unlocked(guest)
        bar.time.go_to(began)
        await until(lambda: bar.time.in_past and not bar.time.busy)
        past = bar.time.shown
        real.session.remove_guest(guest)
        await until(lambda: not handset.guests)
        await until(lambda: past.state is GuestState.STOPPED)
        assert bar.time is None and bar.isHidden()

    real.run(scenario())
