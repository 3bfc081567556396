"""The library of an open workbench follows what is done to the user's guests elsewhere."""

import threading
from pathlib import Path
from typing import Any

import pytest
from kit import Workbench, until

from pocketvisor.api import GuestImage
from pocketvisor.images.add import add, remove
from pocketvisor_workbench import guest_watch
from pocketvisor_workbench.guest_watch import GuestWatch


def test_a_guest_that_is_added_in_a_terminal_comes_into_the_library(
    workbench: Workbench, tmp_path: Path
) -> None:
    async def scenario() -> None:
        watch = GuestWatch(workbench.session)
        elf = tmp_path / "mine.elf"
        elf.write_bytes(b"\x7fELF" + bytes(60))
        add(elf)
        library: Any = workbench.window.docks["library"].pane
        await until(lambda: "mine" in workbench.session.images)
        assert "mine" in [card.ident for card in library.cards]
        remove("mine")
        await until(lambda: "mine" not in workbench.session.images)
        watch.close()

    workbench.run(scenario())


def test_a_look_at_the_library_that_is_late_takes_nothing_back(
    workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two looks at once, in threads, and the older one ends last."""

    async def scenario() -> None:
        watch = GuestWatch(workbench.session)
        before, after = (
            dict(workbench.session.images),
            {"mine": GuestImage(id="mine", name="Mine", kind="elf")},
        )
        begun, go_on = threading.Event(), threading.Event()

        def slow(_: Any) -> Any:
            begun.set()
            go_on.wait(30)
            return before

        monkeypatch.setattr(guest_watch, "catalogue", slow)
        watch._soon.timeout.emit()
        await until(begun.is_set)
        monkeypatch.setattr(guest_watch, "catalogue", lambda _: after)
        watch._soon.timeout.emit()
        await until(lambda: workbench.session.images == after)
        go_on.set()
        await workbench.session.jobs.idle()
        assert workbench.session.images == after
        watch.close()

    workbench.run(scenario())
