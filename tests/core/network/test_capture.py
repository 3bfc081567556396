"""A capture is what tcpdump and Wireshark read, and ends with a whole frame whatever happens."""

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from pocketvisor.network.capture import Capture

ARP = (
    b"\xff" * 6
    + bytes.fromhex("020000000001 0806 0001080006040001 020000000001 0a070001 000000000000 0a070002")
    + bytes(18)
)


def opened(path: Path, most: int = 1 << 20) -> Capture:
    return Capture(os.open(path, os.O_WRONLY | os.O_CREAT), most)


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")
def test_tcpdump_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "frames.pcap"
    capture = opened(path)
    capture.add(ARP, 1_700_000_000.25)
    capture.add(ARP, 1_700_000_000.999999)
    capture.close()
    run = subprocess.run(
        ["tcpdump", "-tt", "-n", "-r", path], capture_output=True, text=True, check=True, timeout=20
    )
    lines = run.stdout.splitlines()
    assert lines[0].startswith("1700000000.250000 ARP, Request who-has 10.7.0.2 tell 10.7.0.1")
    assert lines[1].startswith("1700000000.999999") or lines[1].startswith("1700000000.999998")
    assert "EN10MB" in run.stderr


def test_it_ends_at_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "frames.pcap"
    capture = opened(path, 1000)
    while capture.open:
        capture.add(ARP, 1.0)
    assert capture.problem.startswith("the capture is complete") and capture.frames == 12
    assert path.stat().st_size == 24 + 12 * (16 + len(ARP)) <= 1000
    capture.add(ARP, 1.0)


def test_a_full_disk_ends_it_with_a_sentence() -> None:
    capture = Capture(os.open("/dev/full", os.O_WRONLY), 1 << 20)
    assert not capture.open and capture.problem == "the capture ended: No space left on device"


def test_what_did_not_fit_wholly_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "frames.pcap"
    capture = opened(path)
    capture.add(ARP, 1.0)
    size = path.stat().st_size
    real = os.writev

    def short(fd: int, parts: list[bytes]) -> int:
        return real(fd, [b"".join(parts)[:20]])

    monkeypatch.setattr("pocketvisor.network.capture.os.writev", short)
    capture.add(ARP, 2.0)
    assert not capture.open and path.stat().st_size == size
    assert struct.unpack_from("<I", path.read_bytes())[0] == 0xA1B2C3D4
