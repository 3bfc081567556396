"""What all tests have in common: the processes that they start keep what they compile.

Images of containers often forbid Python to write byte code. A test that runs the command line would then
compile the whole program anew, and once more for the process that its guest is a fork of: half of its time.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """For what holds sockets: their paths have 107 bytes at most, and a test's own folder has a long name."""
    with tempfile.TemporaryDirectory(prefix="pv-", dir="/tmp") as folder:
        yield Path(folder)
