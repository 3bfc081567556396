"""A program that saves generations until it is killed, and says which are durable: for test_kills.py."""

from multiprocessing.connection import Connection
from pathlib import Path

from profile_files import Content, content_of, first_content, next_content, save

from pocketvisor.profile import writing
from pocketvisor.profile.file import ProfileFile


def content_after(content: Content, seed: int) -> Content:
    """Now and then all is new: such a save is larger, and kills hit it more often."""
    return first_content(seed) if seed % 3 == 0 else next_content(content, seed, pages=30)


def run(path: Path, seed: int, say: Connection) -> None:
    """Says (number, seed) of each generation that was acknowledged, and (-number, 0) of one about to go."""
    writing.TRANSACTION, writing.LOG_MAX = (
        64 << 10,
        256 << 10,
    )  # a save is several transactions, as large ones are
    file = ProfileFile.open(path) if path.exists() else ProfileFile.create(path)
    head = file.head
    content = content_of(file, head) if head else first_content(seed)
    say.send((0, 0))
    while True:
        seed += 1
        content = content_after(content, seed)
        head = save(file, content, head).number
        say.send((head, seed))
        if seed % 4 == 0 and (oldest := file.generations()[0].number) != head:
            say.send((-oldest, 0))
            file.delete(oldest)
            file.prune()
        if seed % 5 == 0:
            file.rename(head, f"seed {seed}")
            file.close()
            file = ProfileFile.open(path)
