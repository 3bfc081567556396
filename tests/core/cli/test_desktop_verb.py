"""Profiles in the file manager: Debian's own tools judge the files, and find the type by name and content."""

import os
import shutil
import sqlite3
import subprocess
import xml.etree.ElementTree as Xml
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.cli.desktop import MIME_TYPE
from pocketvisor.profile.connection import APPLICATION

Command = Callable[..., Any]
SOURCE = Path(str(files("pocketvisor.resources").joinpath("desktop")))
TOOLS = ("update-mime-database", "update-desktop-database")
needs_tools = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in TOOLS), reason="needs shared-mime-info, desktop-file-utils"
)


def needs(tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")


def said(*command: str | Path, data: Path, **environment: str) -> str:
    """What a tool of the desktop says where the user's data is there."""
    known = {"XDG_DATA_HOME": str(data), "XDG_CONFIG_HOME": str(data / "config"), **environment}
    done = subprocess.run(
        [*map(str, command)], env=os.environ | known, capture_output=True, text=True, timeout=30
    )
    return done.stdout + done.stderr


def profile_like(path: Path, application_id: int) -> Path:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {application_id}")
    connection.execute("CREATE TABLE x (y)")
    connection.commit()
    connection.close()
    return path


def test_the_types_magic_is_the_formats() -> None:
    space = "{http://www.freedesktop.org/standards/shared-mime-info}"
    root = Xml.parse(SOURCE / "pocketvisor.xml").getroot()
    (kind,) = root.findall(f"{space}mime-type")
    match = kind.find(f".//{space}match[@offset='68']")
    assert kind.get("type") == MIME_TYPE
    assert match is not None and int(match.get("value", "0"), 0) == APPLICATION


def test_the_entry_is_valid() -> None:
    needs("desktop-file-validate")
    done = subprocess.run(
        ["desktop-file-validate", SOURCE / "pocketvisor.desktop"], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout) == (0, "")


@needs_tools
async def test_installed_files_are_known_by_name_and_by_content(pocketvisor: Command, tmp_path: Path) -> None:
    data = tmp_path / "data"
    ran = await pocketvisor("desktop", "install")
    assert ran.code == 0, ran.err
    named = tmp_path / "named.vphone"
    named.write_text("not even a database")
    nameless = profile_like(tmp_path / "nameless", APPLICATION)
    other = profile_like(tmp_path / "other", 0)
    if shutil.which("gio") is not None:
        for path, wanted in ((named, True), (nameless, True), (other, False)):
            info = said("gio", "info", "-a", "standard::content-type", path, data=data)
            assert (f"content-type: {MIME_TYPE}" in info) is wanted, info
        assert "pocketvisor.desktop" in said("gio", "mime", MIME_TYPE, data=data)
    if shutil.which("xdg-mime") is not None:
        assert MIME_TYPE in said(
            "xdg-mime", "query", "filetype", nameless, data=data, XDG_CURRENT_DESKTOP="GNOME"
        )
        assert "pocketvisor.desktop" in said("xdg-mime", "query", "default", MIME_TYPE, data=data)


@needs_tools
async def test_what_is_installed_is_valid_and_names_this_program(
    pocketvisor: Command, tmp_path: Path
) -> None:
    await pocketvisor("desktop", "install")
    entry = tmp_path / "data" / "applications" / "pocketvisor.desktop"
    text = entry.read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("Exec=")]
    command = line.removeprefix("Exec=").split('"')[1]
    assert Path(command).is_absolute() and os.access(command, os.X_OK)
    assert line.endswith(" open %f")
    if shutil.which("desktop-file-validate") is not None:
        assert said("desktop-file-validate", entry, data=tmp_path) == ""


@needs_tools
async def test_removing_leaves_nothing_of_it(pocketvisor: Command, tmp_path: Path) -> None:
    data = tmp_path / "data"
    await pocketvisor("desktop", "install")
    assert '"installed": true' in (await pocketvisor("desktop", "status", "--json")).out
    ran = await pocketvisor("desktop", "remove")
    assert ran.code == 0, ran.err
    assert '"installed": false' in (await pocketvisor("desktop", "status", "--json")).out
    left = [
        path
        for path in data.rglob("*")
        if path.is_file() and "pocketvisor" in path.read_text(errors="replace")
    ]
    assert left == []
    assert (await pocketvisor("desktop", "remove")).out == "The desktop knew no .vphone files\n"


async def test_without_the_tools_it_says_what_to_install(pocketvisor: Command, tmp_path: Path) -> None:
    ran = await pocketvisor("desktop", "install", PATH=str(tmp_path))
    assert ran.code == 1 and "apt install shared-mime-info desktop-file-utils" in ran.err
    assert not (tmp_path / "data" / "mime").exists()
