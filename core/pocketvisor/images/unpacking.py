"""What zipfile and tarfile read an archive through, since both believe the sizes that it says.

tarfile reads a long name, or a map of holes, whole into memory, and both may be gibibytes of zeros in a small
archive; zipfile does so with the list of all names. Here each is bounded, and xz is not given gibibytes to
unpack with.
"""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, cast

HEADER_MAX: Final = 64 << 10
"""Bytes of one of a member's headers, and of a name or a comment."""
HEADERS_MAX: Final = 4 << 20
"""Of all headers of one member: a disk of many pieces has a long map of them."""
NAMES_MAX: Final = 4 << 20
"""Of the list of names at a zip archive's end."""
XZ_MEMORY: Final = 256 << 20
_PIECE: Final = 256 << 10


class TarStream(io.RawIOBase):
    """A tar archive, unpacked while it is read from beginning to end.

    Headers are counted from headers() on, until content() says that what follows is a file's."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._piece = memoryview(b"")
        self._at = 0
        self._left: int | None = HEADERS_MAX

    def headers(self) -> None:
        self._left = HEADERS_MAX

    def content(self) -> None:
        self._left = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, position: int, whence: int = 0, /) -> int:
        """Forward alone, and not beyond the end."""
        if whence or position < self._at:
            raise tarfile.StreamError("it leads back to where it has been")
        while self._at < position and self._fill():
            self._take(position - self._at)
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        if self._left is not None:
            if not 0 <= size <= min(HEADER_MAX, self._left):
                raise tarfile.ReadError("its headers are larger than those of any guest")
            self._left -= size
        pieces = []
        while size and self._fill():
            pieces.append(self._take(size))
            size -= len(pieces[-1])
        return b"".join(pieces)

    def _fill(self) -> bool:
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._piece = memoryview(piece)
        return True

    def _take(self, size: int) -> memoryview:
        taken, self._piece = self._piece[:size], self._piece[size:]
        self._at += len(taken)
        return taken


class ZipFileIn(io.FileIO):
    """A zip archive's file. Content is read in pieces, so that only a list of names could be so long."""

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = NAMES_MAX + 1 if size is None or size < 0 else size
        if wanted > NAMES_MAX and self.tell() + NAMES_MAX < self.seek_end():
            raise zipfile.BadZipFile("its list of names is longer than that of any guest")
        return super().read(wanted)

    def seek_end(self) -> int:
        """How long it is; it stays where it is."""
        at = self.tell()
        end = self.seek(0, io.SEEK_END)
        self.seek(at)
        return end


def tar_members(pieces: Iterator[bytes]) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Each with its content, to be read before the next one is asked for; None where it is no regular file.
    Raises tarfile.TarError and ValueError for what is no sound archive, and what the pieces raise."""
    stream = TarStream(pieces)
    with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r:") as archive:
        while True:
            stream.headers()
            info = archive.next()
            if info is None:
                return
            content = archive.extractfile(info) if info.isreg() else None
            stream.content()
            yield info, content


def tar_pieces(path: Path) -> Iterator[bytes]:
    """A tar archive's bytes, by what its first ones say that it is packed with. Raises what the unpacking
    raises: EOFError, OSError, zlib.error, lzma.LZMAError."""
    with path.open("rb") as file:
        head = file.read(6)
        file.seek(0)
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(file) as unpacked:
                yield from pieces_of(unpacked)
        elif head.startswith(b"BZh"):
            with bz2.open(file) as plain:
                yield from pieces_of(plain)
        elif head.startswith((b"\xfd7zXZ\0", b"\x5d\0\0\x80")):
            yield from _unxz(file)
        else:
            yield from pieces_of(file)


def pieces_of(file: Any) -> Iterator[bytes]:
    """Of one that is unpacked already."""
    while piece := file.read(_PIECE):
        yield piece


def _unxz(file: IO[bytes]) -> Iterator[bytes]:
    """One stream after another, with zeros between them, as xz itself takes them."""
    data = file.read(_PIECE)
    while data:
        unpacking = lzma.LZMADecompressor(memlimit=XZ_MEMORY)
        while not unpacking.eof:
            if unpacking.needs_input and not data:
                data = file.read(_PIECE)
                if not data:
                    raise EOFError("it ends too early")
            piece = unpacking.decompress(data, _PIECE)
            data = b""
            if piece:
                yield piece
        data = unpacking.unused_data.lstrip(b"\0")
        while not data and (more := file.read(_PIECE)):
            data = more.lstrip(b"\0")
