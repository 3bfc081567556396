"""Tests marked `guest_process` run in a process with the engine's overrides, as a guest's."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_INSIDE = "POCKETVISOR_TEST_GUEST_PROCESS"
_SECONDS = 240


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
    import pocketvisor

    overrides = sorted(Path(pocketvisor.__file__).parent.glob("_overrides*.so"))
    if not overrides:
        pytest.fail("the extension is not built: run make")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    node = f"{pyfuncitem.path}::{pyfuncitem.nodeid.partition('::')[2]}"
    done = subprocess.run(
        [*command, node],
        env={**os.environ, "LD_PRELOAD": str(overrides[0]), _INSIDE: "1"},
        cwd=pyfuncitem.config.rootpath,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    if done.returncode == 0 and " skipped" in done.stdout:
        pytest.skip(done.stdout.strip().splitlines()[-1])
    if done.returncode != 0:
        pytest.fail(f"in the guest process:\n{done.stdout}\n{done.stderr}", pytrace=False)
    return True
