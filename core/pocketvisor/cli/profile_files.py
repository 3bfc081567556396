"""What verbs that work on a profile's file have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pocketvisor.cli.reach import running
from pocketvisor.cli.unlocking import unlocked
from pocketvisor.errors import ProfileError
from pocketvisor.profile.file import Generation, ProfileFile
from pocketvisor.profile.keys import Unlock


@contextmanager
def opened(
    path: Path,
    passphrase_file: str | None = None,
    identity: Path | None = None,
    key_file: str | None = None,
    *,
    read_only: bool = False,
) -> Iterator[ProfileFile]:
    """Unlocked with what is given or asked for."""
    if not read_only:
        check_rests(path)
    file = ProfileFile.open(path, read_only=read_only)
    try:
        unlocked(file, path.stem, passphrase_file, identity, key_file)
        yield file
    finally:
        file.close()


@contextmanager
def opened_to_write(path: Path) -> Iterator[ProfileFile]:
    """As it is, locked where it is sealed."""
    check_rests(path)
    with opened_with(path, None) as file:
        yield file


@contextmanager
def opened_with(path: Path, unlock: Unlock | None, *, read_only: bool = False) -> Iterator[ProfileFile]:
    """As opened(), with what has opened it before."""
    file = ProfileFile.open(path, read_only=read_only)
    try:
        if unlock is not None:
            file.unlock(unlock)
        yield file
    finally:
        file.close()


def check_rests(path: Path) -> None:
    """Raises ProfileError where something runs it."""
    if (run := running(path)) is not None:
        raise ProfileError(
            f"{path.stem} runs: it is {run.guest} on {run.handset}; 'pocketvisor profile suspend' first"
        )


def chosen_generation(file: ProfileFile, text: str | None) -> Generation:
    """By its number, or its name where only one has it; the head where none is said. Raises ProfileError."""
    name = file.path.stem
    head = file.head if text is None else 0  # before the list: a save meanwhile adds to that
    generations = file.generations()
    if text is None:
        found = [generation for generation in generations if generation.number == head]
        if not found:
            raise ProfileError(f"{name} has no generation yet")
        return found[0]
    found = [generation for generation in generations if str(generation.number) == text.removeprefix("#")]
    found = found or [generation for generation in generations if generation.name == text]
    found = found or [
        generation for generation in generations if generation.name.casefold() == text.casefold()
    ]
    if len(found) > 1:
        numbers = ", ".join(str(generation.number) for generation in found)
        raise ProfileError(f"{name} has several generations '{text}': say one of the numbers {numbers}")
    if not found:
        raise ProfileError(f"{name} has no generation '{text}': see 'pocketvisor profile snapshots {name}'")
    if found[0].damaged:
        raise ProfileError(f"Generation {found[0].number} of {name} is damaged: {found[0].damaged}")
    return found[0]
