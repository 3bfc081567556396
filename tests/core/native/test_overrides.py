"""The engine works with its overrides in effect, and otherwise says what is wrong rather than run wrongly."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

NATIVE = "from pocketvisor import _native; print(_native.overrides_problem())"


def library(name: str) -> Path:
    spec = find_spec(f"pocketvisor.{name}")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin)


def libunicorn() -> Path:
    spec = find_spec("unicorn")
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "lib" / "libunicorn.so.2"


def problem(before: str, preload: bool = False) -> str:
    """What a fresh process says of the overrides, with some code run before the engine is loaded."""
    environment = dict(os.environ)
    if preload:  # behind a sanitizer's library, if there is one
        preloads = [*os.environ.get("LD_PRELOAD", "").split(), str(library("_overrides"))]
        environment["LD_PRELOAD"] = " ".join(preloads)
    command = [sys.executable, "-c", f"import ctypes; {before}; {NATIVE}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def load(path: Path, mode: str = "RTLD_GLOBAL") -> str:
    return f"ctypes.CDLL({str(path)!r}, ctypes.{mode})"


def test_preloaded() -> None:
    assert problem("pass", preload=True) == "None"


def test_preloaded_with_the_binding_in_use() -> None:
    assert problem("import unicorn; unicorn.Uc(unicorn.UC_ARCH_ARM, 0)", preload=True) == "None"


def test_loaded_before_libunicorn() -> None:
    assert problem(load(library("_overrides"))) == "None"


def test_missing() -> None:
    assert "not loaded" in problem("pass")


@pytest.mark.parametrize("mode", ["RTLD_GLOBAL", "RTLD_LOCAL"])
def test_too_late(mode: str) -> None:
    late = f"{load(libunicorn(), mode)}; {load(library('_overrides'))}"
    assert "too late" in problem(late)
