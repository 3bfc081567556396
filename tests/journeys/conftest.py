"""A display of our own (Xvfb with a window manager), and the workbench in it as a process of its own."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from visitor import Journey, needed, until

_HERE = Path(__file__).parent
_X_OPTIONS = ("-nolisten", "tcp", "-r", "-noreset")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.window)


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    needed("Xvfb", "xdotool", "openbox")
    read, write = os.pipe()
    server = subprocess.Popen(
        # "-r": no key repeats itself, however long xdotool waits for a processor before it lets it go.
        # "-noreset": nobody is thrown out when the last one before him hangs up.
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1440x900x24", *_X_OPTIONS],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        name = f":{pipe.readline().strip()}"
    environment = os.environ | {"DISPLAY": name}
    manager = subprocess.Popen(["openbox"], env=environment, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _managed(manager, environment))
        yield name
    finally:
        for process in (manager, server):
            process.terminate()
            process.wait(60)


def _managed(manager: subprocess.Popen[bytes], environment: dict[str, str]) -> bool:
    """Whether somebody tells how many desktops there are, which the window manager does: before that, no
    window can be asked to be in front."""
    assert manager.poll() is None, "the window manager has ended"
    asked = subprocess.run(["xdotool", "get_num_desktops"], env=environment, capture_output=True, check=False)
    return asked.returncode == 0


@pytest.fixture(scope="module")
def journey(display: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    one = Journey(display, tmp_path_factory.mktemp("journey"))
    try:
        one.open()
        yield one
    finally:
        one.close()
