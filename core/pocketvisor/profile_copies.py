"""Whole profiles that are carried: to a file of the user's, into the library, and as a profile of its own.

A copy is complete or not there: it is written beside its place under another name, synced and renamed. The
copy of a file that a guest is saved to meanwhile is of one moment. Everything here blocks.
"""

import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from msgspec import structs

from pocketvisor.errors import ProfileError
from pocketvisor.guest import record
from pocketvisor.policies.act import Act
from pocketvisor.policies.doors import check_file, check_path
from pocketvisor.profile.connection import connect, told
from pocketvisor.profile.file import Generation, ProfileFile, ProfileInfo
from pocketvisor.profile.keys import NewKeys
from pocketvisor.profiles import checked_name, free_profile, library, new_profile, profile_info

_PAGES: Final = 16
"""Of 64 KiB: what is copied before somebody can stop it."""

Progress = Callable[[str, float | None], None]


class Cancelled(ProfileError):
    """Somebody did not want the copy any more; nothing of it is left."""


def export(source: Path, target: Path, progress: Progress, stop: threading.Event | None = None) -> Path:
    """The whole profile with its history, as a file at `target` or in that folder. Needs no key.

    Raises ProfileError, Refused."""
    check_path(source, Act.EXPORT)
    if target.is_dir():
        target = target / source.name
    target = new_profile(os.fspath(target.absolute()))
    _check_room(source, target.parent)
    with _completed(target) as unfinished:
        _copy(source, unfinished, progress, stop or threading.Event())
    return target


def take_in(
    source: Path,
    progress: Progress,
    *,
    name: str | None = None,
    replace: bool = False,
    stop: threading.Event | None = None,
) -> Path:
    """A copy in the library. Where the library has this profile already: with `replace`, and if its history
    is the beginning of the newer one's, the copy takes its place.

    Raises ProfileError."""
    info = profile_info(source)
    known = next((each for each in library() if each.info is not None and each.info.id == info.id), None)
    if known is not None and known.path.samefile(source):
        raise ProfileError(f"{source}: is in the library already")
    if known is None:
        target = new_profile(name) if name else free_profile(_name_of(source))
    elif not replace:
        raise ProfileError(
            f"{source.name} is the same profile as '{known.name}' of the library: --replace puts what is "
            "newer in its place, 'pocketvisor profile clone' makes another profile of it"
        )
    else:
        target = known.path
        assert known.info is not None
        _check_newer(known.info, info, known.name, source.name)
    _check_room(source, target.parent)
    with _completed(target, replace=known is not None) as unfinished:
        _copy(source, unfinished, progress, stop or threading.Event())
    return target


def duplicate(
    source: ProfileFile,
    target: Path,
    number: int,
    keys: NewKeys | None,
    progress: Progress,
    stop: threading.Event | None = None,
) -> Generation:
    """A profile of its own, with one generation: that of this number. `source` is unlocked. Nobody governs
    it: who may not export a phone does not get a free one in this way either.

    Raises ProfileError, Refused."""
    check_file(source, Act.CLONE)
    check_file(source, Act.EXPORT)
    manifest = source.manifest(number)
    guest = record.decode(manifest.guest)
    guest = structs.replace(guest, name=target.stem[:64])
    with _completed(target) as unfinished:
        made = ProfileFile.create(unfinished, keys)
        try:
            with made.begin(0) as saving:
                saving.progress = _stopping(progress, stop or threading.Event())
                spaces = [
                    saving.space(
                        space.name, space.size, space.chunk_size, None, None, source.reader(space).chunk
                    )
                    for space in manifest.spaces
                ]
                generation = saving.commit(
                    name=manifest.name,
                    kind=manifest.kind,
                    guest=record.encode(guest),
                    spaces=spaces,
                    thumbnail=manifest.thumbnail,
                    board=manifest.board,
                )
        finally:
            made.close()
    return generation


def _copy(source: Path, target: Path, progress: Progress, stop: threading.Event) -> None:
    """Page by page, as of one moment, whatever is written to the source meanwhile."""
    tell = _stopping(progress, stop)

    def pages(_: int, remaining: int, total: int) -> None:
        tell("Copying", (total - remaining) / total if total else None)

    profile_info(source)
    with told(source, "copied"):
        reader = connect(source, "ro")
        try:
            writer = connect(target, "rwc")
            try:
                reader.execute("BEGIN").fetchall()
                reader.execute("SELECT count(*) FROM records").fetchall()
                reader.backup(writer, pages=_PAGES, progress=pages)
                mode = writer.execute("PRAGMA journal_mode=DELETE").fetchone()
                assert mode is not None
            finally:
                writer.close()
        finally:
            reader.close()
    tell("Syncing", None)
    profile_info(target)


@contextmanager
def _completed(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """The path to write to, which takes the target's place when the block is through."""
    unfinished = target.with_name(f".{target.stem[:80]}.{secrets.token_hex(4)}.part")
    try:
        yield unfinished
        with told(target, "written"):
            _sync(unfinished)
            if replace:
                unfinished.replace(target)
            else:
                _rename_new(unfinished, target)
            _sync(target.parent)
    finally:
        for path in (unfinished, *(Path(f"{unfinished}{more}") for more in ("-journal", "-wal", "-shm"))):
            with suppress(OSError):
                path.unlink()


def _rename_new(unfinished: Path, target: Path) -> None:
    """Never over another file, on file systems without links too."""
    try:
        os.link(unfinished, target)
    except FileExistsError:
        raise ProfileError(f"{target}: there is such a file already") from None
    except OSError:
        if os.path.lexists(target):
            raise ProfileError(f"{target}: there is such a file already") from None
        unfinished.rename(target)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _stopping(progress: Progress, stop: threading.Event) -> Progress:
    def tell(words: str, done: float | None) -> None:
        if stop.is_set():
            raise Cancelled("It was cancelled, and nothing was written")
        progress(words, done)

    return tell


def _check_room(source: Path, folder: Path) -> None:
    try:
        free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        size = source.stat().st_size
    except OSError as error:
        raise ProfileError(f"{folder}: cannot be written: {error.strerror}") from error
    if size > free:
        raise ProfileError(f"{folder}: {size >> 20} MiB are needed there, {free >> 20} are left")


def _check_newer(known: ProfileInfo, other: ProfileInfo, name: str, file: str) -> None:
    """That nothing of `known` is missing in `other`."""
    there = {generation.number: generation.digest for generation in other.generations}
    for generation in known.generations:
        if there.get(generation.number) != generation.digest:
            raise ProfileError(
                f"'{name}' of the library has a generation {generation.number} that {file} has not: "
                "nothing was replaced"
            )


def _name_of(source: Path) -> str:
    """A name for the library, of whatever the file is called."""
    name = source.name.removesuffix(".vphone")
    try:
        return checked_name(name)
    except ProfileError:
        kept = "".join(letter for letter in name if letter.isalnum() or letter in " -_()").strip(" -")
        return checked_name(kept[:40] or "Phone")
