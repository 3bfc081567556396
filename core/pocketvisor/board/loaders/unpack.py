"""Compressed data, unpacked as far as a bound and not a byte further.

Left out: LZO and LZ4, for which Python has no library at hand; who meets them lets the guest unpack by
itself.
"""

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable
from typing import Final, Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_LZMA_MEMORY: Final = 256 << 20


class UnpackError(Exception):
    """One phrase that goes behind "its content"."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


MAGICS: Final = {
    "gzip": b"\x1f\x8b\x08",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\0",
    "lzma": b"\x5d\0\0",
    "zstd": b"\x28\xb5\x2f\xfd",
    "lz4": b"\x02\x21\x4c\x18",
    "lzo": b"\x89LZO\0\r\n\x1a\n",
}

_MAKERS: Final[dict[str, Callable[[], _Decompressor]]] = {
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY),
    "lzma": lambda: lzma.LZMADecompressor(format=lzma.FORMAT_ALONE, memlimit=_LZMA_MEMORY),
    "zstd": zstd.ZstdDecompressor,
}
UNPACKABLE: Final = frozenset(_MAKERS)


def compression(data: bytes | memoryview) -> str | None:
    """What data is compressed with, by its first bytes."""
    head = bytes(data[:16])
    return next((kind for kind, magic in MAGICS.items() if head.startswith(magic)), None)


def unpack(kind: str, data: bytes | memoryview, limit: int) -> bytes:
    """The content of one stream; what follows it is ignored. Raises UnpackError."""
    if kind not in _MAKERS:
        raise UnpackError(f"is compressed with {kind}, which cannot be unpacked here")
    decompressor = _MAKERS[kind]()
    try:
        content = decompressor.decompress(bytes(data), limit + 1)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, zstd.ZstdError, MemoryError) as error:
        raise UnpackError(f"is damaged: {error}") from error
    if len(content) > limit:
        raise UnpackError(f"unpacks to more than the {limit >> 20} MiB there is room for")
    if not decompressor.eof:
        raise UnpackError("is truncated")
    return content
