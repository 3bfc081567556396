"""The Controls pane's sections on the handset: what they change, and that they show what others change."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import Workbench, until
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.log import Level
from pocketvisor_workbench.phone import SECTIONS
from pocketvisor_workbench.phone.battery import picture_of
from pocketvisor_workbench.phone.location import PLACES
from pocketvisor_workbench.theme import Theme


class Pane:
    """The pane with a handset selected."""

    def __init__(self, workbench: Workbench) -> None:
        self.workbench = workbench
        workbench.window.docks["controls"].show()
        workbench.window.docks["controls"].raise_()
        self.pane: Any = workbench.window.docks["controls"].pane

    async def handset(self, *images: str, model: str = "nexus-one") -> Any:
        return await self.workbench.handset(*images, model=model)

    def __getitem__(self, title: str) -> Any:
        return self.pane.sections[title]


@pytest.fixture
def pane(workbench: Workbench) -> Iterator[Pane]:
    yield Pane(workbench)


def press(button: Any) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def enter(field: Any, text: str) -> None:
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


def test_it_is_empty_without_a_handset_and_offers_one(pane: Pane) -> None:
    async def scenario() -> None:
        assert pane.pane._stack.currentIndex() == 1
        await pane.handset()
        assert pane.pane._stack.currentIndex() == 0
        assert pane.pane._no_guest.isVisible() and not pane.pane.head.isVisible()
        await pane.handset("personal")
        assert pane.pane.head.isVisible() and not pane.pane._no_guest.isVisible()

    pane.workbench.run(scenario())


def test_battery_goes_both_ways(pane: Pane) -> None:
    async def scenario() -> None:
        handset, section = await pane.handset("personal"), pane["Battery"]
        assert section.level.value() == 80
        section.level.setFocus()
        QTest.keyClick(section.level, Qt.Key.Key_Left)
        QTest.keyClick(section.level, Qt.Key.Key_PageDown)
        assert handset.phone.battery.level == 69
        section.plugged.setFocus()
        QTest.keyClick(section.plugged, Qt.Key.Key_Space)
        assert handset.phone.battery.plugged and section.summary.text() == "charging"
        press(section.draining)
        assert handset.phone.draining
        handset.phone.set_battery(12.7, plugged=False)
        handset.phone.set_draining(False)
        assert (section.level.value(), section.plugged.isChecked()) == (12, False)
        assert not section.draining.isChecked()
        assert handset.phone.battery.level == 12.7, "showing a level does not set it"

    pane.workbench.run(scenario())


def test_every_level_has_a_picture(theme: Theme) -> None:
    names = {picture_of(level, status) for level in range(101) for status in ("full", "discharging")}
    for name in names:
        assert not icon(name).isNull()


def test_location_by_figures_by_name_and_without_satellites(pane: Pane) -> None:
    async def scenario() -> None:
        handset, section = await pane.handset("personal"), pane["Location"]
        enter(section.latitude, "-33.8688")
        enter(section.longitude, "151,2093")
        enter(section.altitude, "20 m")
        location = handset.phone.location
        assert (location.latitude, location.longitude, location.altitude) == (-33.8688, 151.2093, 20)
        assert section.fix.isChecked() and section.summary.text() == "-33.8688, 151.2093"
        for nonsense in ("91", "north", "", "1e9", "nan"):
            enter(section.latitude, nonsense)
            assert section.latitude.text() == "-33.868800°"
        section.places.setCurrentIndex(4)
        section.places.activated.emit(4)
        assert handset.phone.location.latitude == PLACES[3][1]
        press(section.fix)
        assert not handset.phone.location.fix and section.summary.text() == "no fix"
        handset.phone.set_location(1.5, 2.5)
        assert section.longitude.text() == "2.500000°" and section.fix.isChecked()

    pane.workbench.run(scenario())


def test_what_is_being_typed_is_not_typed_over(pane: Pane) -> None:
    async def scenario() -> None:
        handset, section = await pane.handset("personal"), pane["Location"]
        section.latitude.setFocus()
        section.latitude.selectAll()
        QTest.keyClicks(section.latitude, "48.")
        handset.phone.set_location(1.0, 2.0)
        QTest.keyClicks(section.latitude, "85")
        QTest.keyClick(section.latitude, Qt.Key.Key_Return)
        assert (handset.phone.location.latitude, handset.phone.location.longitude) == (48.85, 2.0)

    pane.workbench.run(scenario())


def test_a_gpx_file_is_walked_and_stopped(pane: Pane, tmp_path: Path) -> None:
    async def scenario() -> None:
        handset, section = await pane.handset("personal"), pane["Location"]
        file = tmp_path / "walk.gpx"
        file.write_text("<gpx><trkpt lat='60' lon='24'/><trkpt lat='61' lon='24'/></gpx>")
        section.walk_file(file)
        await until(lambda: handset.phone.walking)
        assert section.walk.text() == "Stop walking"
        press(section.walk)
        assert not handset.phone.walking and section.walk.text().startswith("Walk")
        file.write_text("<gpx/>")
        job = section.walk_file(file)
        await until(lambda: not job.running)
        assert "has no points" in pane.workbench.session.log.entries[-1].text
        assert pane.workbench.session.log.entries[-1].level is Level.ERROR

    pane.workbench.run(scenario())


def test_motion(pane: Pane) -> None:
    async def scenario() -> None:
        handset, section = await pane.handset("personal"), pane["Motion"]
        press(section.right)
        assert handset.phone.orientation == 90 and section.summary.text() == "turned right"
        press(section.left)
        press(section.left)
        assert handset.phone.orientation == 270
        section.pitch.setValue(45)
        section.roll.setValue(-10)
        assert (handset.phone.motion.pitch, handset.phone.motion.roll) == (45, -10)
        press(section.upright)
        assert handset.phone.motion.acceleration == pytest.approx((0, 9.80665, 0))
        assert section.pitch.value() == section.roll.value() == 0
        felt: list[float] = []
        handset.phone.on("motion", lambda motion: felt.append(motion.shake[0]))
        press(section.shake)
        await until(lambda: felt and felt[-1] == 0)
        assert max(felt) > 10 and min(felt) < -10

    pane.workbench.run(scenario())


def test_signal_offers_what_the_model_has(pane: Pane) -> None:
    async def scenario() -> None:
        handset, section = await pane.handset("personal"), pane["Signal"]
        kinds = [section.radio.itemData(index) for index in range(section.radio.count())]
        assert tuple(kinds) == handset.phone.radio_kinds
        section.strength.setValue(-100)
        assert (handset.phone.signal.dbm, section.summary.text()) == (-100, "3G, 1 of 4 bars")
        section.radio.activated.emit(0)
        assert handset.phone.signal.radio == "none"
        assert not section.strength.isEnabled() and section.summary.text() == "no network"
        handset.phone.set_signal(bars=4, radio="Wi-Fi")
        assert section.radio.currentText() == "Wi-Fi" and section.strength.isEnabled()

    pane.workbench.run(scenario())


def test_it_follows_the_selected_handset_and_lets_the_other_go(pane: Pane) -> None:
    async def scenario() -> None:
        one, other = await pane.handset("personal"), await pane.handset("work", model="htc-dream")
        section = pane["Battery"]
        one.phone.set_battery(11)
        assert section.level.value() == 80
        pane.workbench.session.select(one)
        assert section.level.value() == 11
        other.phone.set_battery(99)
        assert section.level.value() == 11
        pane.workbench.session.remove_handset(one)
        pane.workbench.session.remove_handset(other)
        one.phone.set_battery(50)
        assert pane.pane._stack.currentIndex() == 1

    pane.workbench.run(scenario())


def test_commands(pane: Pane) -> None:
    async def scenario() -> None:
        window = pane.workbench.window
        handset = await pane.handset("personal")
        window.trigger("phone.charger")
        assert handset.phone.battery.plugged
        window.trigger("phone.charger")
        assert not handset.phone.battery.plugged
        handset.phone.set_location(1, 2)
        window.refresh_actions()
        window.trigger("phone.no-fix")
        assert not handset.phone.location.fix

    pane.workbench.run(scenario())


def test_sections_fold_by_key_and_fit_a_narrow_dock(pane: Pane) -> None:
    async def scenario() -> None:
        await pane.handset("personal")
        assert list(pane.pane.sections) == [kind.title for kind in SECTIONS]
        for section in pane.pane.sections.values():
            assert section.minimumSizeHint().width() <= 222, section.title
            section.head.setFocus()
            QTest.keyClick(section.head, Qt.Key.Key_Space)
            assert not section.inside.isVisible()
            QTest.keyClick(section.head, Qt.Key.Key_Space)
            assert section.inside.isVisible()

    pane.workbench.run(scenario())


def test_the_wheel_scrolls_the_pane_and_changes_nothing(pane: Pane) -> None:
    async def scenario() -> None:
        handset = await pane.handset("personal")
        before = handset.phone.state
        for widget in (pane["Battery"].level, pane["Signal"].radio, pane["Motion"].pitch):
            place = QPointF(widget.rect().center())
            wheel = QWheelEvent(
                *(place, widget.mapToGlobal(place), QPoint(), QPoint(0, -120)),
                *(
                    Qt.MouseButton.NoButton,
                    Qt.KeyboardModifier.NoModifier,
                    Qt.ScrollPhase.NoScrollPhase,
                    False,
                ),
            )
            QApplication.sendEvent(widget, wheel)
        assert handset.phone.state == before

    pane.workbench.run(scenario())


def test_all_that_can_be_used_has_a_name_and_takes_the_keyboard(pane: Pane) -> None:
    async def scenario() -> None:
        from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QComboBox, QLineEdit, QWidget

        await pane.handset("personal")
        kinds = (QAbstractButton, QAbstractSlider, QComboBox, QLineEdit)
        for section in pane.pane.sections.values():
            for widget in section.findChildren(QWidget):
                if isinstance(widget, kinds) and widget.isVisibleTo(section):
                    words = widget.text() if isinstance(widget, QAbstractButton) else ""
                    assert widget.accessibleName() or words, (section.title, widget)
                    assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus, (section.title, widget)

    pane.workbench.run(scenario())
