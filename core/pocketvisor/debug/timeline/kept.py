"""Recordings that were kept: as a file of their own, or in a profile, where one is the space "recording" of a
generation. One is replayed from end to end and compared at each moment, or opened as a guest with a past.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from pocketvisor.debug.timeline.folders import new_file, recording_folder
from pocketvisor.debug.timeline.moments import Moments
from pocketvisor.debug.timeline.past import Past
from pocketvisor.debug.timeline.recorder import Recorder
from pocketvisor.errors import DebugError, PocketvisorError
from pocketvisor.guest.origin import ProfileOrigin
from pocketvisor.policies.act import Act
from pocketvisor.policies.doors import check_file
from pocketvisor.profile.file import ProfileFile, Saving
from pocketvisor.profile.tree import Space

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.handset import Handset

RECORDING: Final = "recording"
SIZE_MAX: Final = 16 << 30
_CHUNK: Final = 1 << 20
_IRQ: Final = 4
"""Clock bytes of an interrupt's entry, which may be due at the very place where a moment was taken."""

Progress = Callable[[str, float | None], None]


class ReplayReport(Struct, frozen=True, kw_only=True):
    """`digest`: blake3 of the RAM at its end. `differences`: where it came out otherwise, a sentence each."""

    moments: int
    ticks: int
    digest: str
    seconds: float
    differences: tuple[str, ...]


def recording_space(saving: Saving, path: Path) -> list[Space]:
    """A recording's file as a space of a generation. Blocks."""
    size = path.stat().st_size
    with path.open("rb") as file:

        def read(index: int) -> bytes:
            return os.pread(file.fileno(), _CHUNK, index * _CHUNK)

        return [saving.space(RECORDING, size, _CHUNK, None, None, read)]


def take_out(file: ProfileFile, number: int, path: Path) -> None:
    """Writes the recording of a profile's generation to a file. Blocks; raises DebugError, ProfileError,
    Refused."""
    check_file(file, Act.DEBUG)
    check_file(file, Act.EXPORT)
    space = file.manifest(number).space(RECORDING)
    if space is None:
        raise DebugError(f"{file.path.name} has no recording in generation {number}")
    if space.size > SIZE_MAX:
        raise DebugError(f"{file.path.name} has a recording of {space.size >> 20} MiB, more than can be had")
    reader = file.reader(space)
    try:
        with new_file(path) as target:
            for index in range(space.chunks):
                target.write(reader.chunk(index))
    except OSError as error:
        raise DebugError(f"{path}: cannot be written: {error.strerror}") from error


def recordings_in(file: ProfileFile) -> list[int]:
    """The generations that have one."""
    return [
        each.number for each in file.generations() if file.manifest(each.number).space(RECORDING) is not None
    ]


async def replay_recording(handset: "Handset", path: Path, progress: Progress | None = None) -> ReplayReport:
    """Does again all that was recorded, each piece in a process of its own, and compares RAM, position and
    clock at each moment. Raises DebugError where the file is none, or of another engine."""
    began = time.monotonic()
    moments = await asyncio.to_thread(_open, path)
    differences: list[str] = []
    digest = ""
    try:
        count = len(moments.list)
        past = await Past.open(handset, moments, 0, b"", moments.list[0].position)
        await past.close()
        for at in range(1, count):
            if progress is not None:
                progress("Replaying", (at - 1) / (count - 1))
            wanted = moments.list[at]
            target = await Past.open(handset, moments, at, b"", wanted.position)
            try:
                digest = await target.guest.digest()
            finally:
                await target.close()
            if wanted.why.startswith(("changed", "moved")):
                continue  # by a debugger, or to another rate: it goes on from here
            log = await asyncio.to_thread(moments.log_before, at)
            past = await Past.open(handset, moments, at - 1, log, wanted.position)
            try:
                await past.run_to(wanted.position)
                came_out = await past.guest.digest()
                if came_out != digest or past.position > wanted.position + _IRQ:
                    differences.append(
                        f"Moment {at} came out otherwise: {came_out[:16]}, recorded {digest[:16]}"
                    )
            except PocketvisorError as error:
                differences.append(f"Moment {at}: {error}")
            finally:
                await past.close()
        first, last = moments.list[0], moments.list[-1]
    except DebugError:
        raise
    except PocketvisorError as error:  # what a part of it holds is found out when that is wanted
        raise DebugError(f"{path.name} cannot be replayed: {error}") from error
    finally:
        await asyncio.to_thread(moments.file.close)
    return ReplayReport(
        moments=count,
        ticks=(last.position - first.position) // 4,
        digest=digest,
        seconds=time.monotonic() - began,
        differences=tuple(differences),
    )


async def open_recording(handset: "Handset", path: Path, *, name: str | None = None) -> "Guest":
    """A guest on the handset that stands where the recording ends, with the recording as its past. The file
    stays as it is. Raises DebugError, GuestError, OutOfMemory."""
    folder = await asyncio.to_thread(recording_folder)
    copy = folder / "recording.vphone"
    try:
        await asyncio.to_thread(shutil.copyfile, path, copy)
        moments = await asyncio.to_thread(_open, copy)
        try:
            manifest = await asyncio.to_thread(moments.manifest, len(moments.list) - 1)
            origin = ProfileOrigin(moments.file, manifest)
            origin.strange = True  # its network's cable is out
            guest = await handset.start_from(origin, name=name, paused=True)
        except BaseException:
            await asyncio.to_thread(moments.file.close)
            raise
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise DebugError(f"{path}: cannot be read: {error.strerror}") from error
        raise
    guest.debugger.timeline.adopt(Recorder.finished(guest, folder, moments))
    return guest


def _open(path: Path) -> Moments:
    try:
        return Moments.open(path)
    except DebugError:
        raise
    except PocketvisorError as error:
        raise DebugError(f"{path.name} is no recording: {error}") from error
