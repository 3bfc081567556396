"""A story is told: it can be held, skipped, left and filmed, and a step that is not true ends it."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from kit import Workbench, until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from pocketvisor.api import Act
from pocketvisor_workbench import preflight
from pocketvisor_workbench.demo import app as demo_app
from pocketvisor_workbench.demo.caption_bar import CaptionBar
from pocketvisor_workbench.demo.film import Film
from pocketvisor_workbench.demo.film_file import FilmError, check_film
from pocketvisor_workbench.demo.pace import Pace
from pocketvisor_workbench.demo.player import Outcome, Player
from pocketvisor_workbench.demo.scene import Scene
from pocketvisor_workbench.demo.story import Step, StoryError


class Told:
    """A telling of some steps in the window under test."""

    def __init__(self, workbench: Workbench, folder: Path, *steps: Step, speed: float = 50.0) -> None:
        self.scene = Scene(workbench.window, folder, Pace(speed))
        self.player = Player(self.scene, steps)
        self.bar = CaptionBar(self.player, workbench.window)
        self.titles: list[str] = []
        self.player.step_began.connect(lambda step, _: self.titles.append(step.title))


def step(name: str, do: Any = None, seconds: float = 0.0) -> Step:
    async def nothing(_: Scene) -> str:
        return f"{name} is done"

    return Step(name, name.capitalize(), f"What {name} is", do or nothing, seconds)


def test_each_step_has_its_caption_and_what_came_of_it(workbench: Workbench, tmp_path: Path) -> None:
    async def work() -> None:
        told = Told(workbench, tmp_path, step("one"), step("two"))
        played = await told.player.play()
        assert told.titles == ["One", "Two"]
        assert [(each.outcome, each.sentence) for each in played] == [
            (Outcome.DONE, "one is done"),
            (Outcome.DONE, "two is done"),
        ]
        assert not told.player.failed

    workbench.run(work())


def test_held_it_waits_and_goes_on_where_it_was(workbench: Workbench, tmp_path: Path) -> None:
    """By the keyboard, and by the button."""

    async def work() -> None:
        told = Told(workbench, tmp_path, step("one", seconds=30.0), step("two"))
        told.bar.toggle_held()
        telling = asyncio.ensure_future(told.player.play())
        await until(lambda: told.titles == ["One"])
        assert told.player.pace.held and not told.player.played
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert not told.player.played
        QTest.mouseClick(told.bar.hold, Qt.MouseButton.LeftButton)
        await until(lambda: len(told.player.played) == 1)
        QTest.mouseClick(told.bar.skip, Qt.MouseButton.LeftButton)
        await asyncio.wait_for(telling, 10)
        assert told.titles == ["One", "Two"]

    workbench.run(work())


def test_left_in_the_midst_it_ends_at_once(workbench: Workbench, tmp_path: Path) -> None:
    async def for_ever(_: Scene) -> str:
        await asyncio.Event().wait()
        return ""

    async def work() -> None:
        told = Told(workbench, tmp_path, step("endless", for_ever), step("two"))
        telling = asyncio.ensure_future(told.player.play())
        await until(lambda: told.titles == ["Endless"])
        QTest.mouseClick(told.bar.close_button, Qt.MouseButton.LeftButton)
        played = await asyncio.wait_for(telling, 10)
        assert [each.outcome for each in played] == [Outcome.LEFT]
        assert told.titles == ["Endless"]

    workbench.run(work())


@pytest.mark.parametrize("error", [StoryError("The note was pasted"), KeyError("nonsense")])
def test_a_step_that_is_not_true_ends_the_story_with_its_reason(
    workbench: Workbench, tmp_path: Path, error: Exception
) -> None:
    async def lies(_: Scene) -> str:
        raise error

    async def work() -> None:
        told = Told(workbench, tmp_path, step("one"), step("lie", lies), step("three"))
        played = await told.player.play()
        assert [each.outcome for each in played] == [Outcome.DONE, Outcome.FAILED]
        assert str(error) in played[-1].sentence
        assert told.player.failed

    workbench.run(work())


def test_a_film_shows_what_the_window_showed(workbench: Workbench, tmp_path: Path) -> None:
    """As long as it took, but for the time it was held; its pictures are the window's."""
    import av

    path = tmp_path / "story.mp4"
    took: list[float] = []

    async def work() -> None:
        await workbench.handset("personal")
        began = time.monotonic()
        film = Film(workbench.window, path)
        await until(lambda: film.pictures >= 8)
        film.hold()
        await asyncio.sleep(0.5)
        held_at = film.pictures
        film.go_on()
        await until(lambda: film.pictures >= held_at + 4)
        film.hold()
        took.append(time.monotonic() - began)
        await asyncio.to_thread(film.finish)

    workbench.run(work())
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
    assert (stream.width, stream.height) == (1280, 800)
    assert len(frames) >= 12
    times = [frame.time for frame in frames if frame.time is not None]
    assert times == sorted(times)
    assert times[-1] - times[0] <= took[0] - 0.45
    grey = frames[-1].to_ndarray(format="gray")
    assert grey.std() > 10  # it is a picture of something
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".story")] == []


