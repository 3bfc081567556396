"""`receive`, `migrate`, `settle` and `peers`, as somebody with two machines uses them: each has folders of
its own, and they meet on the loopback."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.control.server import WorkbenchServer
from pocketvisor.guest.options import GuestState
from pocketvisor.handset import Handset
from pocketvisor.services.workbench import WorkbenchService

Run = Callable[..., Coroutine[Any, Any, Any]]


class Receive:
    """`pocketvisor receive` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "there"
        self._environment = os.environ | {"XDG_DATA_HOME": str(self.data)}
        self.process: asyncio.subprocess.Process | None = None
        self.waiting: dict[str, Any] = {}
        self.port = 0

    async def begin(self, *options: str) -> "Receive":
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "pocketvisor.cli",
            "receive",
            "--json",
            "--listen",
            f"127.0.0.1:{self.port}",
            *options,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
        )
        self.waiting = await self.event("waiting")
        self.port = int(self.address.rpartition(":")[2])
        return self

    @property
    def address(self) -> str:
        return str(self.waiting["address"])

    @property
    def code(self) -> str:
        return str(self.waiting["code"])

    async def event(self, kind: str, seconds: float = 60) -> dict[str, Any]:
        """The next of that kind."""
        assert self.process is not None and self.process.stdout is not None
        async with asyncio.timeout(seconds):
            while line := await self.process.stdout.readline():
                event: dict[str, Any] = json.loads(line)
                if event["event"] == kind:
                    return event
        assert self.process.stderr is not None
        raise AssertionError((await self.process.stderr.read()).decode())

    async def end(self, number: int = signal.SIGINT) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)
            async with asyncio.timeout(60):
                await self.process.communicate()


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_folder))


@pytest.fixture
async def receive(tmp_path: Path) -> AsyncIterator[Receive]:
    receive = Receive(tmp_path)
    yield receive
    await receive.end()


async def kept(start: Any, handset: Handset, tmp_path: Path) -> Path:
    """A suspended phone, as a file."""
    guest = await start("Work")
    path: Path = tmp_path / "Work.vphone"
    await guest.keep(path)
    guest.console.write(b"hello")
    await guest.console.expect("hello", timeout=30)
    await guest.suspend()
    await handset.remove(guest)
    return path


async def test_a_phone_moves_to_a_machine_that_was_paired_by_a_code(
    pocketvisor: Run, receive: Receive, start: Any, handset: Handset, tmp_path: Path
) -> None:
    path = await kept(start, handset, tmp_path)
    await receive.begin()
    stranger = await pocketvisor("migrate", path, receive.address)
    assert stranger.code == 1
    assert "not trusted yet" in stranger.err
    moved = await pocketvisor("migrate", path, receive.address, "--code", receive.code, "--json")
    assert moved.code == 0, moved.err
    told = json.loads(moved.out)
    assert told["peer"] == receive.waiting["name"]
    assert told["sent_bytes"] > 1000
    arrived = await receive.event("arrived")
    assert arrived["runs"]
    assert Path(arrived["path"]).parent == receive.data / "pocketvisor" / "profiles"
    peers = await pocketvisor("peers", "--json")
    assert [peer["address"] for peer in json.loads(peers.out)["peers"]] == [receive.address]
    again = await pocketvisor("migrate", path, receive.address)
    assert again.code == 1
    assert "was moved to" in again.err
    shown = json.loads((await pocketvisor("profile", "info", path, "--json")).out)
    assert shown["moved"] == f"moved to {receive.waiting['name']}"
    await receive.end()  # what runs there is saved
    shown = await pocketvisor("profile", "info", arrived["path"], "--json", XDG_DATA_HOME=str(receive.data))
    assert shown.code == 0, shown.err
    removed = await pocketvisor("peers", "remove", told["peer"])
    assert "not trusted any more" in removed.out


