"""Archives made to harm whoever unpacks them: each ends in a sentence, soon, and in little memory."""

import io
import lzma
import random
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from pocketvisor.errors import ImageError
from pocketvisor.images.archive import unpack_archive

TOML = b'name = "x"\nkind = "elf"\nelf = "e"\n'


def unpack(archive: Path) -> Path:
    return unpack_archive(archive, archive.parent / "out", lambda sentence, done: None, lambda: False)


def header(kind: bytes, size: int, name: str = "e") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def tar_of(size: int = 3 << 20) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as out:
        for name, content in (("guest.toml", TOML), ("e", bytes(range(256)) * (size // 256))):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize(
    "kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE]
)
def test_a_name_of_many_mebibytes_is_not_read_into_memory(tmp_path: Path, kind: bytes) -> None:
    size = 96 << 20
    bomb = tmp_path / "bomb.tar.xz"
    bomb.write_bytes(lzma.compress(tar_of(0)[:1024] + header(kind, size) + bytes(size), preset=0))
    tracemalloc.start()
    try:
        with pytest.raises(ImageError, match="is no sound archive"):
            unpack(bomb)
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


def test_a_map_of_holes_without_an_end_is_not_read_for_ever(tmp_path: Path) -> None:
    """GNU's old kind of sparse file: a block of the map says whether another one follows."""
    first = bytearray(header(tarfile.GNUTYPE_SPARSE, 0))
    first[482] = 1
    first[148:156] = b"%06o\0 " % (256 + sum(first[:148]) + sum(first[156:512]))
    more = (b"00000000000\0" * 42).ljust(504, b"\0") + b"\1" + bytes(7)
    (tmp_path / "bomb.tar.xz").write_bytes(lzma.compress(bytes(first) + more * (16 << 11), preset=0))
    with pytest.raises(ImageError, match="its headers are larger"):
        unpack(tmp_path / "bomb.tar.xz")


def test_an_xz_that_wants_gibibytes_to_unpack_is_refused(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 64 << 20}]
    packed = bytearray(lzma.compress(tar_of(), format=lzma.FORMAT_XZ, filters=filters))
    size = 4 * (packed[12] + 1)
    at = packed.index(b"\x21\x01", 12, 12 + size) + 2
    packed[at] = 40  # 4 GiB less one byte
    packed[12 + size - 4 : 12 + size] = struct.pack("<I", zlib.crc32(packed[12 : 12 + size - 4]))
    (tmp_path / "bomb.tar.xz").write_bytes(packed)
    with pytest.raises(ImageError, match="is no sound archive"):
        unpack(tmp_path / "bomb.tar.xz")


def test_a_zip_whose_content_is_damaged_is_said_to_be(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("guest.toml", TOML)
        out.writestr("e", bytes(range(256)) * 4096)
    content = bytearray(stream.getvalue())
    at = content.index(b"PK\x03\x04", 4) + 60
    content[at : at + 40] = b"\xff" * 40
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ImageError, match="is no sound archive"):
        unpack(tmp_path / "a.zip")


@pytest.mark.parametrize("mode", ["gz", "bz2", "xz"])
def test_a_tar_whose_content_is_damaged_is_said_to_be(tmp_path: Path, mode: str) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{mode}") as out:  # type: ignore[call-overload]
        info = tarfile.TarInfo("e")
        info.size = 1 << 20
        out.addfile(info, io.BytesIO(random.Random(1).randbytes(1 << 20)))
    content = bytearray(stream.getvalue())
    content[len(content) // 2 : len(content) // 2 + 64] = bytes(64)
    (tmp_path / f"a.tar.{mode}").write_bytes(content)
    with pytest.raises(ImageError, match="is no sound archive"):
        unpack(tmp_path / f"a.tar.{mode}")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_would_be_unpacked_at_one_stroke_is_refused(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as out:
        out.writestr("e", bytes(96 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(ImageError, match="packed in another way"):
            unpack(tmp_path / "a.zip")
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


def test_a_zip_that_says_its_content_is_beyond_all_files_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as out:
        info = zipfile.ZipInfo("e")
        out.writestr(info, b"x")
        info.extra = struct.pack("<HHQ", 1, 8, (1 << 64) - 1)
    content = bytearray(stream.getvalue())
    at = content.index(b"PK\x01\x02") + 42
    content[at : at + 4] = b"\xff" * 4  # where it is, is in the extra field
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ImageError, match="is no sound archive"):
        unpack(tmp_path / "a.zip")


def test_a_zip_with_a_million_names_is_refused_before_they_are_read(tmp_path: Path) -> None:
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *[0] * 9, 1, *[0] * 6) + b"e"
    count = 400_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0, 0, count * len(entry), 0, 0)
    (tmp_path / "a.zip").write_bytes(entry * count + end)
    tracemalloc.start()
    try:
        with pytest.raises(ImageError, match="is no sound archive"):
            unpack(tmp_path / "a.zip")
        assert tracemalloc.get_traced_memory()[1] < 48 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
def test_a_sound_one_is_unpacked_whatever_it_is_packed_with(tmp_path: Path, name: str) -> None:
    mode = name.rpartition(".")[2]
    with (
        tarfile.open(tmp_path / name, "w" if mode == "tar" else f"w:{mode}") as out,  # type: ignore[call-overload]
        tarfile.open(fileobj=io.BytesIO(tar_of())) as whole,
    ):
        for info in whole:
            info.pax_headers = {"comment": "x" * 3000}
            out.addfile(info, whole.extractfile(info))
    folder = unpack(tmp_path / name)
    assert (folder / "guest.toml").read_bytes() == TOML
    assert (folder / "e").read_bytes() == bytes(range(256)) * (3 << 12)


def test_an_xz_of_two_streams_and_the_zeros_between_them_is_one_archive(tmp_path: Path) -> None:
    whole = tar_of()
    packed = (
        lzma.compress(whole[:5000], preset=0) + bytes(8) + lzma.compress(whole[5000:], preset=0) + bytes(4)
    )
    (tmp_path / "a.txz").write_bytes(packed)
    assert (unpack(tmp_path / "a.txz") / "e").stat().st_size == 3 << 20


def test_a_sparse_file_keeps_its_content(tmp_path: Path) -> None:
    """As GNU tar writes disks: here with a map of two pieces in the data (version 1.0)."""
    content = b"2\n0\n3\n1048576\n4\n".ljust(512, b"\0") + b"abc" + b"tail"
    info = tarfile.TarInfo("e")
    info.size = len(content)
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "disk.img",
        "GNU.sparse.realsize": str((1 << 20) + 4),
    }
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as out:
        toml = tarfile.TarInfo("guest.toml")
        toml.size = len(TOML)
        out.addfile(toml, io.BytesIO(TOML))
        out.addfile(info, io.BytesIO(content))
    folder = unpack(tmp_path / "a.tar")
    assert (folder / "disk.img").read_bytes() == b"abc" + bytes((1 << 20) - 3) + b"tail"
