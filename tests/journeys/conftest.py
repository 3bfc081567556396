"""A display of our own (Xvfb with a window manager), and the workbench in it as a process of its own."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from visitor import Journey, needed

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.window)


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    needed("Xvfb", "xdotool", "openbox")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1440x900x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        name = f":{pipe.readline().strip()}"
    manager = subprocess.Popen(["openbox"], env=os.environ | {"DISPLAY": name}, stderr=subprocess.DEVNULL)
    yield name
    for process in (manager, server):
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def journey(display: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    one = Journey(display, tmp_path_factory.mktemp("journey"))
    yield one
    one.close()
