"""Flips and truncations anywhere in a file: a sentence, never wrong data; verify finds all that matters, and
a generation that is whole can still be had."""

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs
from profile_files import PASSPHRASE, Content, content_of, first_content, next_content, save

from pocketvisor.errors import ProfileError
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys, Unlock, unwrap
from pocketvisor.profile.salvage import salvage

SIZES = {"ram": (5 * 16384 + 100, 16384), "state": (3000, 4096)}


class Original:
    def __init__(self, folder: Path, keys: NewKeys | None = None) -> None:
        self.contents: dict[int, Content] = {}
        path = folder / "original.vphone"
        with ProfileFile.create(path, keys) as file:
            slots, public = file.key_slots(), file.header.public
            opens = Unlock(passphrase=PASSPHRASE)
            self.unlock = Unlock(key=unwrap(slots, opens, public).text()) if keys else Unlock()
            content = first_content(2, SIZES)
            for number in (1, 2, 3):
                save(file, content, number - 1, name=f"number {number}")
                self.contents[number] = content
                content = next_content(content, number, pages=1)
            file.rename(2, "the second")
        self.bytes = path.read_bytes()
        # Most of a small file is room in its pages: half of the flips go where something is.
        self.used = [place for place, byte in enumerate(self.bytes) if byte]
        with ProfileFile.open(path, read_only=True) as file:
            file.unlock(self.unlock)
            self.seen = dict(seen(file))
        self.path = folder / "a.vphone"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return Original(tmp_path_factory.mktemp("damage"))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return Original(tmp_path_factory.mktemp("sealed"), NewKeys(passphrase=PASSPHRASE))


def seen(file: ProfileFile) -> Iterator[tuple[str, object]]:
    """All that somebody can learn from a file, or the sentence that says why not."""

    def ask(name: str, get: object) -> tuple[str, object]:
        try:
            return name, get()  # type: ignore[operator]
        except ProfileError as error:
            assert str(error).startswith("a.vphone"), error
            assert "\n" not in str(error) and not str(error).endswith("."), error
            return name, None

    yield "id", file.id
    yield ask("head", lambda: file.head)
    for number in (1, 2, 3):
        yield ask(f"manifest {number}", lambda number=number: file.manifest(number))
        yield ask(f"content {number}", lambda number=number: content_of(file, number))
        yield ask(f"raw {number}", lambda number=number: file.raw_manifest(number))
    listed = ask("list", file.generations)[1]
    if isinstance(listed, list):
        for each in listed:
            # What it goes on from is 0 where that is lost; with the whole list it is judged below.
            yield f"listed {each.number}", structs.replace(each, parent=0) if each.kind else None
    info = file.info
    whole = not info.damaged and all(each.kind for each in info.generations)
    yield "info", info.generations if whole else None


def judge(original: Original, damaged: bytes, exporting: bool = True) -> bool:
    """Whether anything is missing of what the original has."""
    original.path.write_bytes(damaged)
    try:
        with ProfileFile.open(original.path, read_only=True) as file:
            with contextlib.suppress(ProfileError):  # what can be seen without a key is judged then
                file.unlock(original.unlock)
            now = dict(seen(file))
            try:
                problems = [each.what for each in file.verify()]
            except ProfileError as error:
                problems = [str(error)]
            except RecursionError:
                raise AssertionError from None
    except ProfileError as error:
        assert "a.vphone" in str(error)
        now, problems = {}, [str(error)]
    for name, value in now.items():
        assert value is None or value == original.seen.get(name), f"{name} is wrong"
    missing = any(now.get(name) is None for name in original.seen)
    assert problems or not missing, "verify found nothing"
    assert not any("\n" in problem or problem.endswith(".") for problem in problems), problems
    if exporting:
        whole = {number for number in (1, 2, 3) if now.get(f"content {number}") is not None}
        _export(original, whole)
    return missing


def _export(original: Original, whole: set[int]) -> None:
    target = original.path.with_name("b.vphone")
    target.unlink(missing_ok=True)
    try:
        kept = set(salvage(original.path, target, original.unlock).kept)
    except ProfileError as error:
        assert not whole, error
        assert not target.exists()
        return
    assert whole <= kept
    with ProfileFile.open(target, read_only=True) as file:
        file.unlock(original.unlock)
        assert file.verify() == []
        for number in kept:
            assert content_of(file, number) == original.contents[number]


def flipped(original: Original, chance: random.Random, flips: int) -> bytes:
    damaged = bytearray(original.bytes)
    for _ in range(flips):
        place = chance.choice(original.used) if chance.random() < 0.8 else chance.randrange(len(damaged))
        damaged[place] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def test_as_it_is_nothing_is_missing(original: Original) -> None:
    assert not judge(original, original.bytes)


@pytest.mark.parametrize(("files", "flips"), [(150, 1), (85, 10), (90, 100)])
def test_flips(original: Original, files: int, flips: int) -> None:
    """Together 10,000."""
    chance = random.Random(flips)
    missing = sum(judge(original, flipped(original, chance, flips), each % 3 == 0) for each in range(files))
    assert missing > files // 5


def test_flips_in_a_sealed_profile(sealed: Original) -> None:
    chance = random.Random(8)
    for flips in (1, 10, 1) * 20:
        judge(sealed, flipped(sealed, chance, flips), flips == 1)


def test_truncations(original: Original) -> None:
    chance = random.Random(3)
    lengths = [0, 1, 99, 100, 65535, 65536, len(original.bytes) - 1]
    lengths += [chance.randrange(len(original.bytes)) for _ in range(60)]
    for length in lengths:
        judge(original, original.bytes[:length])


def test_pages_exchanged_or_lost(original: Original) -> None:
    chance = random.Random(4)
    pages = len(original.bytes) // 65536
    for _ in range(40):
        damaged = bytearray(original.bytes)
        one, other = (65536 * chance.randrange(pages) for _ in range(2))
        damaged[one : one + 65536] = (
            original.bytes[other : other + 65536] if chance.random() < 0.7 else bytes(65536)
        )
        judge(original, bytes(damaged))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_single_flips(original: Original, seed: int) -> None:
    chance = random.Random(1000 + seed)
    for _ in range(1000):
        judge(original, flipped(original, chance, 1))
