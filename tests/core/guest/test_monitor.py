"""The words of the tests' guest are its source's."""

import shutil
import subprocess
from pathlib import Path

import pytest
from monitor import code


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs gcc-arm-none-eabi")
def test_the_monitor_is_its_source(tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "monitor.S"
    built, flat = tmp_path / "monitor.o", tmp_path / "monitor.bin"
    subprocess.run(["arm-none-eabi-gcc", "-nostdlib", "-c", source, "-o", built], check=True, timeout=60)
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", built, flat], check=True, timeout=60)
    words = flat.read_bytes()
    assert words.ljust(-(-len(words) // 4) * 4, b"\0") == code()
