"""Bytes made small: a method, and data. What comes out is bounded by what the caller expects."""

import threading
from typing import Final

from backports import zstd

from pocketvisor.errors import DamagedProfile
from pocketvisor.profile.sealing import Buffer

AS_IS: Final = b"\0"
ZSTD: Final = b"\1"
LEVEL: Final = 1
WINDOW_LOG: Final = 20

_OPTIONS: Final[dict[int, int]] = {zstd.DecompressionParameter.window_log_max: WINDOW_LOG}
_COMPRESSION: Final[dict[int, int]] = {
    zstd.CompressionParameter.compression_level: LEVEL,
    zstd.CompressionParameter.window_log: WINDOW_LOG,
}
_local = threading.local()


def pack(plain: Buffer) -> bytes:
    """Never longer than the plain bytes and one."""
    compressor: zstd.ZstdCompressor | None = getattr(_local, "compressor", None)
    if compressor is None:  # made once for a thread: making one costs as much as a chunk
        compressor = _local.compressor = zstd.ZstdCompressor(options=_COMPRESSION)
    frame = compressor.compress(plain, mode=compressor.FLUSH_FRAME)
    return ZSTD + frame if len(frame) < len(plain) else AS_IS + bytes(plain)


def unpack(packed: bytes, most: int) -> bytes:
    """Raises DamagedProfile, without a name, for what is no packed bytes or would be more than `most`."""
    method, data = packed[:1], packed[1:]
    if method == AS_IS:
        if len(data) > most:
            raise DamagedProfile("it is larger than it may be")
        return data
    if method != ZSTD:
        raise DamagedProfile("it is packed in an unknown way")
    decompressor = zstd.ZstdDecompressor(options=_OPTIONS)
    try:
        plain = decompressor.decompress(data, max_length=most + 1)
    except (zstd.ZstdError, EOFError) as error:
        raise DamagedProfile("it does not decompress") from error
    if len(plain) > most:
        raise DamagedProfile("it decompresses to more than it may")
    if not decompressor.eof or decompressor.unused_data:
        raise DamagedProfile("it does not decompress to an end")
    return plain
