"""The Network pane and the drive, with real guests: what is shown is what is so, whoever changed it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import Run, Workbench, until
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from pocketvisor.api import NetworkSpec, RunOptions, catalogue, load_models
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.log import Level
from pocketvisor_workbench.metrics import Sampler
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.settings import Settings
from pocketvisor_workbench.theme import Theme
from pocketvisor_workbench.window import Window


@pytest.fixture
def bench(run: Run[Any], theme: Theme, tmp_path: Path) -> Iterator[Workbench]:
    """A window with one real guest that has a network card and a drive, and the Network pane in front."""

    async def build() -> Window:
        session = Session(load_models(), catalogue())
        window = Window(Bench(session, Sampler(session), theme), Settings(tmp_path / "workbench.ini"))
        window.restore_layout()
        window.resize(1280, 800)
        window.show()
        window.docks["network"].show()
        window.docks["network"].raise_()
        handset = session.add_handset(session.models["galaxy-s2"])
        options = RunOptions(network=NetworkSpec(), media=True)
        session.start_guest(handset, session.images["personal"], options=options)
        await session.jobs.idle()
        return window

    window = run(build())
    made = Workbench(window, run)
    yield made
    run(made.end())


def _pane(bench: Workbench) -> Any:
    return bench.window.docks["network"].pane


def _choose(box: Any, data: object) -> None:
    index = box.findData(data)
    box.setCurrentIndex(index)
    box.activated.emit(index)


def _type(field: Any, text: str) -> None:
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


def test_without_a_card_it_says_so(workbench: Workbench) -> None:
    async def scenario() -> None:
        pane = _pane(workbench)
        assert pane._stack.currentIndex() == 1 and pane._empty._title.text() == "No guest"
        await workbench.handset("personal")
        assert pane._stack.currentIndex() == 1 and pane._empty._title.text() == "No network card"

    workbench.run(scenario())


def test_the_cable_goes_to_a_switch_and_out_again(bench: Workbench) -> None:
    async def scenario() -> None:
        pane, guest = _pane(bench), bench.session.guest
        assert guest is not None and guest.network is not None
        assert pane.place.currentData() == "none" and pane.frames.summary.text() == "link is down"
        _choose(pane.place, "switch")
        await until(lambda: guest.network.state.mode == "switch" and guest.network.link)
        assert guest.network.state.switch == "lan"
        assert pane.frames.summary.text() == "link is up" and pane.switch.isVisible()
        assert not pane.ports.isVisible(), "a switch forwards no ports"
        _type(pane.switch, "crew")
        await until(lambda: guest.network.state.switch == "crew")
        await guest.network.attach("none")
        assert pane.place.currentData() == "none", "a change from elsewhere is shown"
        assert pane.frames.summary.text() == "link is down"

    bench.run(scenario())


def test_a_bad_name_and_a_bad_port_are_told_and_change_nothing(bench: Workbench) -> None:
    async def scenario() -> None:
        pane, guest = _pane(bench), bench.session.guest
        assert guest is not None and guest.network is not None
        await guest.network.attach("switch", "lan")
        _type(pane.switch, "a/b")
        await until(lambda: any("a/b" in entry.text for entry in bench.session.log.entries))
        assert guest.network.state.switch == "lan"
        pane.forward.setText("rubbish")
        pane._add_forward()
        assert any(
            "rubbish" in entry.text for entry in bench.session.log.entries if entry.level is Level.ERROR
        )
        assert pane.forward.text() == "rubbish", "what was typed can be mended"

    bench.run(scenario())


def test_a_radio_is_chosen_and_changed_by_hand(bench: Workbench) -> None:
    async def scenario() -> None:
        pane, guest = _pane(bench), bench.session.guest
        assert guest is not None and guest.network is not None
        pane.radio.presets["3g"].click()
        assert guest.network.state.radio.name == "3g" and pane.radio.down.text() == "3600 kbit/s"
        _type(pane.radio.delay, "200")
        assert guest.network.state.radio.delay_ms == 200 and guest.network.state.radio.down == 3_600_000
        assert pane.radio.summary.text() == "by hand" and not pane.radio.presets["3g"].isChecked()
        pane.radio.presets["off"].click()
        assert not guest.network.link
        guest.network.set_radio("wifi")
        assert pane.radio.presets["wifi"].isChecked()

    bench.run(scenario())


def test_a_capture_is_begun_and_ended(bench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        pane, guest = _pane(bench), bench.session.guest
        assert guest is not None and guest.network is not None
        path = tmp_path / "frames.pcap"
        pane.capture_to(str(path))
        await until(lambda: guest.network.state.capture == path and path.stat().st_size >= 24)
        assert pane.capture.text() == "Stop frames.pcap"
        pane.capture.click()
        assert guest.network.state.capture is None
        assert path.read_bytes()[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1")
        pane.capture_to(str(tmp_path / "none" / "frames.pcap"))
        await until(lambda: any("frames.pcap: cannot" in entry.text for entry in bench.session.log.entries))

    bench.run(scenario())


def test_files_dropped_on_a_guest_go_into_its_drive(bench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest = bench.session.guest
        assert guest is not None and guest.has_drive
        (tmp_path / "note.txt").write_text("hello")
        view = bench.window.stage.views[guest.handset]
        centre = bench.pane(guest).mapTo(view, bench.pane(guest).rect().center())
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / "note.txt"))])
        rest = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(view, QDragEnterEvent(QPoint(centre), *rest))
        assert view._drop_hint.isVisible() and view._drop_hint.text() == "Put into Personal's drive"
        QApplication.sendEvent(view, QDropEvent(QPointF(centre), *rest))
        assert not view._drop_hint.isVisible()
        await bench.session.jobs.idle()
        assert any("note.txt in its drive" in entry.text for entry in bench.session.log.entries)
        bench.window.trigger("guest.eject")
        await until(lambda: any("drive is empty" in entry.text for entry in bench.session.log.entries))

    bench.run(scenario())