async def test_who_is_asked_for_the_code_has_the_answer_alone_on_standard_output(
    receive: Receive, start: Any, handset: Handset, tmp_path: Path
) -> None:
    path = await kept(start, handset, tmp_path)
    await receive.begin()
    ours, theirs = os.openpty()
    migrate = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pocketvisor.cli", "migrate", str(path), receive.address, "--json"),
        stdin=theirs,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(theirs)
    assert migrate.stderr is not None
    try:
        async with asyncio.timeout(60):
            assert b"not trusted yet" in await migrate.stderr.readuntil(b"Pairing code: ")
            os.write(ours, b"\n")
            await migrate.stderr.readuntil(b"Pairing code: ")
            os.write(ours, f"{receive.code}\n".encode())
            out, err = await migrate.communicate()
    finally:
        os.close(ours)
        if migrate.returncode is None:
            migrate.kill()
            await migrate.wait()
    assert migrate.returncode == 0, err
    assert out.startswith(b"{") and json.loads(out)["peer"] == receive.waiting["name"]


async def test_a_running_guest_of_the_workbench_moves_by_its_name(
    pocketvisor: Run, receive: Receive, start: Any, handset: Handset
) -> None:
    guest = await start("Work")
    server = WorkbenchServer(WorkbenchService(lambda: [handset], dict))
    await server.open()
    try:
        await receive.begin()
        moved = await pocketvisor("migrate", "work", receive.address, "--code", receive.code, "--json")
        assert moved.code == 0, moved.err
        assert json.loads(moved.out)["downtime_ms"] > 0
        assert (await receive.event("arrived"))["runs"]
        assert guest.state is GuestState.STOPPED
        assert handset.guests == []
    finally:
        await server.close()


async def test_a_handset_of_the_workbench_receives_until_it_is_told_to_stop(
    pocketvisor: Run, start: Any, handset: Handset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await kept(start, handset, tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "there"))  # the workbench is the other machine
    service = WorkbenchService(lambda: [handset], dict)
    server = WorkbenchServer(service)
    await server.open()
    said: list[str] = []
    handset.on("message", said.append)
    try:
        asked = ("receive", "--handset", handset.name, "--listen", "127.0.0.1:0", "--json")
        waits = json.loads((await pocketvisor(*asked)).out)
        moved = await pocketvisor("migrate", path, waits["address"], "--code", waits["code"])
        assert moved.code == 0, moved.err
        (guest,) = handset.guests
        assert guest.state is GuestState.RUNNING
        assert "Monitor has come from another machine" in said or "Work has come from another machine" in said
        guest.console.write(b" hi")
        await guest.console.expect("hi", timeout=30)
        assert "no more" in (await pocketvisor("receive", "--handset", handset.name, "--stop")).out
        gone = await pocketvisor("migrate", path, waits["address"])
        assert "cannot be reached" in gone.err
    finally:
        await server.close()
        await service.migrations.close()


async def test_the_receiving_side_is_killed_and_settled_later(
    pocketvisor: Run, receive: Receive, start: Any, handset: Handset, tmp_path: Path
) -> None:
    path = await kept(start, handset, tmp_path)
    await receive.begin()
    moved = await pocketvisor("migrate", path, receive.address, "--code", receive.code)
    assert moved.code == 0, moved.err
    await receive.event("arrived")
    await receive.end(signal.SIGKILL)
    known = await pocketvisor("settle", path, "--json")
    assert json.loads(known.out) == {
        "profile": "Work",
        "here": False,
        "peer": receive.waiting["name"],
    }
    refused = await pocketvisor("settle", path, "--force")
    assert refused.code == 1
    assert "two of it run" in refused.err
    forced = await pocketvisor("settle", path, "--force", "--yes")
    assert "this machine's" in forced.out


async def test_wrong_usage_is_one_sentence(pocketvisor: Run, tmp_path: Path) -> None:
    for arguments, sentence in (
        (("migrate", "Work", "host:port"), "is no address"),
        (("migrate", "Work", "127.0.0.1:1", "--code", "12"), "6 digits"),
        (("migrate", "Work", "127.0.0.1:1"), "cannot be reached"),
        (("migrate", "Work", "Nexus"), "No workbench is open"),
        (("receive", "--listen", "203.0.113.1:9"), "cannot be listened at"),
        (("settle", "Work"), "There is no profile"),
        (("settle", "Work", "--force", "--give-up"), "give one of them"),
        (("peers", "remove", "nobody"), "No machine is called"),
    ):
        ran = await pocketvisor(*arguments)
        assert ran.code in (1, 2), ran.out
        assert sentence in ran.err
        assert "Traceback" not in ran.err
