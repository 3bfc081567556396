"""A capture file in the classic pcap format (LINKTYPE_ETHERNET), as Wireshark and tcpdump read it.

Written to a descriptor that somebody else opened. Frames are whole and their checksums complete; one that
was left for a card to segment is one record, as in a capture on any host. At its bound, or on a full disk,
it ends with the last whole record.
"""

import os
import stat
import struct
from pathlib import Path
from typing import Final

from pocketvisor.errors import NetworkError

_FILE: Final = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
_RECORD: Final = struct.Struct("<IIII")


class Capture:
    def __init__(self, fd: int, most: int) -> None:
        """Takes over the descriptor of an empty file. `most` bytes go into it."""
        self._fd = fd
        self._most = most
        self._size = 0
        self.frames = 0
        self.problem = ""
        """Why it ended by itself."""
        self._write([_FILE])

    @property
    def open(self) -> bool:
        return self._fd >= 0

    def add(self, frame: bytes, seconds: float) -> None:
        """`seconds` of the wall clock."""
        if self._fd < 0:
            return
        whole = int(seconds)
        microseconds = min(int((seconds - whole) * 1e6), 999_999)
        if self._size + _RECORD.size + len(frame) > self._most:
            self.problem = f"the capture is complete: it has reached {self._most >> 20} MiB"
            self.close()
            return
        if self._write([_RECORD.pack(whole, microseconds, len(frame), len(frame)), frame]):
            self.frames += 1

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write(self, parts: list[bytes]) -> bool:
        size = sum(len(part) for part in parts)
        try:
            if os.writev(self._fd, parts) != size:
                os.ftruncate(self._fd, self._size)
                raise OSError(28, "No space left on device")
        except OSError as error:
            self.problem = f"the capture ended: {error.strerror}"
            self.close()
            return False
        self._size += size
        return True


def open_capture(path: Path) -> int:
    """A descriptor for a Capture: the file is new, or empty now. Raises NetworkError."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise NetworkError(f"{path}: is no file that a capture can be written to")
            os.ftruncate(fd, 0)
        except BaseException:
            os.close(fd)
            raise
    except OSError as error:
        raise NetworkError(f"{path}: cannot be written: {error.strerror}") from error
    return fd
