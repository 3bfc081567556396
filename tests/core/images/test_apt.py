"""The apt client is begun, followed and ended; whoever gives up, and when, leaves nothing of it behind."""

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path

import pytest
from open_descriptors import open_descriptors

from pocketvisor.errors import MissingImage
from pocketvisor.images.apt import Apt

SECONDS = 60


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes first in the search path."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def program(folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("\n".join(("#!/bin/sh", *lines, "")))
    (folder / name).chmod(0o755)


async def begun(started: Path) -> int:
    """The number of the process that says so, when it is followed as well."""
    async with asyncio.timeout(SECONDS):
        while (
            not started.exists()
            or not started.read_text().endswith("\n")
            or not any("_follow" in repr(task.get_coro()) for task in asyncio.all_tasks())
        ):
            await asyncio.sleep(0.01)
    return int(started.read_text())


@pytest.mark.parametrize("turns", range(14))
async def test_whenever_it_is_given_up_nothing_is_left_open(
    tmp_path: Path, programs: Path, turns: int
) -> None:
    """`turns`: of the event loop, as many as it takes to be begun, and some more."""
    program(programs, "apt-cache", "exec sleep 1000")
    before = open_descriptors().items()
    task = asyncio.create_task(Apt(tmp_path / "apt", "armhf").names("x"))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(SECONDS):
        while open_descriptors().items() - before:
            await asyncio.sleep(0.01)


async def test_one_that_has_ended_unheard_is_not_ended_again(
    tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for its exit code has it, and has not said so yet."""
    program(programs, "apt-cache", f"echo $$ > {tmp_path}/started", "exec sleep 1000")
    has, may_say, wait = threading.Event(), threading.Event(), os.waitpid

    def thoughtful(process: int, options: int) -> tuple[int, int]:
        found = wait(process, options)
        if threading.current_thread() is not threading.main_thread():
            has.set()
            assert may_say.wait(SECONDS)
        return found

    monkeypatch.setattr(os, "waitpid", thoughtful)
    task = asyncio.create_task(Apt(tmp_path / "apt", "armhf").names("x"))
    os.kill(await begun(tmp_path / "started"), signal.SIGKILL)
    if sys.version_info < (3, 12):  # later ones ask for it in the event loop's own thread
        assert has.wait(SECONDS)
    task.cancel()
    await asyncio.wait([task], timeout=0.05)
    may_say.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_one_that_does_not_listen_is_ended_all_the_same(
    tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pocketvisor.images.apt._LAST_SECONDS", 0.1)
    program(
        programs, "apt-cache", "trap '' TERM", f"echo $$ > {tmp_path}/started", "while :; do sleep 1; done"
    )
    task = asyncio.create_task(Apt(tmp_path / "apt", "armhf").names("x"))
    process = await begun(tmp_path / "started")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not Path(f"/proc/{process}").exists()


async def test_how_far_it_is_never_goes_back(tmp_path: Path, programs: Path) -> None:
    said = "".join(f"dlstatus:1:{percent}:Downloading\\n" for percent in ("10.5", "80.0", "40.0", "99.5"))
    program(
        programs,
        "apt-get",
        'for word in "$@"; do case $word in -oAPT::Status-Fd=*) fd=${word##*=};; esac; done',
        f'[ -z "$fd" ] || printf "{said}" > /proc/self/fd/$fd',
    )
    program(programs, "apt-config", ":")
    told: list[float] = []
    await Apt(tmp_path / "apt", "armhf").update(lambda sentence, done: told.append(done))
    assert told == [0.0, 0.105, 0.8, 0.8, 0.995]


async def test_one_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    before = open_descriptors().items()
    with pytest.raises(MissingImage, match="apt-cache cannot be started: No such file"):
        await Apt(tmp_path / "apt", "armhf").names("x")
    assert not open_descriptors().items() - before
