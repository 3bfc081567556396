"""`pocketvisor profile`, `move` and `clone` with an open workbench, whose guests they keep, open and move."""

import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from profiles_made import PASSPHRASE, make_profile

from pocketvisor.api import Guest, GuestImage, GuestState, Handset, load_models
from pocketvisor.control.server import WorkbenchServer
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import Unlock
from pocketvisor.services.workbench import WorkbenchService

Command = Callable[..., Any]
Start = Callable[..., Any]


@pytest.fixture
async def other() -> AsyncIterator[Handset]:
    other = Handset(load_models()["galaxy-s2"])
    yield other
    await other.close()


@pytest.fixture
async def ask(
    pocketvisor: Command,
    handset: Handset,
    other: Handset,
    monitor_image: GuestImage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Command]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    runtime = tempfile.mkdtemp(prefix="pocketvisor-")
    service = WorkbenchService(lambda: [handset, other], lambda: {"monitor": monitor_image})
    server = WorkbenchServer(service, Path(runtime, "pocketvisor", "workbench.sock"))
    await server.open()

    async def ask(*words: object) -> Any:
        return await pocketvisor(*map(str, words), XDG_RUNTIME_DIR=runtime)

    yield ask
    await server.close()
    shutil.rmtree(runtime)


async def test_a_guest_of_the_workbench_is_kept_and_saved(ask: Command, start: Start, tmp_path: Path) -> None:
    guest: Guest = await start("Work")
    ran = await ask("profile", "create", "Phone", "--from", "work", "--snapshot", "at the prompt")
    assert ran.code == 0 and "Phone is made" in ran.out, ran.err
    path = tmp_path / "data" / "pocketvisor" / "profiles" / "Phone.vphone"
    assert guest.profile is not None and guest.profile.path == path
    assert guest.state is GuestState.RUNNING
    ran = await ask("profile", "snapshot", "Phone", "--name", "later", "--json")
    assert json.loads(ran.out)["generation"] == 2 and guest.profile.generation == 2
    assert "saved every 60 s" in (await ask("profile", "autosave", "Phone", 60)).out
    assert guest.profile.autosave == 60
    assert "any more" in (await ask("profile", "autosave", "Phone", "off")).out
    assert guest.profile.autosave is None
    ran = await ask("profile", "restore", "Phone", "at the prompt")
    assert ran.code == 0 and guest.profile.generation == 1, ran.err
    ran = await ask("profile", "suspend", "Phone")
    assert ran.code == 0 and guest.state is GuestState.OFF
    ticks, said = guest.ticks, len(guest.console.text)
    with ProfileFile.open(path, read_only=True) as file:
        assert [each.name for each in file.generations()] == ["at the prompt", "later", ""]
    ran = await ask("profile", "resume", "Phone")
    assert ran.code == 0 and guest.state is GuestState.RUNNING, ran.err
    assert guest.ticks >= ticks and b"monitor ready" not in guest.console.text[said:], "it did not boot again"


async def test_a_sealed_profile_runs_on_a_handset_of_the_workbench(
    ask: Command, start: Start, handset: Handset, other: Handset, tmp_path: Path
) -> None:
    await start("Work")
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    ran = await ask(
        "profile", "create", "Phone", "--from", "Work", "--new-passphrase-file", tmp_path / "passphrase"
    )
    assert ran.code == 0, ran.err
    ran = await ask("profile", "start", "Phone", "--in-workbench")
    assert ran.code == 1 and "runs already" in ran.err
    assert (await ask("profile", "suspend", "Phone")).code == 0
    await handset.remove(handset.guests[0])
    how = ("--in-workbench", "--handset", other.name, "--passphrase-file", tmp_path / "passphrase")
    ran = await ask("profile", "start", "Phone", *how)
    assert (ran.code, ran.out) == (0, f"Work runs on {other.name}\n"), ran.err
    (guest,) = other.guests
    guest.console.write(b"x\r")
    await guest.console.expect("x\n# ", timeout=20)
    with ProfileFile.open(guest.profile.path, read_only=True) as file:
        file.unlock(Unlock(passphrase=PASSPHRASE))
        assert [each.kind for each in file.generations()] == ["snapshot", "suspend"]


async def test_a_guest_moves_and_is_cloned(
    ask: Command, start: Start, handset: Handset, other: Handset
) -> None:
    guest: Guest = await start("Work")
    before = guest.pid
    ran = await ask("move", "Work", other.name, "--json")
    assert ran.code == 0, ran.err
    moved = json.loads(ran.out)
    assert (moved["pid_before"], moved["pid_after"]) == (before, guest.pid) and before != guest.pid
    assert moved["downtime_ms"] > 0 and other.guests == [guest] and handset.guests == []
    ran = await ask("clone", "Work", handset.name, "--name", "Second")
    assert ran.code == 0 and ran.out.startswith(f"Second runs on {handset.name}"), ran.err
    (clone,) = handset.guests
    for each in (guest, clone):
        each.console.write(b"x\r")
        await each.console.expect("x\n# ", timeout=20)
    ran = await ask("move", "Work", "nowhere")
    assert ran.code == 1 and "no handset 'nowhere'" in ran.err
    ran = await ask("move", "Work", other.name)
    assert (ran.code, ran.err) == (1, f"pocketvisor: Work is on {other.name} already\n")


async def test_what_is_not_kept_says_so(ask: Command, start: Start) -> None:
    await start("Work")
    for verb in ("snapshot", "suspend", "stop", "resume", "start"):
        ran = await ask("profile", verb, "Work")
        assert ran.code == 1 and "There is no profile 'Work'" in ran.err
    ran = await ask("profile", "create", "Phone", "--from", "nobody")
    assert ran.code == 1 and "no guest 'nobody' in the workbench" in ran.err


async def test_a_file_that_is_opened_comes_to_the_windows_hands(
    pocketvisor: Command, handset: Handset, tmp_path: Path
) -> None:
    opened: list[Path] = []
    runtime = tempfile.mkdtemp(prefix="pocketvisor-")
    server = WorkbenchServer(
        WorkbenchService(lambda: [handset], dict, opened.append),
        Path(runtime, "pocketvisor", "workbench.sock"),
    )
    await server.open()
    make_profile(tmp_path / "Phone.vphone", "one").close()
    (tmp_path / "note.vphone").write_text("hello")
    ran = await pocketvisor("open", tmp_path / "Phone.vphone", XDG_RUNTIME_DIR=runtime)
    assert (ran.code, ran.out) == (0, "Phone is opened in the workbench\n"), ran.err
    ran = await pocketvisor("open", tmp_path / "note.vphone", XDG_RUNTIME_DIR=runtime)
    assert ran.code == 1 and "note.vphone" in ran.err
    assert opened == [tmp_path / "Phone.vphone"]
    await server.close()
    shutil.rmtree(runtime)