def test_a_phone_that_may_not_be_recorded_is_covered_in_a_film(workbench: Workbench, tmp_path: Path) -> None:
    import av

    path = tmp_path / "story.mp4"
    middle: list[tuple[int, int]] = []

    async def work() -> None:
        handset = await workbench.handset("personal", "work")
        for guest in handset.guests:
            guest.panel.pixels[:] = 0xFFFFFF
            guest.frame()
        handset.guests[1].allows = lambda act, **_: "Not this one" if act is Act.RECORD else ""  # type: ignore
        await asyncio.sleep(0.1)
        for guest in handset.guests:
            pane = workbench.window.stage.pane_of(guest)  # type: ignore[arg-type]
            assert pane is not None
            at = pane.mapTo(workbench.window, pane.rect().center())
            middle.append((at.y(), at.x()))
        film = Film(workbench.window, path)
        await until(lambda: film.pictures >= 3)
        film.hold()
        await asyncio.to_thread(film.finish)

    workbench.run(work())
    with av.open(str(path)) as container:
        *_, frame = container.decode(container.streams.video[0])
    grey = frame.to_ndarray(format="gray")
    assert grey[middle[0]] > 200
    assert grey[middle[1]] < 40


@pytest.mark.parametrize(
    ("name", "said"),
    [("story.gif", "no kind of video"), ("absent/story.mp4", "no video can be written there")],
)
def test_a_film_that_cannot_be_written_is_refused_at_once(
    workbench: Workbench, tmp_path: Path, name: str, said: str
) -> None:
    async def work() -> None:
        with pytest.raises(FilmError, match=said):
            Film(workbench.window, tmp_path / name)

    workbench.run(work())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("story.gif", "no kind of video"),
        ("absent/story.mp4", "no video can be written there"),
        ("folder.webm", "a folder is there"),
    ],
)
def test_the_place_of_a_film_is_looked_at_before_anything_is_opened(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    said: str,
) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("something was opened first")

    (tmp_path / "folder.webm").mkdir()
    monkeypatch.setattr(preflight, "has_display", opened)
    assert demo_app.main(record=tmp_path / name, json=True) == 1
    out, err = capsys.readouterr()
    assert out == "" and said in err
    assert [path.name for path in tmp_path.rglob("*story*")] == []


def test_a_place_that_will_do_is_left_as_it_was(tmp_path: Path) -> None:
    """Also a film that is there already, until the new one is whole."""
    path = tmp_path / "story.mp4"
    path.write_bytes(b"the old one")
    check_film(path)
    assert [each.name for each in tmp_path.glob("*story*")] == ["story.mp4"]
    assert path.read_bytes() == b"the old one"


def test_a_disk_that_is_full_costs_the_film_and_leaves_nothing(workbench: Workbench, tmp_path: Path) -> None:
    path = tmp_path / "story.mkv"

    async def work() -> None:
        film = Film(workbench.window, path)

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        film._write = full  # type: ignore[method-assign]
        await until(lambda: bool(film._problem))
        film.hold()
        with pytest.raises(FilmError, match="No space left"):
            await asyncio.to_thread(film.finish)

    workbench.run(work())
    assert list(tmp_path.glob("*story*")) == []
