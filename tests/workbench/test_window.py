"""The window: commands, palette, perspectives, a layout that is remembered, and notices."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from kit import Workbench, until
from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest

from pocketvisor_workbench.commands import COMMANDS, MENUS
from pocketvisor_workbench.keymap import kept_by_workbench
from pocketvisor_workbench.palette_box import score
from pocketvisor_workbench.perspectives import ARRANGEMENTS, Perspective
from pocketvisor_workbench.settings import Settings
from pocketvisor_workbench.stage.stage import View
from pocketvisor_workbench.theme import ThemeMode
from pocketvisor_workbench.window import Window


def test_every_command_has_one_id_a_menu_and_a_shortcut_of_its_own() -> None:
    idents = [command.ident for command in COMMANDS]
    shortcuts = [QKeySequence(command.shortcut).toString() for command in COMMANDS if command.shortcut]
    assert len(set(idents)) == len(idents)
    assert len(set(shortcuts)) == len(shortcuts) and "" not in shortcuts
    soft = [QKeySequence(command.soft_shortcut).toString() for command in COMMANDS if command.soft_shortcut]
    assert len(set(soft)) == len(soft) and "" not in soft
    assert set(soft) & set(shortcuts) == {"F11"}  # full screen, or a step while a guest stands still
    assert {command.menu for command in COMMANDS} <= set(MENUS)


def test_every_shortcut_works_inside_a_pane() -> None:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QKeyEvent

    for command in COMMANDS:
        if command.shortcut:
            keys = QKeySequence(command.shortcut)[0]
            event = QKeyEvent(QEvent.Type.ShortcutOverride, keys.key(), keys.keyboardModifiers())
            assert kept_by_workbench(event), command.ident


def test_every_command_runs_with_and_without_guests(workbench: Workbench) -> None:
    async def scenario() -> None:
        window = workbench.window
        for filled in (False, True):
            if filled:
                await workbench.handset("personal", "work")
            for command in COMMANDS:
                if command.ident == "quit":
                    continue
                if filled and not workbench.session.handsets:
                    await workbench.handset("personal", "work")
                window.trigger(command.ident)
                await asyncio.sleep(0)
                for dialog in [child for child in window.children() if hasattr(child, "reject")]:
                    dialog.reject()
            await until(lambda: not workbench.session.jobs.running)
        window.showNormal()

    workbench.run(scenario())


def test_commands_are_enabled_for_what_is_selected(workbench: Workbench) -> None:
    async def scenario() -> None:
        actions = workbench.window.actions_by_ident
        assert not actions["guest.pause"].isEnabled() and not actions["handset.remove"].isEnabled()
        handset: Any = await workbench.handset("personal")
        assert actions["guest.pause"].isEnabled() and not actions["guest.resume"].isEnabled()
        await handset.guests[0].pause()
        assert not actions["guest.pause"].isEnabled() and actions["guest.resume"].isEnabled()

    workbench.run(scenario())


def test_the_palette_finds_and_runs(workbench: Workbench) -> None:
    async def scenario() -> None:
        window = workbench.window
        handset: Any = await workbench.handset("personal", "work")
        pane = workbench.pane(handset.guests[0])
        pane.setFocus()
        window.trigger("palette")
        box = window.palette_box
        assert box.isVisible() and box.words.hasFocus()
        QTest.keyClicks(box.words, "bring work")
        assert box.model.shown[0].title == "Bring Work to the front on Nexus One"
        QTest.keyClick(box.words, Qt.Key.Key_Return)
        assert handset.foreground is handset.guests[1] and box.isHidden()
        window.trigger("palette")
        QTest.keyClick(box.words, Qt.Key.Key_Escape)
        assert box.isHidden() and workbench.pane(handset.guests[1]).hasFocus()
        assert all(entry[0] != "key" for guest in handset.guests for entry in guest.inputs)

    workbench.run(scenario())


def test_the_palette_holds_every_command(workbench: Workbench) -> None:
    async def scenario() -> None:
        workbench.window.trigger("palette")
        titles = {entry.title for entry in workbench.window.palette_box.model.shown}
        assert {command.title for command in COMMANDS} - titles == {"Find a command…"}

    workbench.run(scenario())


def test_a_few_letters_are_enough() -> None:
    assert score("dark", "Switch between dark and light") is not None
    assert score("swdl", "Switch between dark and light") is not None
    assert score("xyz", "Switch between dark and light") is None
    assert score("grid", "Grid") < score("grid", "Show the grid")  # type: ignore[operator]


@pytest.mark.parametrize("perspective", list(Perspective))
def test_a_perspective_shows_its_docks_and_no_others(workbench: Workbench, perspective: Perspective) -> None:
    async def scenario() -> None:
        window = workbench.window
        window.set_perspective(perspective)
        arrangement = ARRANGEMENTS[perspective]
        wanted = {
            *(name for group in arrangement.groups for name in group),
        }
        assert {name for name, dock in window.docks.items() if not dock.isHidden()} == wanted
        assert window.stage.view is arrangement.view

    workbench.run(scenario())


def test_the_layout_comes_back_and_can_be_reset(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        window = workbench.window
        window.toggle_dock("library")
        window.bench.theme.set_mode(ThemeMode.LIGHT)
        window.set_view(View.FOCUS)
        window.save_layout()
        again = Window(window.bench, Settings(tmp_path / "workbench.ini"))
        again.restore_layout()
        assert again.docks["library"].isHidden() and not again.docks["console"].isHidden()
        assert again.stage.view is View.FOCUS and window.bench.theme.mode is ThemeMode.LIGHT
        again.reset_layout()
        assert not again.docks["library"].isHidden() and again.stage.view is View.GRID
        again.close()
        again.deleteLater()

    workbench.run(scenario())


def test_settings_that_are_garbage_are_left_alone(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = Settings(tmp_path / "bad.ini")
        settings.set("layout", QByteArray(b"garbage"))
        settings.set("geometry", QByteArray(b"garbage"))
        settings.set("theme", "purple")
        settings.set("view", "sideways")
        window = Window(workbench.window.bench, settings)
        window.restore_layout()
        assert not window.docks["library"].isHidden()
        window.close()
        window.deleteLater()

    workbench.run(scenario())


def test_removing_a_handset_offers_to_undo(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal")
        workbench.window.trigger("handset.remove")
        banner = workbench.window.banners.shown[0]
        assert "Nexus One was removed with 1 guest" in banner.text and banner.button is not None
        QTest.mouseClick(banner.button, Qt.MouseButton.LeftButton)
        assert workbench.session.handsets == [handset]

    workbench.run(scenario())


def test_notices_do_not_pile_up(workbench: Workbench) -> None:
    async def scenario() -> None:
        for number in range(9):
            workbench.session.log.add(f"notice {number}", notice=True)
            workbench.session.log.add("the same", notice=True)
        assert len(workbench.window.banners.shown) <= 3

    workbench.run(scenario())


@pytest.mark.parametrize("size", [(720, 480), (1024, 640), (1920, 1200)])
def test_the_window_works_at_every_size(workbench: Workbench, size: tuple[int, int]) -> None:
    async def scenario() -> None:
        window = workbench.window
        handset: Any = await workbench.handset("personal", "work")
        for perspective in Perspective:
            window.set_perspective(perspective)
            window.resize(*size)
            await asyncio.sleep(0.02)
            pane = workbench.pane(handset.guests[0])
            await until(lambda: (window.width(), window.height()) == size)
            await until(lambda pane=pane: pane.width() >= 100 and not pane.visibleRegion().isEmpty())  # type: ignore[misc]

    workbench.run(scenario())
