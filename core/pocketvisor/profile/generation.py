"""What is told of a profile and of its generations, in lists and to those who have no key."""

import msgspec

from pocketvisor.profile.manifest import Kind


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """One instant of the guest, as in a list of them."""

    number: int
    parent: int
    """The one that it goes on from, as far as it is still there; 0 for none."""
    created_ns: int
    added: int
    """Bytes that the file grew by."""
    digest: bytes
    name: str = ""
    kind: Kind | None = None
    """None where the profile is locked, or the generation damaged."""
    board: int = 0
    damaged: str = ""
    """Why it cannot be used."""


class ProfileInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What anyone can read of a profile: nothing secret."""

    id: bytes
    format: int
    program: str
    created_ns: int
    sealed: bool
    wiped: bool
    slots: tuple[str, ...]
    """The key slots' kinds."""
    generations: tuple[Generation, ...]
    head: int
    """0 where there is none, or where it cannot be told."""
    size: int
    damaged: tuple[str, ...] = ()


def nearest(number: int, parents: dict[int, int], there: set[int]) -> int:
    """It, or the next one up that is there; 0 for none. `parents`: of those that were deleted."""
    while number not in there and number in parents:
        parent = parents[number]
        number = parent if parent < number else 0  # a parent's number is lower, or it is not followed
    return number if number in there else 0
