"""A recording's file: the moments of a guest's life that were kept whole, and what entered it between them.

It is a profile file (profile/FORMAT.md) of its own. Each generation is a moment: RAM, state, disks and the
picture as they were, and besides two spaces: "moment", which is the msgpack of Moment, and "log", what has
entered the guest since the moment before (core/native/events.h). So each piece between two moments can be had
again by itself.
"""

import time
from bisect import bisect_right
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct, structs

from pocketvisor.errors import DebugError, ProfileError
from pocketvisor.profile.file import ProfileFile, Saving
from pocketvisor.profile.manifest import Manifest
from pocketvisor.profile.tree import Space

MOMENT: Final = "moment"
LOG: Final = "log"
LOG_MAX: Final = 512 << 20
MOMENTS_MAX: Final = 3600
_CHUNK: Final = 64 << 10
_MOMENT_MAX: Final = 1 << 20

Bits = Annotated[bytes, Meta(max_length=128 << 10)]
Picture = Annotated[bytes, Meta(max_length=256 << 10)]
Unsigned = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]


class Moment(Struct, frozen=True, kw_only=True):
    """`position` in clock bytes, `clock_ns` of the guest, `made_ns` of the host. `pages`: which pages of RAM
    were written since the moment before, a bit each; none where that is not known. `why`: what made it, if it
    was not time alone. `number`: of its generation, `bytes`: what it added to the file."""

    position: Unsigned
    clock_ns: Unsigned
    made_ns: Unsigned
    engine: Annotated[str, Meta(max_length=200)] = ""
    pages: Bits = b""
    why: Annotated[str, Meta(max_length=100)] = ""
    number: int = 0
    bytes: int = 0
    thumbnail: Picture = b""


class Moments:
    """Oldest first. Its file is open; calls that read it block."""

    def __init__(self, file: ProfileFile) -> None:
        self.file = file
        self.list: list[Moment] = []

    @classmethod
    def open(cls, path: Path) -> "Moments":
        """A recording that was kept. Raises ProfileError or DebugError."""
        file = ProfileFile.open(path, read_only=True)
        try:
            moments = cls(file)
            generations = file.generations()
            if len(generations) > MOMENTS_MAX:
                raise DebugError(f"{path.name} has {len(generations)} moments, more than a recording")
            for generation in generations:
                manifest = file.manifest(generation.number)
                kept = _decode(moments._space(manifest, MOMENT, _MOMENT_MAX), path)
                moments.list.append(
                    structs.replace(
                        kept,
                        number=generation.number,
                        bytes=generation.added,
                        thumbnail=manifest.thumbnail,
                        made_ns=generation.created_ns,
                    )
                )
            positions = [moment.position for moment in moments.list]
            if not positions or positions != sorted(positions):
                raise DebugError(f"{path.name} is no recording: its moments are in no order")
        except BaseException:
            file.close()
            raise
        return moments

    def at(self, position: int) -> int:
        """Index of the last moment that is not behind a position. Raises DebugError."""
        index = bisect_right(self.list, position, key=lambda moment: moment.position) - 1
        if index < 0:
            raise DebugError("The recording does not go back that far")
        return index

    def manifest(self, index: int) -> Manifest:
        return self.file.manifest(self.list[index].number)

    def log_before(self, index: int) -> bytes:
        """What has entered the guest between the moment before this one and it."""
        return self._space(self.manifest(index), LOG, LOG_MAX)

    def _space(self, manifest: Manifest, name: str, most: int) -> bytes:
        space = manifest.space(name)
        if space is None:
            raise ProfileError(f"{self.file.path.name} is no recording: a moment in it has no {name}")
        if space.size > most:
            raise ProfileError(f"{self.file.path.name} is damaged: a {name} has {space.size} bytes")
        return self.file.reader(space).read(0, space.size)


def write_moment(saving: Saving, moment: Moment, log: bytes) -> list[Space]:
    """The two spaces of its own. Blocks."""
    plain = structs.replace(moment, number=0, bytes=0, thumbnail=b"")
    contents = {MOMENT: msgspec.msgpack.encode(plain), LOG: log}
    spaces = []
    for name, content in contents.items():

        def read(index: int, content: bytes = content) -> bytes:
            return content[index * _CHUNK : (index + 1) * _CHUNK]

        spaces.append(saving.space(name, len(content), _CHUNK, None, None, read))
    return spaces


def now_ns() -> int:
    return time.time_ns()


def _decode(content: bytes, path: Path) -> Moment:
    try:
        return msgspec.msgpack.decode(content, type=Moment)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DebugError(f"{path.name} is no recording: {error}") from error
