"""Builds the C half (core/native) against the Unicorn wheel; everything else is in pyproject.toml.

POCKETVISOR_SANITIZE=1 builds it with AddressSanitizer and UndefinedBehaviorSanitizer.
"""

import os
from importlib.util import find_spec
from pathlib import Path

from setuptools import Extension, setup

NATIVE = Path("core/native")
FLAGS = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-fvisibility=hidden", "-fno-strict-aliasing"]
LINK: list[str] = []
if os.environ.get("POCKETVISOR_SANITIZE") == "1":
    SANITIZERS = [
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=undefined",
        "-fno-omit-frame-pointer",
    ]
    FLAGS += SANITIZERS
    LINK += SANITIZERS


def unicorn() -> Path:
    """The wheel's folder, found and not imported."""
    spec = find_spec("unicorn")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("The unicorn package is missing: pip install unicorn==2.1.4")
    return Path(spec.submodule_search_locations[0])


def sources(*names: str) -> list[str]:
    return [str(NATIVE / name) for name in names]


def engine_sources() -> list[str]:
    """All of core/native but what is a library of its own."""
    alone = {"overrides.c", "stat_descriptor.c", "module_load.c"}
    return sorted(str(path) for path in NATIVE.glob("*.c") if path.name not in alone)


UNICORN = unicorn()
HEADERS = sorted(str(path) for path in NATIVE.glob("*.h"))

setup(
    ext_modules=[
        # Loaded before libunicorn, by LD_PRELOAD; exports functions of libunicorn's names.
        Extension(
            "pocketvisor._overrides",
            sources("overrides.c", "stat_descriptor.c"),
            depends=HEADERS,
            extra_compile_args=[*FLAGS, "-fvisibility=default"],
            extra_link_args=LINK,
            libraries=["dl"],
        ),
        # libunicorn comes from the wheel beside it, or from wherever _native found it before.
        Extension(
            "pocketvisor._engine",
            engine_sources(),
            depends=HEADERS,
            include_dirs=[str(NATIVE), str(UNICORN / "include")],
            library_dirs=[str(UNICORN / "lib")],
            libraries=[":libunicorn.so.2", "pthread", "dl"],
            runtime_library_dirs=["$ORIGIN/../unicorn/lib"],
            extra_compile_args=FLAGS,
            extra_link_args=LINK,
        ),
        Extension(
            "pocketvisor._native",
            sources("module_load.c"),
            extra_compile_args=FLAGS,
            extra_link_args=LINK,
            libraries=["dl"],
        ),
    ]
)
