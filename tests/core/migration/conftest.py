"""Machines for the tests of moving between them."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from machines import Machine


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Machine]:
    machine = Machine(tmp_path, "here")
    yield machine
    await machine.close()


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Machine]:
    machine = Machine(tmp_path, "there")
    yield machine
    await machine.close()
