"""Everything that a profile holds, read and checked once; what is wrong, by its name."""

from typing import TYPE_CHECKING

import msgspec

from pocketvisor.errors import DamagedProfile, ProfileError
from pocketvisor.profile import rows
from pocketvisor.profile.saving import Progress
from pocketvisor.profile.tree import FANOUT, HOLE, ID_SIZE, SpaceReader

if TYPE_CHECKING:
    from pocketvisor.profile.file import ProfileFile

PROBLEMS_MAX = 1000
"""Of one kind; a file that is all damaged need not name every chunk."""


class Damage(msgspec.Struct, frozen=True):
    what: str
    """A sentence that names the part."""
    generations: tuple[int, ...] = ()
    """Those that cannot be used because of it."""


def verify(file: "ProfileFile", progress: Progress | None = None) -> list[Damage]:
    """Raises LockedProfile, and ProfileError where the file cannot be read at all."""
    _ = file.sealer
    found: list[Damage] = []
    _database(file, found)
    _records(file, found)
    _content(file, found, progress)
    return found


def _database(file: "ProfileFile", found: list[Damage]) -> None:
    try:
        with file._database.read() as connection:
            lines = connection.execute("PRAGMA integrity_check(100)").fetchall()
    except DamagedProfile as error:
        found.append(Damage(str(error)))
        return
    for (line,) in lines:
        text = line.decode(errors="replace") if isinstance(line, bytes) else str(line)
        for problem in text.splitlines():
            if problem != "ok" and not problem.startswith("***"):  # which is a headline
                found.append(Damage(f"The database is damaged: {problem}"))


def _records(file: "ProfileFile", found: list[Damage]) -> None:
    for name, kind in (("header", rows.Header), ("spare", rows.Spare)):
        try:
            if file._record(name, kind) is None:
                raise DamagedProfile(f"The record '{name}' is missing")
        except DamagedProfile as error:
            found.append(Damage(str(error)))
    try:
        slots = file.key_slots()
        spare = file._record("spare", rows.Spare)
        if spare is not None and (spare.header, spare.slots) != (file.header, slots):
            raise DamagedProfile("The key slots are damaged: their copy is another")
    except DamagedProfile as error:
        found.append(Damage(str(error)))
    try:
        _ = file.head
    except ProfileError as error:
        found.append(Damage(str(error)))


def _content(file: "ProfileFile", found: list[Damage], progress: Progress | None) -> None:
    try:
        generations = file.generations()
        numbers = [each.number for each in generations]
    except DamagedProfile as error:
        found.append(Damage(str(error)))
        return
    good: dict[tuple[bytes, int], str] = {}
    """What each chunk was found to be: nothing wrong is ''. Most are in many generations."""
    bad: dict[str, list[int]] = {}
    for place, each in enumerate(generations):
        if progress is not None:
            progress(f"Verifying generation {each.number}", place / len(numbers))
        if each.damaged:
            found.append(Damage(each.damaged, (each.number,)))
            continue
        for space in file.manifest(each.number).spaces:
            for problem in _space(file, SpaceReader(space, file.fetch), good):
                bad.setdefault(problem, []).append(each.number)
    for problem, numbers in list(bad.items())[:PROBLEMS_MAX]:
        found.append(Damage(f"{file.path.name} is damaged: {problem}", tuple(dict.fromkeys(numbers))))


def _space(file: "ProfileFile", reader: SpaceReader, good: dict[tuple[bytes, int], str]) -> list[str]:
    problems = []
    space = reader.space
    for node, own in enumerate(space.nodes):
        if own == HOLE:
            continue
        try:
            content = reader.node(node)
        except DamagedProfile as error:
            problems.append(str(error))
            continue
        first = node * FANOUT
        for place in range(len(content) // ID_SIZE):
            chunk = content[place * ID_SIZE : (place + 1) * ID_SIZE]
            if chunk == HOLE:
                continue
            length = space.chunk_length(first + place)
            if (problem := good.get((chunk, length))) is None:
                problem = good[chunk, length] = _chunk(file, chunk, length)
            if problem:
                problems.append(f"{space.name}, chunk {first + place}: {problem}")
    return problems


def _chunk(file: "ProfileFile", own: bytes, length: int) -> str:
    try:
        file.fetch(own, length)
    except DamagedProfile as error:
        return str(error)
    return ""
