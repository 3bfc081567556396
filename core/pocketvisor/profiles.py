"""The library of profiles: the folder where they are unless a path is given, and their names.

A profile's name is its file's: `Phone` is `<user data>/profiles/Phone.vphone`. A text with a slash, or with
the ending of a profile that is there, is a path and is taken as it is.

Left out: what is in a profile, which is pocketvisor.profile's.
"""

import os
import unicodedata
from pathlib import Path
from typing import Final

from msgspec import Struct
from platformdirs import user_data_path

from pocketvisor.errors import ProfileError
from pocketvisor.profile.file import ProfileFile, ProfileInfo

SUFFIX: Final = ".vphone"
NAME_MAX: Final = 100


class Listed(Struct, frozen=True, kw_only=True):
    """A file of the library. `info` is None where it cannot be read, and `problem` says why."""

    name: str
    path: Path
    info: ProfileInfo | None
    problem: str = ""


def profiles_path() -> Path:
    """Where profiles are unless a path is given."""
    return user_data_path("pocketvisor") / "profiles"


def checked_name(name: str) -> str:
    """As a file may be called on any machine that the profile is carried to. Raises ProfileError."""
    name = unicodedata.normalize("NFC", name).removesuffix(SUFFIX)
    if not name.strip() or len(name.encode(errors="surrogatepass")) > NAME_MAX:
        raise ProfileError(f"A profile's name has 1 to {NAME_MAX} bytes")
    if name != name.strip() or name[0] in ".-" or name[-1] == ".":
        raise ProfileError(f"'{name}': a profile's name begins and ends with a letter, a digit or a bracket")
    if bad := [letter for letter in name if not letter.isprintable() or letter in '/\\:*?"<>|']:
        raise ProfileError(f"'{name}': a profile's name has no {bad[0]!r} in it")
    return name


def find_profile(text: str) -> Path:
    """The file of a name or a path, absolute. Raises ProfileError with what there is instead."""
    path = Path(text).expanduser()
    if "/" in text or (text.endswith(SUFFIX) and path.exists()):
        if not path.exists():
            raise ProfileError(f"{text}: there is no such file")
        if not path.is_file():
            raise ProfileError(f"{text}: is no regular file")
        return path.resolve()
    name = checked_name(text)
    names = profile_names()
    if name in names:
        return (profiles_path() / f"{name}{SUFFIX}").resolve()
    alike = [other for other in names if other.casefold() == name.casefold()]
    if len(alike) == 1:
        return (profiles_path() / f"{alike[0]}{SUFFIX}").resolve()
    there = f"; there are {', '.join(names)}" if names else ": 'pocketvisor profile create' makes one"
    raise ProfileError(f"There is no profile '{name}'{there}")


def new_profile(text: str) -> Path:
    """Where a new profile of that name or path goes; nothing is there yet. Raises ProfileError."""
    path = Path(text).expanduser()
    if "/" in text:
        checked_name(path.name)
        path = path.absolute().with_name(path.name.removesuffix(SUFFIX) + SUFFIX)
        if not path.parent.is_dir():
            raise ProfileError(f"{path.parent}: there is no such folder")
    else:
        path = _folder() / f"{checked_name(text)}{SUFFIX}"
    if os.path.lexists(path):
        raise ProfileError(f"{path}: there is such a file already")
    return path


def free_profile(name: str) -> Path:
    """As new_profile(), in the library, with a number behind the name where it is taken."""
    path = _folder() / f"{checked_name(name)}{SUFFIX}"
    number = 2
    while os.path.lexists(path):
        path = _folder() / f"{checked_name(f'{name} {number}')}{SUFFIX}"
        number += 1
    return path


def profile_names() -> list[str]:
    """Of the files in the library, in the order of the alphabet."""
    try:
        entries = list(profiles_path().iterdir())
    except OSError:
        return []
    names = [entry.name.removesuffix(SUFFIX) for entry in entries if entry.name.endswith(SUFFIX)]
    return sorted((name for name in names if name and not name.startswith(".")), key=str.casefold)


def library() -> list[Listed]:
    """All of them, with what can be said without a key."""
    return [listed(profiles_path() / f"{name}{SUFFIX}") for name in profile_names()]


def listed(path: Path) -> Listed:
    name = path.name.removesuffix(SUFFIX)
    try:
        return Listed(name=name, path=path, info=profile_info(path))
    except ProfileError as error:
        return Listed(name=name, path=path, info=None, problem=str(error))


def profile_info(path: Path) -> ProfileInfo:
    """Needs no key. Raises ProfileError."""
    file = ProfileFile.open(path, read_only=True)
    try:
        return file.info
    finally:
        file.close()


def _folder() -> Path:
    path = profiles_path()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ProfileError(f"{path}: cannot be made: {error.strerror}") from error
    return path
