"""`pocketvisor demo`: the workbench with a story in it, and with folders of its own."""

import json as json_text
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketvisor_workbench import preflight

if TYPE_CHECKING:
    from pocketvisor_workbench.demo.player import Played
    from pocketvisor_workbench.demo.story import Step


def main(
    *,
    steps: tuple[str, ...] = (),
    record: Path | None = None,
    script: Path | None = None,
    speed: float = 1.0,
    stay: bool = False,
    listed: bool = False,
    json: bool = False,
) -> int:
    """The exit code."""
    from pocketvisor_workbench.demo.steps import STEPS
    from pocketvisor_workbench.demo.story import StoryError, chosen, read_script

    try:
        told = read_script(script, STEPS) if script is not None else chosen(STEPS, steps or _all(STEPS))
    except StoryError as error:
        print(f"pocketvisor: {error}", file=sys.stderr)
        return 2
    if listed:
        _list(told, json)
        return 0
    if record is not None:
        from pocketvisor_workbench.demo.film_file import FilmError, check_film

        record = record.absolute()
        try:
            check_film(record)
        except FilmError as error:
            print(f"pocketvisor: {error}", file=sys.stderr)
            return 1
    display = preflight.has_display()
    if not display:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        print("There is no display here: the story is told offscreen.", file=sys.stderr)
    missing = preflight.missing_packages(offscreen=not display)
    if missing:
        print(
            f"pocketvisor: system libraries are missing: apt-get install {' '.join(missing)}", file=sys.stderr
        )
        return 1
    folder = Path(tempfile.mkdtemp(prefix="pocketvisor-demo-"))
    try:
        _live_in(folder)
        from pocketvisor_workbench.demo.telling import Telling, tell_story

        telling = Telling(
            steps=told,
            folder=folder,
            record=record,
            speed=speed,
            stay=stay and display,
            tell=_teller(json),
        )
        return tell_story(telling)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _all(steps: "tuple[Step, ...]") -> tuple[str, ...]:
    return tuple(step.ident for step in steps)


def _live_in(folder: Path) -> None:
    """What the story keeps, and what is remembered of it, is in this folder: its user's own phones, their
    ledger and their settings are not touched."""
    os.environ["XDG_DATA_HOME"] = os.fspath(folder / "data")
    os.environ["XDG_CONFIG_HOME"] = os.fspath(folder / "config")
    os.environ["XDG_STATE_HOME"] = os.fspath(folder / "state")


def _list(steps: "list[Step]", json: bool) -> None:
    if json:
        print(
            json_text.dumps(
                [{"step": step.ident, "title": step.title, "words": step.words} for step in steps]
            )
        )
        return
    for step in steps:
        print(f"{step.ident:10} {step.title}")


def _teller(json: bool) -> Any:
    def tell(played: "Played") -> None:
        if json:
            print(
                json_text.dumps(
                    {
                        "step": played.step.ident,
                        "outcome": played.outcome.value,
                        "sentence": played.sentence,
                        "seconds": round(played.seconds, 3),
                    }
                ),
                flush=True,
            )
        else:
            print(f"{played.step.title}: {played.sentence}", flush=True)

    return tell
