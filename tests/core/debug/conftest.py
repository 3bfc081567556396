"""A small program with all kinds of variables and a chain of calls, built with a real compiler."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("calls.c")
START = 0x40200000
Build = Callable[..., Path]


@pytest.fixture(scope="session")
def built_program(tmp_path_factory: pytest.TempPathFactory) -> Build:
    compiler = shutil.which("arm-none-eabi-gcc")
    if compiler is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    folder = tmp_path_factory.mktemp("programs")

    def build(name: str, *flags: str) -> Path:
        path = folder / name
        if not path.exists():
            command = [
                compiler,
                "-mcpu=cortex-a9",
                "-mfloat-abi=soft",
                "-ffreestanding",
                "-nostdlib",
                "-static",
            ]
            command += ["-std=c11", "-O1", "-fno-optimize-sibling-calls", "-Wall", "-Wextra", "-Werror"]
            command += [f"-Wl,-Ttext={START:#x}", "-Wl,--no-warn-rwx-segments", *flags]
            subprocess.run([*command, "-o", str(path), str(SOURCE)], check=True, timeout=60)
        return path

    return build
