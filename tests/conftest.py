"""What all tests have in common: the processes that they start keep what they compile.

Images of containers often forbid Python to write byte code. A test that runs the command line would then
compile the whole program anew, and once more for the process that its guest is a fork of: half of its time.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# How long an example takes says what else this computer does. In CI, Hypothesis thinks so too.
_unhurried = {*settings.default.suppress_health_check, HealthCheck.too_slow}
settings.register_profile("unhurried", settings.default, deadline=None, suppress_health_check=_unhurried)
settings.load_profile("unhurried")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes say nothing in a test's name; and where they hold the time at which they were packed, two workers
    that load their tests a second apart would not have the same ones."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """For what holds sockets: their paths have 107 bytes at most, and a test's own folder has a long name.
    Who is on his way out may still write to it while it is removed: that is no failure of the test."""
    with tempfile.TemporaryDirectory(prefix="pv-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
