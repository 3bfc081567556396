"""The initrd's archive: what is written is what another reader finds, and a damaged one is refused."""

import io
import shutil
import subprocess

import pytest

from pocketvisor.errors import ImageError
from pocketvisor.images import cpio

ENTRIES = [
    cpio.folder("bin"),
    cpio.file("bin/program", b"odd", executable=True),
    cpio.file("empty", b""),
    cpio.link("init", "bin/program"),
]


def test_what_is_packed_is_read_back_and_is_the_same_each_time() -> None:
    packed = cpio.pack(ENTRIES)
    assert packed == cpio.pack(ENTRIES)
    assert list(cpio.read(io.BytesIO(packed))) == ENTRIES


@pytest.mark.skipif(shutil.which("cpio") is None, reason="needs the cpio program")
def test_the_cpio_program_reads_it() -> None:
    run = subprocess.run(
        ["cpio", "-tv", "--quiet"], input=cpio.pack(ENTRIES), capture_output=True, check=True, timeout=30
    )
    lines = run.stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == ["drwxr-xr-x", "-rwxr-xr-x", "-rw-r--r--", "lrwxrwxrwx"]
    assert lines[3].endswith("init -> bin/program")


@pytest.mark.parametrize("cut", [0, 50, 110, 115, 300])
def test_a_cut_archive_is_refused(cut: int) -> None:
    with pytest.raises(ImageError):
        list(cpio.read(io.BytesIO(cpio.pack(ENTRIES)[:cut])))


def test_a_file_larger_than_the_bound_is_refused() -> None:
    with pytest.raises(ImageError, match="too large"):
        list(cpio.read(io.BytesIO(cpio.pack(ENTRIES)), largest=2))


def test_garbage_in_the_header_is_refused() -> None:
    packed = bytearray(cpio.pack(ENTRIES))
    packed[20:28] = b"zzzzzzzz"
    with pytest.raises(ImageError, match="damaged"):
        list(cpio.read(io.BytesIO(bytes(packed))))
