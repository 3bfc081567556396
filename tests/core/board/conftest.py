"""Tests marked `guest_process` run with the engine's overrides, as a guest: one process for each file."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

_INSIDE = "POCKETVISOR_TEST_GUEST_PROCESS"
_SECONDS = 900  # of a computer that has much else to do

_outcomes: dict[Path, dict[str, tuple[str, str]]] = {}
"""By file and test: ("failure", "error", "skipped" or "", what it said)."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "guest_process: runs with the engine's overrides, in its own process")


@pytest.fixture
def inside() -> bool:
    """Whether this is the guest process: elsewhere no board can be built."""
    return bool(os.environ.get(_INSIDE))


@pytest.fixture
def poke(tmp_path: Path, inside: bool) -> Any:
    """A board whose CPU reads and writes what it is told."""
    if not inside:
        return None
    from built_board import PokeBoard

    return PokeBoard(tmp_path)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if pyfuncitem.get_closest_marker("guest_process") is None or os.environ.get(_INSIDE):
        return None
    if pyfuncitem.path not in _outcomes:
        _outcomes[pyfuncitem.path] = _run_file(pyfuncitem)
    outcome, text = _outcomes[pyfuncitem.path].get(pyfuncitem.name, ("error", "it did not run"))
    if outcome == "skipped":
        pytest.skip(text)
    if outcome:
        pytest.fail(f"in the guest process:\n{text}", pytrace=False)
    return True


def _run_file(test: pytest.Function) -> dict[str, tuple[str, str]]:
    """Runs those of the file's tests that this session runs."""
    import pocketvisor

    overrides = sorted(Path(pocketvisor.__file__).parent.glob("_overrides*.so"))
    if not overrides:
        pytest.fail("the extension is not built: run make", pytrace=False)
    # A sanitizer's library, if there is one, stays first.
    preloaded = " ".join([*os.environ.get("LD_PRELOAD", "").split(), str(overrides[0])])
    nodes = [
        f"{item.path}::{item.nodeid.partition('::')[2]}"
        for item in test.session.items
        if item.path == test.path
    ]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        plugins = ["-p", "no:cacheprovider", "-p", "no:xdist"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *plugins, f"--junitxml={report}", *nodes],
            env={**os.environ, "LD_PRELOAD": preloaded, _INSIDE: "1"},
            cwd=test.config.rootpath,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        if not report.exists():
            pytest.fail(
                f"the guest process ended with {done.returncode}:\n{done.stdout}\n{done.stderr}",
                pytrace=False,
            )
        return {case.get("name", ""): _outcome(case) for case in ElementTree.parse(report).iter("testcase")}


def _outcome(case: ElementTree.Element) -> tuple[str, str]:
    for kind in ("failure", "error", "skipped"):
        found = case.find(kind)
        if found is not None:
            return kind, found.get("message", "") if kind == "skipped" else found.text or ""
    return "", ""
