"""Profiles with spaces of known bytes, for the tests of the vault."""

import random
from collections.abc import Iterable
from pathlib import Path

from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys
from pocketvisor.profile.reading import Generation

CHUNK = 4096


class Phone:
    """A profile file and what its one space should read as, for each generation."""

    def __init__(self, path: Path, keys: NewKeys | None = None, chunks: int = 40, seed: int = 1) -> None:
        self.file = ProfileFile.create(path, keys)
        self.random = random.Random(seed)
        self.now = bytearray(self.random.randbytes(chunks * CHUNK))
        self.chunks = chunks
        self.were: dict[int, bytes] = {}
        self.save()

    def save(self, changed: Iterable[int] = (), name: str = "") -> Generation:
        changed = list(changed)
        for index in changed:
            self.now[index * CHUNK : (index + 1) * CHUNK] = self.random.randbytes(CHUNK)
        parent = self.file.head
        previous = self.file.manifest(parent).space("ram") if parent else None
        content = bytes(self.now)
        with self.file.begin(parent) as saving:
            space = saving.space(
                "ram",
                len(content),
                CHUNK,
                previous,
                changed if previous else None,
                lambda index: content[index * CHUNK : (index + 1) * CHUNK],
            )
            generation = saving.commit(name=name, kind="snapshot", spaces=[space])
        self.were[generation.number] = content
        return generation


def content(file: ProfileFile, number: int) -> bytes:
    space = file.manifest(number).space("ram")
    assert space is not None
    return file.reader(space).read(0, space.size)
