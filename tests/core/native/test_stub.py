"""_native.pyi says what the extension is."""

import subprocess
import sys
from pathlib import Path

import pytest

from pocketvisor import _native


def test_stubtest() -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-m", "mypy.stubtest", "pocketvisor._native"]
    command += ["--mypy-config-file", str(root / "pyproject.toml")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_the_overrides_nothing_runs() -> None:
    """This process has not loaded them: it is told why, and no guest starts."""
    problem = _native.overrides_problem()
    assert problem is not None
    assert "LD_PRELOAD" in problem
    with pytest.raises(RuntimeError, match="LD_PRELOAD"):
        _native.Machine(0, 0, 4096, 1000)
