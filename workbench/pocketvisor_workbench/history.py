"""A profile's history as it is shown: its generations with their pictures, and lanes for where it branches.

Reading blocks and belongs into a thread. Left out: what is inside a generation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pocketvisor.errors import ProfileError
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.reading import Generation

PICTURES_MOST = 200
"""Of so many generations, the newest ones, the pictures are read."""


@dataclass(frozen=True)
class History:
    """Of one profile, the newest generation first."""

    path: Path
    size: int = 0
    head: int = 0
    sealed: bool = False
    locked: bool = False
    ident: bytes = b""
    generations: tuple[Generation, ...] = ()
    pictures: dict[bytes, bytes] = field(default_factory=dict)
    """PNGs by the generations' digests."""

    def generation(self, number: int) -> Generation | None:
        return next((found for found in self.generations if found.number == number), None)


def read_history(file: ProfileFile, known: dict[bytes, bytes]) -> History:
    """Of a file that is open. `known`: pictures that were read before. Raises ProfileError."""
    info = file.info
    generations = info.generations if file.locked else file.generations()
    newest_first = tuple(sorted(generations, key=lambda one: one.number, reverse=True))
    pictures: dict[bytes, bytes] = {}
    for generation in () if file.locked else newest_first[:PICTURES_MOST]:
        try:
            picture = known.get(generation.digest)
            if picture is None:
                picture = file.manifest(generation.number).thumbnail
            pictures[generation.digest] = picture
        except ProfileError:
            continue  # damaged: the list says so
    return History(
        path=file.path,
        size=info.size,
        head=info.head,
        sealed=info.sealed,
        locked=file.locked,
        ident=info.id,
        generations=newest_first,
        pictures=pictures,
    )


@dataclass(frozen=True)
class Lanes:
    """How one row of the history is drawn: `at` is its own lane; `above` and `below` are the lanes that have
    a line in the upper and the lower half of the row; `joins` are lanes that end in it from above."""

    at: int
    above: tuple[int, ...]
    below: tuple[int, ...]
    joins: tuple[int, ...]
    width: int


def lanes_of(generations: Sequence[Generation]) -> list[Lanes]:
    """For generations that come the newest first: one that several go on from gathers their lanes."""
    waiting: list[int | None] = []
    rows: list[Lanes] = []
    for generation in generations:
        mine = [lane for lane, number in enumerate(waiting) if number == generation.number]
        above = tuple(lane for lane, number in enumerate(waiting) if number is not None)
        if mine:
            at = mine[0]
        elif None in waiting:
            at = waiting.index(None)
        else:
            at = len(waiting)
            waiting.append(None)
        for lane in mine:
            waiting[lane] = None
        waiting[at] = generation.parent or None
        while waiting and waiting[-1] is None:
            waiting.pop()
        below = tuple(lane for lane, number in enumerate(waiting) if number is not None)
        width = max((at, *above, *below)) + 1
        rows.append(Lanes(at, above, below, tuple(mine[1:]), width))
    return rows
