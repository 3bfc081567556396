"""Generations from one profile's file into another of the same profile: whole ones, checked on the way."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pocketvisor.errors import ProfileError
from pocketvisor.profile.connection import told
from pocketvisor.profile.creating import appear, sync_folder
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.reading import Generation
from pocketvisor.profile.saving import Progress
from pocketvisor.profile.transfer import RawHeader, RawTransfer


def copy_generation(
    source: RawTransfer, target: RawTransfer, number: int, progress: Progress | None = None
) -> Generation:
    """Only chunks that the target has not got are copied. Raises ProfileError: the target is as before."""
    needed = source.chunk_ids(number)
    missing = needed - target.has(needed)
    try:
        for place, own in enumerate(missing):
            if progress is not None and place % 64 == 0:
                progress(f"Copying generation {number}", place / len(missing))
            target.store_raw(own, source.raw_chunk(own))
        return target.adopt(source.raw_manifest(number))
    except BaseException:
        target.abandon_received()
        raise


def export(
    source: ProfileFile,
    path: Path,
    numbers: Iterable[int] | None = None,
    *,
    progress: Progress | None = None,
    replace: bool = False,
) -> None:
    """A new file with these generations, None for all, that opens as the source does: whole, or not at all.

    Raises ProfileError; a damaged generation is one reason, and the rest can be exported without it."""
    chosen = sorted(each.number for each in source.generations()) if numbers is None else sorted(set(numbers))
    if not chosen:
        raise ProfileError(f"{source.path.name} has no generation to export")
    with new_file(path, source.raw_header(), replace=replace) as target:
        target.take_sealer(source.sealer)
        if source.carried:
            target.carry(source.carried)
        for number in chosen:
            copy_generation(source, target, number, progress)
        with contextlib.suppress(ProfileError):  # it may not be among them, or not be known
            if source.head in chosen:
                target.set_head(source.head)


@contextlib.contextmanager
def new_file(path: Path, header: RawHeader, *, replace: bool = False) -> Iterator[ProfileFile]:
    """A file that is there under its name when the block ends well, and is gone otherwise."""
    if not replace and os.path.lexists(path):
        raise ProfileError(f"{path.name} is there already")
    # Of this call's own: of two to the same name, none puts the other's half made file in place.
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    place: Callable[[Path, Path], None] = os.replace if replace else appear
    try:
        with ProfileFile.create_from_header(part, header) as target:
            yield target
        with told(path, "made"):
            place(part, path)
            sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
