"""kill -9 at random moments of a program that saves: what was acknowledged is there, whole, in one file."""

import contextlib
import multiprocessing
import random
import time
from pathlib import Path

import pytest
from profile_files import Content, alone, content_of, first_content
from saving_child import content_after, run

from pocketvisor.profile.file import ProfileFile

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["saving_child"])


class Killed:
    """A profile's file, and what it must have."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.contents: dict[int, Content] = {}
        self.going: set[int] = set()
        self.head = 0
        self.last: Content | None = None
        self.unsaid = 0

    def run_and_kill(self, seed: int, chance: random.Random) -> None:
        """After some generations, at a random moment of the next one."""
        hears, says = PROCESSES.Pipe(duplex=False)
        child = PROCESSES.Process(target=run, args=(self.path, seed, says))
        child.start()
        says.close()
        said = [hears.recv()]
        began = time.monotonic()
        for _ in range(chance.randrange(4)):
            said.append(hears.recv())
        took = (time.monotonic() - began) / len(said) or 0.02
        time.sleep(chance.uniform(0, 1.5 * took))  # the random moment
        child.kill()
        child.join()
        with contextlib.suppress(EOFError):
            while True:
                said.append(hears.recv())
        content = self.last or first_content(seed)
        for number, seed in said[1:]:
            if number < 0:
                self.going.add(-number)
            else:
                content = content_after(content, seed)
                self.contents[number] = content
                self.head = number
        hears.close()
        child.close()

    def check(self) -> None:
        with ProfileFile.open(self.path) as file:
            with file._database.read() as connection:
                unfinished = "SELECT count(*) FROM records WHERE name = 'pending'"
                assert connection.execute(unfinished).fetchone() == (0,)
            assert file.verify() == []
            there = {each.number for each in file.generations()}
            assert self.contents.keys() - there <= self.going
            # One more may have become durable before it could be said; none is there in part.
            extra = there - self.contents.keys()
            assert extra <= {self.head + 1}
            self.unsaid += len(extra)
            self.head = max(there, default=0)
            assert file.head == self.head
            for number in extra:
                self.contents[number] = content_of(file, number)
            for number in sorted(there)[-4:]:
                assert content_of(file, number) == self.contents[number]
            self.contents = {number: self.contents[number] for number in there}
            self.last = self.contents[self.head] if self.head else None
        alone(self.path)


def campaign(folder: Path, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    saved = 0
    for each in range(0, kills, 25):  # a new file now and then: it does not get large
        killed = Killed(folder / f"{each}.vphone")
        for kill in range(each, each + 25):
            killed.run_and_kill(100_000 * kill, chance)
            killed.check()
        saved += killed.head
    assert saved > kills / 2  # or the child was never at work


def test_a_hundred_kills(tmp_path: Path) -> None:
    campaign(tmp_path, 100, 1)


@pytest.mark.long
def test_a_thousand_kills(tmp_path: Path) -> None:
    campaign(tmp_path, 1000, 2)
