"""A recording file is read whole or refused with a sentence, whatever was done to it."""

from pathlib import Path

import msgspec
import pytest

from pocketvisor.errors import RecordingError
from pocketvisor.recording import (
    Recording,
    RecordingEnd,
    RecordingHead,
    check_replay,
    read_recording,
    write_recording,
)

HEAD = RecordingHead(
    engine="e1",
    guest="G",
    image="g",
    model="m",
    digests={"elf": "aa"},
    ram_mib=16,
    rtc_epoch=1,
    tick_ps=500,
    panel=(320, 480),
)
RECORDING = Recording(HEAD, b"log" * 1000, RecordingEnd(ticks=5, digest="d", reason="paused"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "r.pvrec"
    write_recording(path, RECORDING)
    return path


def test_what_is_written_is_read(file: Path) -> None:
    assert read_recording(file) == RECORDING


def test_every_truncation_is_told(file: Path) -> None:
    whole = file.read_bytes()
    for length in [*range(0, 400, 7), *range(400, len(whole), 211), len(whole) - 1]:
        file.write_bytes(whole[:length])
        with pytest.raises(RecordingError, match=rf"{file.name}: is (cut off|no recording)"):
            read_recording(file)


def test_every_changed_byte_is_noticed(file: Path) -> None:
    whole = file.read_bytes()
    for at in range(0, len(whole), 13):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1 :])
        with pytest.raises(RecordingError, match=file.name):
            read_recording(file)


def test_another_version_is_refused_by_name(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:8] + b"\x09" + whole[9:])
    with pytest.raises(RecordingError, match="version 9"):
        read_recording(file)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"engine": "e2"}, "engine 'e1', this is 'e2'"),
        ({"digests": {"elf": "bb"}}, "another elf"),
        ({"ram_mib": 32}, "another RAM size"),
        ({"panel": (480, 800)}, "another panel size"),
        ({"append": "quiet"}, "another kernel command line"),
    ],
)
def test_a_replay_on_something_else_is_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(RecordingError, match=sentence):
        check_replay(HEAD, msgspec.structs.replace(HEAD, **change))
