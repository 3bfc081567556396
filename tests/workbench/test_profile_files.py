"""Profiles from files: dropped on a phone, sealed ones with their key, and what cannot be run is told."""

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest
from kit import Workbench, until
from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtWidgets import QApplication
from test_moves import card, drag_over, drop, hint, words_of

from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys


def make(path: Path, keys: NewKeys | None = None, contents: bytes = b"from a file") -> Path:
    with ProfileFile.create(path, keys) as file, file.begin(0) as saving:
        padded = contents.ljust(4096, b"\0")
        space = saving.space("ram", 4096, 4096, None, None, lambda _: padded)
        saving.commit(kind="snapshot", spaces=[space])
    return path


def files(*paths: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


async def dialog_of() -> Any:
    await until(lambda: QApplication.activeModalWidget() is not None)
    return QApplication.activeModalWidget()


def test_a_dropped_profile_runs_where_it_is_dropped(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        path = make(tmp_path / "Phone.vphone")
        await workbench.handset("personal")
        second: Any = await workbench.handset(model="galaxy-s2")
        view = workbench.window.stage.views[second]
        drag_over(view, files(path))
        assert hint(view).text() == f"Run Phone.vphone on {second.name}"
        assert drop(view, files(path)).isAccepted()
        await until(lambda: second.guests)
        guest = second.guests[0]
        assert guest.contents == b"from a file" and guest.profile.path == path
        await until(lambda: "runs on" in words_of(card(workbench)))
        assert workbench.session.guest is guest

    workbench.run(scenario())


def test_on_an_empty_bench_a_phone_comes_with_it(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        path = make(tmp_path / "Phone.vphone")
        stage = workbench.window.stage
        enter, _ = drag_over(stage, files(path))
        assert enter.isAccepted()
        drop(stage, files(path))
        await until(lambda: workbench.session.guests)
        assert workbench.session.handsets[0].model.id == "nexus-one"

    workbench.run(scenario())


def test_a_sealed_one_asks_for_its_key_and_says_when_it_is_wrong(
    workbench: Workbench, tmp_path: Path
) -> None:
    async def scenario() -> None:
        path = make(tmp_path / "Secret.vphone", NewKeys(passphrase="open sesame"))
        handset: Any = await workbench.handset()
        workbench.window.desk.run_profiles(handset, [path])
        dialog = await dialog_of()
        assert not dialog.accept_button.isEnabled()
        dialog.passphrase.setText("wrong")
        dialog.accept()
        assert not dialog.accept_button.isEnabled(), "one at a time"
        await until(lambda: dialog.problem.isVisible())
        assert "does not open" in dialog.problem.text() and dialog.isVisible()
        dialog.passphrase.setText("open sesame")
        assert dialog.problem.isHidden()
        dialog.accept()
        await until(lambda: handset.guests)
        assert handset.guests[0].profile.path == path

    workbench.run(scenario())


def test_an_age_identity_opens_one(workbench: Workbench, tmp_path: Path) -> None:
    """Made by the stock tool, as an IT department would."""
    made = subprocess.run(["age-keygen"], capture_output=True, text=True, timeout=20, check=True)
    (tmp_path / "key.txt").write_text(made.stdout)
    recipient = next(line for line in made.stdout.splitlines() if "public key" in line).split()[-1]

    async def scenario() -> None:
        path = make(tmp_path / "Firm.vphone", NewKeys(recipients=(recipient,)))
        handset: Any = await workbench.handset()
        workbench.window.desk.run_profiles(handset, [path])
        dialog = await dialog_of()
        dialog.identity.setText(str(tmp_path / "gone.txt"))
        dialog.accept()
        await until(lambda: dialog.problem.isVisible())
        assert "gone.txt" in dialog.problem.text()
        dialog.identity.setText(str(tmp_path / "key.txt"))
        dialog.accept()
        await until(lambda: handset.guests)

    workbench.run(scenario())


def test_a_dialog_that_is_left_opens_nothing(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        path = make(tmp_path / "Secret.vphone", NewKeys(passphrase="open sesame"))
        handset: Any = await workbench.handset()
        workbench.window.desk.run_profiles(handset, [path])
        dialog = await dialog_of()
        dialog.passphrase.setText("open sesame")
        dialog.accept()
        dialog.reject()
        await workbench.session.jobs.idle()
        assert handset.guests == []

    workbench.run(scenario())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "No such file"), (b"", "no profile"), (b"SQLite format 3\0" + bytes(4096), "no profile")],
)
def test_what_is_no_profile_is_told(
    workbench: Workbench, tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    async def scenario() -> None:
        path = tmp_path / "odd.vphone"
        if content is not None:
            path.write_bytes(content)
        handset: Any = await workbench.handset()
        workbench.window.desk.run_profiles(handset, [path])
        await until(lambda: workbench.window.banners.shown)
        assert sentence in words_of(workbench.window.banners.shown[0]) and handset.guests == []

    workbench.run(scenario())


def test_one_that_runs_is_shown_and_can_come_here(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        path = make(tmp_path / "Phone.vphone")
        first: Any = await workbench.handset()
        second: Any = await workbench.handset(model="galaxy-s2")
        workbench.window.desk.run_profiles(first, [path])
        await until(lambda: first.guests)
        workbench.session.select(second)
        workbench.window.desk.run_profiles(second, [path])
        await asyncio.sleep(0)
        shown = workbench.window.banners.shown
        notice: Any = next(one for one in shown if "runs on Nexus One already" in words_of(one))
        assert workbench.session.guest is first.guests[0]
        notice.button.click()
        await until(lambda: second.guests)

    workbench.run(scenario())


def test_two_of_one_phone_are_asked_about(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        path = make(tmp_path / "Phone.vphone")
        copy = tmp_path / "Copy.vphone"
        copy.write_bytes(path.read_bytes())
        handset: Any = await workbench.handset()
        workbench.window.desk.run_profiles(handset, [path])
        await until(lambda: len(handset.guests) == 1)
        workbench.window.desk.run_profiles(handset, [copy])
        banners = workbench.window.banners

        def asked() -> Any:
            return next((one for one in banners.shown if "their histories part" in words_of(one)), None)

        await until(asked)
        assert len(handset.guests) == 1
        asked().button.click()
        await until(lambda: len(handset.guests) == 2)

    workbench.run(scenario())


def test_one_that_is_behind_is_run_where_the_user_says_so(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset()
        workbench.window.desk.run_profiles(handset, [make(tmp_path / "Older.vphone")])
        shown = workbench.window.banners
        await until(lambda: any("4 was seen on this machine" in words_of(one) for one in shown.shown))
        assert handset.guests == [] and card(workbench).button.text() == "Run it all the same"
        card(workbench).button.click()
        await until(lambda: len(handset.guests) == 1)

    workbench.run(scenario())
