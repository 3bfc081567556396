"""An open workbench is found by its socket, does what it is asked, and answers nobody else."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.api import GuestImage, GuestState, Handset
from pocketvisor.control import workbench
from pocketvisor.control.attack_calls import AttackHandset
from pocketvisor.control.channel import frame
from pocketvisor.control.profile_calls import AskProfile, Key, OpenProfile
from pocketvisor.control.server import NobodyListens, WorkbenchServer, call
from pocketvisor.errors import ControlError
from pocketvisor.services.workbench import WorkbenchService

Start = Callable[..., Any]


@pytest.fixture
async def server(
    handset: Handset, monitor_image: GuestImage, tmp_path: Path
) -> AsyncIterator[WorkbenchServer]:
    service = WorkbenchService(lambda: [handset], lambda: {"monitor": monitor_image})
    server = WorkbenchServer(service, tmp_path / "run" / "workbench.sock")
    await server.open()
    yield server
    await server.close()


async def test_what_runs_is_listed(server: WorkbenchServer, start: Start) -> None:
    guest = await start()
    listing = await call(workbench.List(), server.path)
    assert isinstance(listing, workbench.Listing)
    (handset,) = listing.handsets
    assert (handset.model, handset.ram_used_mib) == ("palm-pre", 16)
    (found,) = handset.guests
    assert (found.id, found.state, found.foreground, found.pid) == (guest.id, "running", True, guest.pid)
    await guest.pause()
    listing = await call(workbench.List(), server.path)
    assert isinstance(listing, workbench.Listing)
    assert listing.handsets[0].guests[0].ticks == guest.ticks > 0


async def test_all_operations_go_through(server: WorkbenchServer, start: Start, handset: Handset) -> None:
    guest, other = await start("One"), await start("Two")
    for operation, state in (
        ("pause", GuestState.PAUSED),
        ("resume", GuestState.RUNNING),
        ("reset", GuestState.RUNNING),
        ("kill", GuestState.OFF),
        ("restart", GuestState.RUNNING),
        ("power-off", GuestState.OFF),
    ):
        assert isinstance(await call(workbench.Operate(operation, "one"), server.path), workbench.Done)
        assert guest.state is state
    await call(workbench.Operate("foreground", other.id), server.path)
    assert handset.foreground is other
    picture = await call(workbench.Screenshot("Two", handset.name), server.path)
    assert isinstance(picture, workbench.Picture) and picture.png.startswith(b"\x89PNG")
    await call(workbench.Operate("remove", "One"), server.path)
    assert handset.guests == [other]
    await call(workbench.StartGuest("monitor", name="Three"), server.path)
    assert handset.find("Three").state is GuestState.RUNNING


async def test_a_refusal_is_a_sentence(server: WorkbenchServer) -> None:
    with pytest.raises(ControlError, match="no guest 'nobody' in the workbench"):
        await call(workbench.Operate("pause", "nobody"), server.path)
    with pytest.raises(ControlError, match="no guest 'nothing'; known are monitor"):
        await call(workbench.StartGuest("nothing"), server.path)
    with pytest.raises(ControlError, match="no handset 'x'"):
        await call(workbench.StartGuest("monitor", handset="x"), server.path)


async def test_without_a_workbench_the_sentence_says_how_to_open_one(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="pocketvisor workbench"):
        await call(workbench.List(), tmp_path / "workbench.sock")


async def test_the_socket_is_for_its_user_alone(server: WorkbenchServer) -> None:
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.path.parent.stat().st_mode) == 0o700


async def test_a_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ControlError, match="not this user's own"):
        await WorkbenchServer(_never, tmp_path / "workbench.sock").open()
    assert os.listdir(tmp_path) == []


async def test_another_users_socket_is_told_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was first in a folder that all may write to would be given passphrases."""
    heard = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.read())
        writer.close()

    path = tmp_path / "workbench.sock"
    other = await asyncio.start_unix_server(listen, path)
    own = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: own + 1)
    with pytest.raises(ControlError, match="another user"):
        await call(OpenProfile(profile="/a", key=Key(passphrase="secret")), path)
    assert await heard == b""
    other.close()


async def test_the_newest_workbench_has_the_name(tmp_path: Path) -> None:
    path = tmp_path / "workbench.sock"
    older, newer = WorkbenchServer(_never, path), WorkbenchServer(_empty, path)
    await older.open()
    await newer.open()
    assert await call(workbench.List(), path) == workbench.Listing([])
    await older.close()
    assert await call(workbench.List(), path) == workbench.Listing([])
    await newer.close()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x02\0\0\0\xc1\xc1", b"\xff\xff\xff\x7f"])
