"""Recordings of programs that are gone leave nothing behind; those of others stay."""

import os
import subprocess
from pathlib import Path

import pytest

from pocketvisor.debug.timeline.folders import recording_folder
from pocketvisor.errors import DebugError


def test_what_killed_programs_left_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = tmp_path / "pocketvisor"
    cache.mkdir()
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = cache / f"recording-{gone.pid}-abc"
    left.mkdir()
    (left / "recording.vphone").write_bytes(b"x")
    outside = tmp_path / "outside"
    outside.mkdir()
    link = cache / f"recording-{gone.pid}-link"
    link.symlink_to(outside)
    odd = cache / "recording-odd-1"
    odd.mkdir()
    mine = recording_folder()
    assert not left.exists()
    assert outside.exists() and link.is_symlink() and odd.exists()
    assert mine.stat().st_mode & 0o777 == 0o700
    other = recording_folder()
    assert mine.exists() and other.exists()
    assert str(os.getpid()) in other.name
    os.rmdir(mine)
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/nowhere")
    with pytest.raises(DebugError, match="no room"):
        recording_folder()
