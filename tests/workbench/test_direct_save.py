"""A phone dragged to a file manager: what such a program may answer, and what is saved then."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from kit import Workbench, until
from PySide6.QtCore import QMimeData

from pocketvisor.profile.file import ProfileFile
from pocketvisor_workbench import mime
from pocketvisor_workbench.stage import direct_save
from pocketvisor_workbench.stage.guest_drag import GuestMime


class Saver:
    """As DirectSave, with an answer that a test gives."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    def place(self) -> Path | None:
        return direct_save.place_of(self.answer)


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        (b"file:///tmp/a%20b.vphone", "/tmp/a b.vphone"),
        (b"file:///tmp/x.vphone\0rest", "/tmp/x.vphone"),
        (b"file://localhost/tmp/x.vphone", "/tmp/x.vphone"),
        (b"file://%s/x" % os.uname().nodename.encode(), "/x"),
        (b"file:///tmp/%FF.vphone", "/tmp/\udcff.vphone"),
    ],
)
def test_a_place_on_this_machine_is_taken(answer: bytes, path: str) -> None:
    assert direct_save.place_of(answer) == Path(path)


@pytest.mark.parametrize(
    "answer",
    [
        *(b"", b"Work.vphone", b"file:", b"file://", b"file:///", b"file:///tmp/", b"file:relative"),
        *(
            b"http://mirror.example/y",
            b"file://elsewhere/tmp/x",
            b"sftp:///tmp/x",
            b"\xff\xfe",
            b"file:///a%00b",
        ),
        b"x" * 100_000,
    ],
)
def test_what_is_no_place_here_is_refused(answer: bytes) -> None:
    assert direct_save.place_of(answer) is None


def test_what_is_dropped_in_a_folder_is_saved_there_once(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal")
        guest, place = handset.guests[0], tmp_path / "stick.vphone"
        saver: Any = Saver(f"file://{place}".encode())
        data = GuestMime(guest, workbench.session, saver)
        assert mime.guest_of(data) == guest.id and data.hasFormat(direct_save.TYPE)
        assert bytes(data.data(direct_save.TYPE).data()) == direct_save.SAVED
        assert bytes(data.data(direct_save.TYPE).data()) == direct_save.SAVED, "some ask twice"
        await until(place.exists)
        await workbench.session.jobs.idle()
        with ProfileFile.open(place, read_only=True) as file:
            assert len(file.generations()) == 1

    workbench.run(scenario())


def test_a_place_that_is_none_saves_nothing(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal")
        saver: Any = Saver(b"http://mirror.example/x")
        data = GuestMime(handset.guests[0], workbench.session, saver)
        assert bytes(data.data(direct_save.TYPE).data()) == direct_save.FAILED
        await asyncio.sleep(0.02)
        assert workbench.session.jobs.jobs == []

    workbench.run(scenario())


def test_without_x11_there_is_no_such_offer(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal")
        assert direct_save.direct_save("x") is None
        data: QMimeData = GuestMime(handset.guests[0], workbench.session, None)
        assert data.formats() == [mime.GUEST] and not data.hasFormat(direct_save.TYPE)

    workbench.run(scenario())
