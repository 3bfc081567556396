"""Profiles with content that is known: what each generation of one has, and whether a file still has it."""

import random
from collections.abc import Callable
from pathlib import Path

from pocketvisor.errors import ProfileError
from pocketvisor.profile.file import Generation, ProfileFile
from pocketvisor.profile.keys import NewKeys
from pocketvisor.profile.tree import Space

Content = dict[str, bytes]
"""A generation's spaces, by name."""

SIZES = {"ram": (40 * 16384 + 5000, 16384), "disk0": (6 * 65536, 65536), "state": (3000, 4096)}
PASSPHRASE = "correct horse"


def reading(content: bytes, chunk_size: int) -> Callable[[int], memoryview]:
    view = memoryview(content)
    return lambda index: view[index * chunk_size : (index + 1) * chunk_size]


def first_content(seed: int, sizes: dict[str, tuple[int, int]] = SIZES) -> Content:
    """Something like memory: text, noise, and zeros."""
    chance = random.Random(seed)
    content = {}
    for name, (size, _) in sizes.items():
        pieces = []
        for _ in range(-(-size // 4096)):
            pieces.append(
                chance.choice(
                    (bytes(4096), chance.randbytes(4096), (b"%s %d " % (name.encode(), seed) * 512)[:4096])
                )
            )
        content[name] = b"".join(pieces)[:size]
    return content


def next_content(before: Content, seed: int, pages: int = 3) -> Content:
    chance = random.Random(seed)
    content = {}
    for name, old in before.items():
        new = bytearray(old)
        for _ in range(pages):
            place = chance.randrange(len(new))
            new[place : place + 100] = chance.randbytes(len(new[place : place + 100]))
        content[name] = bytes(new)
    return content


def save(
    file: ProfileFile,
    content: Content,
    parent: int = 0,
    name: str = "",
    chunk_sizes: dict[str, int] | None = None,
) -> Generation:
    """As a guest's layer does it: what is as in the parent is not looked at."""
    before = file.manifest(parent) if parent else None
    spaces: list[Space] = []
    with file.begin(parent) as saving:
        for space_name, whole in content.items():
            chunk_size = (chunk_sizes or {}).get(space_name) or SIZES.get(space_name, (0, 4096))[1]
            previous = before.space(space_name) if before is not None else None
            changed = None
            if previous is not None and previous.size == len(whole):
                old = file.reader(previous).read(0, len(whole))
                changed = [
                    index
                    for index in range(previous.chunks)
                    if old[index * chunk_size : (index + 1) * chunk_size]
                    != whole[index * chunk_size : (index + 1) * chunk_size]
                ]
            spaces.append(
                saving.space(
                    space_name, len(whole), chunk_size, previous, changed, reading(whole, chunk_size)
                )
            )
        return saving.commit(
            name=name,
            kind="snapshot",
            guest=b"guest %d" % saving.number,
            spaces=spaces,
            thumbnail=b"PNG of the screen",
        )


def content_of(file: ProfileFile, number: int) -> Content:
    """Raises ProfileError."""
    manifest = file.manifest(number)
    return {space.name: file.reader(space).read(0, space.size) for space in manifest.spaces}


def make(path: Path, keys: NewKeys | None = None, generations: int = 3) -> dict[int, Content]:
    """A closed file; each generation goes on from the one before."""
    contents: dict[int, Content] = {}
    with ProfileFile.create(path, keys) as file:
        content = first_content(1)
        for number in range(1, generations + 1):
            save(file, content, number - 1, name=f"number {number}")
            contents[number] = content
            content = next_content(content, number)
    return contents


def alone(path: Path) -> None:
    """Nothing lies beside the file."""
    assert [each.name for each in path.parent.iterdir() if path.name in each.name] == [path.name]


def readable(file: ProfileFile, number: int) -> bool:
    try:
        content_of(file, number)
    except ProfileError:
        return False
    return True
