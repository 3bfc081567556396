"""Copies in threads that are cut off, and fail after that: nobody is told, for nobody waits for them."""

import asyncio
import gc
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kit import Workbench, until

from pocketvisor.errors import ProfileError
from pocketvisor_workbench import keeping, vaulting
from pocketvisor_workbench.jobs import Job


class Copying:
    """Fails once it is let go: its profile was closed meanwhile."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, *_: Any) -> Any:
        self.begun.set()
        self.go_on.wait(30)
        raise ProfileError("Work.vphone is closed")


def _as_a_file(_: Workbench, copying: Copying) -> Callable[[Job], Any]:
    async def work(_: Job) -> None:
        await keeping._copying(copying)

    return work


def _to_the_vault(workbench: Workbench, _: Copying) -> Callable[[Job], Any]:
    async def work(_: Job) -> None:
        workbench.session.vaulting.set_address("somewhere")

    return work


@pytest.mark.parametrize("how", [_as_a_file, _to_the_vault])
def test_a_copy_that_fails_after_it_was_cut_off_is_no_failure(
    workbench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: Any
) -> None:
    async def scenario() -> None:
        failed: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
        copying = Copying()
        monkeypatch.setattr(vaulting, "_copy", copying)
        handset: Any = await workbench.handset("work")
        await handset.guests[0].keep(tmp_path / "Work.vphone")
        session = workbench.session
        session.run("Copy it", how(workbench, copying))
        await until(copying.begun.is_set)
        closing = asyncio.ensure_future(session.jobs.close())
        await asyncio.sleep(0)
        copying.go_on.set()
        await closing
        gc.collect()
        await asyncio.sleep(0)
        assert failed == []

    workbench.run(scenario())
