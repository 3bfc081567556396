"""`pocketvisor desktop`: what makes a file manager know profiles, and open them with a double click.

All goes into the user's own data folder (XDG_DATA_HOME), so no rights are needed, and `remove` takes it away
again.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import typer

from pocketvisor.cli.output import Json, print_json

MIME_TYPE: Final = "application/x-pocketvisor-profile"
_PLACES: Final = {
    "pocketvisor.xml": "mime/packages/pocketvisor.xml",
    "pocketvisor.desktop": "applications/pocketvisor.desktop",
    "pocketvisor.svg": "icons/hicolor/scalable/apps/pocketvisor.svg",
    "application-x-pocketvisor-profile.svg": (
        "icons/hicolor/scalable/mimetypes/application-x-pocketvisor-profile.svg"
    ),
}
_TOOLS: Final = (
    ("update-mime-database", "mime", "shared-mime-info"),
    ("update-desktop-database", "applications", "desktop-file-utils"),
)
_TOOL_SECONDS: Final = 60


def add_to(app: typer.Typer) -> None:
    verbs = typer.Typer(no_args_is_help=True, help="Profiles in the desktop's file manager.")
    verbs.command("install")(install)
    verbs.command("remove")(remove)
    verbs.command("status")(status)
    app.add_typer(verbs, name="desktop")


def install(json: Json = False) -> None:
    """Make the desktop know .vphone files: their type, their icon, and what opens them.

    For this user alone, and for this installation of Pocketvisor: do it again where that has moved.
    """
    from pocketvisor.errors import PocketvisorError

    missing = [package for tool, _, package in _TOOLS if shutil.which(tool) is None]
    if missing:
        raise PocketvisorError(f"The desktop's tools are missing: apt install {' '.join(missing)}")
    source = files("pocketvisor.resources").joinpath("desktop")
    for name, path in _places():
        text = source.joinpath(name).read_text("utf-8")
        if name.endswith(".desktop"):
            text = text.replace("Exec=pocketvisor ", f"Exec={_command()} ")
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.{os.getpid()}")
        new.write_text(text, "utf-8")
        new.replace(path)
    _update()
    if json:
        print_json(_plain())
    else:
        typer.echo("A double click on a .vphone file runs it in the workbench")


def remove(json: Json = False) -> None:
    """Take away what 'install' has put there; profiles stay where they are."""
    there = [path for _, path in _places() if path.exists()]
    for path in there:
        path.unlink()
    if there:
        _update()
    if json:
        print_json(_plain())
    else:
        typer.echo(
            "The desktop knows .vphone files no more" if there else "The desktop knew no .vphone files"
        )


def status(json: Json = False) -> None:
    """Show which of the files are there."""
    plain = _plain()
    if json:
        print_json(plain)
        return
    for file, exists in plain["files"].items():
        typer.echo(f"{'there  ' if exists else 'missing'}  {file}")


def _plain() -> dict[str, Any]:
    there = {str(path): path.exists() for _, path in _places()}
    return {"installed": all(there.values()), "type": MIME_TYPE, "files": there}


def _places() -> Iterator[tuple[str, Path]]:
    from platformdirs import user_data_path

    for name, place in _PLACES.items():
        yield name, user_data_path() / place


def _update() -> None:
    from platformdirs import user_data_path

    for tool, folder, _ in _TOOLS:
        place = user_data_path() / folder
        if shutil.which(tool) is not None and place.is_dir():
            subprocess.run([tool, str(place)], stdout=subprocess.DEVNULL, timeout=_TOOL_SECONDS, check=False)


def _command() -> str:
    """This installation's own command, as the Exec key wants it quoted."""
    script = Path(sys.executable).with_name("pocketvisor")
    words = [str(script)] if script.is_file() else [sys.executable, "-m", "pocketvisor.cli"]
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    """For Exec: in double quotes where it has to be, and escaped once more as all strings of such a file."""
    for letter in '\\"`$':
        word = word.replace(letter, f"\\{letter}")
    return f'"{word}"'.replace("\\", "\\\\").replace("%", "%%")
