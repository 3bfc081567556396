"""A file's name may be any bytes: one that is no text is listed, answered in JSON and mended like others."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from profiles_made import make_profile

from pocketvisor.api import Handset
from pocketvisor.control.server import WorkbenchServer
from pocketvisor.services.workbench import WorkbenchService

Command = Callable[..., Any]
NAME = os.fsdecode(b"ph\xffone")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "pocketvisor" / "profiles"
    folder.mkdir(parents=True)
    make_profile(folder / "Phone.vphone", "one").close()
    return (folder / "Phone.vphone").rename(folder / f"{NAME}.vphone")


async def test_a_profile_of_such_a_name_hides_no_other(pocketvisor: Command, file: Path) -> None:
    make_profile(file.with_name("Other.vphone"), "one").close()
    ran = await pocketvisor("profile", "list", "--json")
    assert [each["name"] for each in json.loads(ran.out)] == ["Other", NAME], ran.err
    assert [each["path"] for each in json.loads(ran.out)][1] == str(file)
    ran = await pocketvisor("profile", "info", file, "--json")
    assert json.loads(ran.out)["path"] == str(file), ran.err


def test_a_table_shows_it_wherever_it_goes(file: Path, tmp_path: Path) -> None:
    """In a process of its own, whose standard output takes text alone: as most desktops have it."""
    known = {"XDG_DATA_HOME": str(tmp_path / "data"), "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run(
        [sys.executable, "-m", "pocketvisor.cli", "profile", "list"],
        env=os.environ | known,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].startswith("ph\\udcffone")


async def test_it_is_named_anew_by_its_path(pocketvisor: Command, file: Path) -> None:
    ran = await pocketvisor("profile", "info", NAME)
    assert ran.code == 1 and "a profile's name has no '\\udcff' in it" in ran.err
    ran = await pocketvisor("profile", "rename", file, "Phone", "--json")
    assert json.loads(ran.out) == {
        "name": "Phone",
        "path": str(file.with_name("Phone.vphone")),
        "before": NAME,
    }
    assert (await pocketvisor("profile", "verify", "Phone")).out == "Phone is whole: 1 generations\n"


async def test_an_open_workbench_is_asked_for_no_such_thing(
    pocketvisor: Command, file: Path, handset: Handset, short_folder: Path
) -> None:
    server = WorkbenchServer(
        WorkbenchService(lambda: [handset], dict), short_folder / "pocketvisor" / "workbench.sock"
    )
    await server.open()
    try:
        ran = await pocketvisor("pause", NAME, XDG_RUNTIME_DIR=str(short_folder))
        assert (ran.code, ran.out) == (1, "") and "is no text in UTF-8" in ran.err
        ran = await pocketvisor("profile", "list", "--json", XDG_RUNTIME_DIR=str(short_folder))
        assert [each["runs"] for each in json.loads(ran.out)] == [None], ran.err
    finally:
        await server.close()


async def test_no_list_of_vaults_keeps_it(pocketvisor: Command, file: Path, tmp_path: Path) -> None:
    ran = await pocketvisor("vault", "add", tmp_path / NAME)
    assert ran.code == 1 and "is no text in UTF-8" in ran.err and "Traceback" not in ran.err
    assert json.loads((await pocketvisor("vault", "list", "--json")).out) == []