async def test_garbage_closes_that_call_alone(server: WorkbenchServer, garbage: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(os.fspath(server.path))
    writer.write(garbage)
    async with asyncio.timeout(30):
        assert await reader.read() == b""
    writer.close()
    assert isinstance(await call(workbench.List(), server.path), workbench.Listing)


async def test_another_version_is_refused(tmp_path: Path) -> None:
    async def newer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(workbench.Hello(99)))
        writer.close()

    path = tmp_path / "workbench.sock"
    async with await asyncio.start_unix_server(newer, os.fspath(path)):
        with pytest.raises(ControlError, match="another version"):
            await call(workbench.List(), path)


def test_a_path_too_long_for_a_socket_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="too long"):
        asyncio.run(WorkbenchServer(_empty, tmp_path / ("x" * 120) / "workbench.sock").open())
    with pytest.raises(NobodyListens, match="too long"):
        asyncio.run(call(workbench.List(), tmp_path / ("x" * 120) / "workbench.sock"))


async def _never(*_: object) -> workbench.Reply:
    raise AssertionError("nobody was to call this one")


async def _empty(*_: object) -> workbench.Reply:
    return workbench.Listing([])


class Asked:
    """A caller that keeps what it is told; `last` is what the work waits for then."""

    def __init__(self, last: str) -> None:
        self.told: list[tuple[str, float | None]] = []
        self.heard = asyncio.Event()
        self._last = last

    async def ask(self, tmp_path: Path, handler: Any, request: workbench.Request) -> workbench.Reply:
        server = WorkbenchServer(handler, tmp_path / "workbench.sock")
        await server.open()
        try:
            return await call(request, server.path, progress=self._hear)
        finally:
            await server.close()

    def _hear(self, words: str, fraction: float | None) -> None:
        self.told.append((words, fraction))
        if words == self._last:
            self.heard.set()


async def test_progress_comes_before_the_answer_and_never_after_newer(tmp_path: Path) -> None:
    asked = Asked("Nearly there")

    async def slow(_: object, tell: Callable[[str, float | None], None]) -> workbench.Reply:
        for done in range(1000):
            tell("Saving", done / 1000)
            if done % 100 == 0:
                await asyncio.sleep(0.01)
        tell("Nearly there", None)
        await asked.heard.wait()
        return workbench.Done("saved")

    assert await asked.ask(tmp_path, slow, AskProfile(profile="/p")) == workbench.Done("saved")
    told = asked.told
    assert told[-1] == ("Nearly there", None)
    fractions = [fraction for _, fraction in told[:-1] if fraction is not None]
    assert fractions == sorted(fractions)
    assert len(told) < 50  # the newest is enough


async def test_progress_may_be_told_from_another_thread(tmp_path: Path) -> None:
    asked = Asked("Compressing")

    async def threaded(_: object, tell: Callable[[str, float | None], None]) -> workbench.Reply:
        await asyncio.to_thread(tell, "Compressing", 0.5)
        await asked.heard.wait()
        return workbench.Done("saved")

    await asked.ask(tmp_path, threaded, AskProfile(profile="/p"))
    assert asked.told == [("Compressing", 0.5)]


@pytest.mark.parametrize("request_", [AskProfile(profile="/p"), AttackHandset()], ids=["profile", "attack"])
async def test_a_caller_that_hangs_up_cancels_the_work(tmp_path: Path, request_: workbench.Request) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def endless(*_: object) -> workbench.Reply:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    server = WorkbenchServer(endless, tmp_path / "workbench.sock")
    await server.open()
    asking = asyncio.ensure_future(call(request_, server.path))
    async with asyncio.timeout(30):
        await begun.wait()
        asking.cancel()
        await cancelled.wait()
    await server.close()


async def test_an_operation_is_done_whether_its_caller_waits_or_not(tmp_path: Path) -> None:
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def operate(*_: object) -> workbench.Reply:
        begun.set()
        await go_on.wait()
        done.set()
        return workbench.Done("done")

    server = WorkbenchServer(operate, tmp_path / "workbench.sock")
    await server.open()
    asking = asyncio.ensure_future(call(workbench.Operate("remove", "Work"), server.path))
    async with asyncio.timeout(30):
        await begun.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        go_on.set()
        await done.wait()
    await server.close()


async def test_what_is_in_a_key_is_not_in_a_log() -> None:
    request = OpenProfile(profile="/p", key=Key(passphrase="opensesame"))
    assert "opensesame" not in repr(request)
