"""What the story waits for, so that it is true on a computer that is busy with others too."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kit import Workbench

from pocketvisor_workbench.demo import scene as scenes
from pocketvisor_workbench.demo.pace import Pace
from pocketvisor_workbench.demo.scene import Scene
from pocketvisor_workbench.demo.steps import _is_in_vault
from pocketvisor_workbench.demo.story import StoryError
from pocketvisor_workbench.vaulting import Copies


class Screens:
    """A guest's console that tells another screen each time it is asked, and the last one from then on."""

    def __init__(self, guest: Any, *screens: str) -> None:
        self.asked: list[str] = []
        self._console, self._screens = guest.console, list(screens)
        guest.console._send = self._typed

    def _typed(self, data: bytes) -> None:
        command = data.decode().strip()
        self.asked.append(command)
        if command == "back":
            self._screens.pop(0)
        self._console.push(f"{command}\r\n{self._screens[0]}\r\n> ".encode())
        if command == "where" and len(self._screens) > 1 and "back" not in self.asked:
            self._screens.pop(0)


def test_what_is_tapped_may_take_its_time_to_come(
    workbench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("work")
        guest = handset.guests[0]
        home, notes = "screen home\r\n0 0 40 40 Notes", "screen notes\r\n100 200 20 20 add"
        screens = Screens(guest, home, home, notes)
        scene = Scene(workbench.window, tmp_path, Pace())
        await scene.tap(guest, "add")
        assert screens.asked == ["where"] * 3
        assert guest.inputs[-2:] == [("touch", 110, 210, "down", 0), ("touch", 110, 210, "up", 0)]
        monkeypatch.setattr(scenes, "_STEP_SECONDS", 0.3)
        with pytest.raises(StoryError, match="There is no 'Paste' on Work's screen"):
            await scene.tap(guest, "Paste")

    workbench.run(scenario())


def test_a_phone_is_in_the_vault_as_it_was_saved_last(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("work")
        guest, path = handset.guests[0], tmp_path / "Work.vphone"
        await guest.keep(path)
        scene: Any = SimpleNamespace(session=workbench.session, work_path=path)
        for number, copies, there in (
            (1, Copies(), False),
            (1, Copies(1), True),
            (2, Copies(1), False),  # the copy of the one before, the newest one's has not begun
            (2, Copies(1, 1, True), False),
            (2, Copies(2), True),
        ):
            guest.profile.generation = number
            workbench.session.vaulting._copies[path] = copies
            assert _is_in_vault(scene, guest) is there, (number, copies)

    workbench.run(scenario())


def test_a_phone_is_lost_when_its_guests_have_ended_and_let_go_of_their_files(
    workbench: Workbench, tmp_path: Path
) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("work")
        guest, slow = handset.guests[0], asyncio.Event()

        async def kill() -> None:
            await slow.wait()

        guest.kill = kill
        loss = workbench.session.lose_handset(handset)
        assert loss is not None and guest not in workbench.session.guests
        await asyncio.sleep(0.05)
        assert loss.running and not handset.closed
        slow.set()
        await workbench.session.jobs.idle()
        assert not loss.running and handset.closed
        assert workbench.session.lose_handset(handset) is None

    workbench.run(scenario())
