"""What the workbench is started with."""

from pathlib import Path
from typing import Any

import pytest

from pocketvisor_workbench import app, preflight, run


@pytest.mark.parametrize(
    ("arguments", "profiles", "names"),
    [
        ([], (), None),
        (["personal"], (), ["personal"]),
        (["/a/Phone.vphone"], (Path("/a/Phone.vphone"),), []),
        (["debian", "/a/Phone.vphone"], (Path("/a/Phone.vphone"),), ["debian"]),
        (["--empty", "/a/Phone.vphone"], (Path("/a/Phone.vphone"),), []),
    ],
)
def test_guests_by_name_and_profiles_by_file(
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    profiles: tuple[Path, ...],
    names: list[str] | None,
) -> None:
    openings: list[Any] = []
    monkeypatch.setattr(run, "run", lambda opening: openings.append(opening) or 0)
    monkeypatch.setattr(preflight, "has_display", lambda: True)
    monkeypatch.setattr(preflight, "missing_packages", lambda *, offscreen: [])
    assert app.main(arguments) == 0
    assert (openings[0].profiles, openings[0].image_names) == (profiles, names)
