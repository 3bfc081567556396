"""Where services find handsets and guests. Loads neither: a command line asks of profiles that do not run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.handset import Handset


class Desk(Protocol):
    """Where handsets and guests are found by name; the methods raise ControlError."""

    def handsets(self) -> "Sequence[Handset]": ...
    def handset(self, name: str) -> "Handset": ...
    def guest(self, name: str, handset_name: str) -> "Guest": ...


def guest_of_profile(desk: Desk, path: Path) -> "Guest | None":
    for handset in desk.handsets():
        for guest in handset.guests:
            if guest.profile is not None and _same(guest.profile.path, path):
                return guest
    return None


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one == other
