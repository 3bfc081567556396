"""`pocketvisor demo` tells its whole story in a real window, films it, and leaves nothing behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pocketvisor_workbench.demo.steps import STEPS

_SECONDS = 600


def _demo(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    for name in ("tmp", "home"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    own = {name: str(folder / "home") for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR")}
    return subprocess.run(
        [sys.executable, "-m", "pocketvisor.cli", "demo", *arguments],
        env={**os.environ, **own, "TMPDIR": str(folder / "tmp"), **environment},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def test_the_story_is_true_in_a_window_and_filmed(display: str, tmp_path: Path) -> None:
    """Every step looks for itself whether it came true; the exit code says so."""
    import av

    film = tmp_path / "story.mp4"
    ran = _demo(
        tmp_path, "--json", "--speed", "8", "--record", str(film), DISPLAY=display, QT_QPA_PLATFORM="xcb"
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    assert [(each["step"], each["outcome"]) for each in told] == [(step.ident, "done") for step in STEPS]
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        pictures = sum(1 for _ in container.decode(stream))
        assert stream.width >= 1200 and pictures >= 40
    assert list((tmp_path / "tmp").iterdir()) == []
    left = [path for path in (tmp_path / "home").rglob("*") if path.is_file() or path.is_socket()]
    assert left == []  # nothing of the user's own was touched
    assert "Traceback" not in ran.stderr


def test_its_steps_are_listed_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    listed = _demo(tmp_path, "--list", "--json")
    assert [each["step"] for each in json.loads(listed.stdout)] == [step.ident for step in STEPS]
    refused = _demo(tmp_path, "fly")
    assert refused.returncode == 2
    assert "There is no step 'fly'" in refused.stderr


@pytest.mark.parametrize("name", ["story.gif", "absent/story.mp4"])
def test_a_film_that_cannot_be_made_is_said_before_the_story_begins(
    display: str, tmp_path: Path, name: str
) -> None:
    ran = _demo(tmp_path, "lives", "--record", str(tmp_path / name), DISPLAY=display, QT_QPA_PLATFORM="xcb")
    assert ran.returncode == 1
    assert "video" in ran.stderr + ran.stdout
    assert "Two lives" not in ran.stdout
