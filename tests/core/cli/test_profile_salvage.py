"""`pocketvisor profile salvage`: the generations of a damaged profile that are whole, in a new one."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from profiles_made import PASSPHRASE, make_profile

from pocketvisor.profile.file import ProfileFile

Command = Callable[..., Any]


def damage(path: Path) -> None:
    """What only the newest generation has."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE generations SET manifest = x'00' WHERE number = 2")


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "pocketvisor" / "profiles"
    folder.mkdir(parents=True)
    make_profile(folder / "Phone.vphone", "fresh", "later").close()
    damage(folder / "Phone.vphone")
    return folder / "Phone.vphone"


async def test_what_is_whole_is_salvaged(pocketvisor: Command, damaged: Path, tmp_path: Path) -> None:
    before = damaged.read_bytes()
    target = tmp_path / "left.vphone"
    ran = await pocketvisor("profile", "salvage", "Phone", str(target))
    assert ran.code == 1 and ran.out == f"Whole generations, in {target}: 1\n"
    assert "Generation 2 is damaged" in ran.err
    with ProfileFile.open(target) as file:
        assert [each.number for each in file.generations()] == [1] and file.verify() == []
    assert damaged.read_bytes() == before
    ran = await pocketvisor("profile", "salvage", "Phone", str(target), "--json")
    assert ran.code == 1 and "is there already" in ran.err


async def test_a_sealed_one_is_opened_with_what_is_given(pocketvisor: Command, tmp_path: Path) -> None:
    make_profile(tmp_path / "a.vphone", "fresh", "later", passphrase=PASSPHRASE).close()
    secret = tmp_path / "passphrase"
    secret.write_text(f"{PASSPHRASE}\n")
    arguments = ("profile", "salvage", str(tmp_path / "a.vphone"), str(tmp_path / "b.vphone"))
    ran = await pocketvisor(*arguments, "--passphrase-file", str(secret), "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out) == {"path": str(tmp_path / "b.vphone"), "generations": [1, 2], "lost": []}
    with ProfileFile.open(tmp_path / "b.vphone") as file:
        assert file.sealed and [each.number for each in file.generations()] == [1, 2]
