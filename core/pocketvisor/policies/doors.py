"""The doors of a profile's file, for whoever carries it or gives others a way into it. Those of a guest that
runs are in pocketvisor.guest.governed."""

from pathlib import Path
from typing import Any

from pocketvisor.policies.act import Act
from pocketvisor.policies.governed import Governed
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys, Unlock, other_slots


def check_file(file: ProfileFile, act: Act, **details: Any) -> None:
    """Raises Refused with the sentence, which is in the audit log then; PolicyError, ProfileError."""
    governed = Governed.of_file(file)
    if governed is not None:
        governed.check(act, file.path.stem, **details)


def check_path(path: Path, act: Act, **details: Any) -> None:
    """The same, of a file that is not open."""
    with ProfileFile.open(path, read_only=True) as file:
        check_file(file, act, **details)


def add_keys(file: ProfileFile, unlock: Unlock, keys: NewKeys) -> None:
    """Further ways to open a sealed profile: whoever they are for has a copy of the phone as soon as he has
    the file. `unlock` says that one may. Raises Refused, ProfileError."""
    to = (*keys.recipients, *(("a passphrase",) if keys.passphrase is not None else ()))
    check_file(file, Act.EXPORT, to=to)
    file.replace_slots(other_slots(file.key_slots(), unlock, file.header.public, add=keys))
