"""The keys service's messages under sanitizers, whatever a caller sends."""

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "sample_guests"
PARTS = ("service", "accounts", "keystore", "chacha20_poly1305")


def test_random_and_changed_messages(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    program = tmp_path / "keys_fuzz"
    command = [compiler, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Wall"]
    command += ["-fno-builtin", f"-I{SOURCES / 'lib'}", f"-I{SOURCES / 'keys'}", "-o", str(program)]
    sources = [Path(__file__).with_name("keys_fuzz.c"), SOURCES / "lib" / "text.c"]
    sources += [SOURCES / "keys" / f"{part}.c" for part in PARTS]
    subprocess.run([*command, *sources], check=True, timeout=400)
    ran = subprocess.run([program], capture_output=True, text=True, timeout=400)
    assert ran.returncode == 0, ran.stderr
    counts, played = ran.stdout.splitlines()
    assert all(int(count) for count in counts.split()), f"each status came: {counts}"
    assert int(played) > 1000
