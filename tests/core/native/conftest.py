"""Runs the tests of this folder in a process that has the engine's overrides, as a guest's process has.

A test module here says `pytestmark = pytest.mark.guest_process`; its test functions take parameters but no
fixtures. One child process serves a session; it is started anew when a test ends it or takes too long.
"""

import os
import pickle
import select
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHILD = Path(__file__).with_name("child.py")
TIMEOUT = 120.0


def overrides() -> str:
    import pocketvisor

    found = sorted(Path(pocketvisor.__file__).parent.glob("_overrides*.so"))
    assert found, "the extension is not built"
    return str(found[0])


class GuestProcess:
    """The child, from its first test on."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def _start(self) -> subprocess.Popen[bytes]:
        # A sanitizer's library, if there is one, stays first.
        preload = [*os.environ.get("LD_PRELOAD", "").split(), overrides()]
        return subprocess.Popen(
            [sys.executable, "-W", "error", str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "LD_PRELOAD": " ".join(preload)},
        )

    def call(self, module: Path, function: str, arguments: dict[str, Any]) -> str | None:
        """The traceback of what went wrong, or None."""
        if self._process is None:
            self._process = self._start()
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        request = pickle.dumps((str(module), function, arguments))
        try:
            process.stdin.write(struct.pack("<I", len(request)) + request)
            process.stdin.flush()
        except BrokenPipeError:
            return self._lost("is gone")
        readable, _, _ = select.select([process.stdout], [], [], TIMEOUT)
        if not readable:
            return self._lost(f"did not answer within {TIMEOUT:.0f} s")
        head = process.stdout.read(4)
        if len(head) < 4:
            return self._lost("ended in the middle of the test")
        answer = pickle.loads(process.stdout.read(struct.unpack("<I", head)[0]))
        return answer if answer is None else str(answer)

    def _lost(self, how: str) -> str:
        self.close()
        return f"the guest process {how}"

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture(scope="session")
def guest_process() -> Iterator[GuestProcess]:
    process = GuestProcess()
    yield process
    process.close()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "guest_process: runs in a process with the engine's overrides")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:  # all of the session's
        if item.path.parent == CHILD.parent and item.get_closest_marker("guest_process"):
            assert isinstance(item, pytest.Function)
            item.fixturenames.append("guest_process")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not pyfuncitem.get_closest_marker("guest_process"):
        return None
    names = getattr(pyfuncitem, "callspec", None)
    process = pyfuncitem.funcargs["guest_process"]
    assert isinstance(process, GuestProcess)
    problem = process.call(pyfuncitem.path, pyfuncitem.originalname, names.params if names else {})
    if problem is not None:
        pytest.fail(problem, pytrace=False)
    return True
