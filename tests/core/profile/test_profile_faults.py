"""Disks that fail, fill, or lose their power under a save: what was acknowledged stays, the rest is absent.

A library is preloaded that stands between SQLite and the system (faults.c). Played through are: each write
and sync failing once, or from then on; and loss of power at any call, where of what was not synced any part,
down to pages of 4 KiB, may have reached the disk.
"""

import errno
import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from profile_files import Content, alone, content_of, make, next_content

from pocketvisor.profile.file import ProfileFile

HERE = Path(__file__).parent
SECTOR = 4096
WRITE, SYNC, TRUNCATE, UNLINK, MARK = range(1, 6)


@pytest.fixture(scope="module")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    library = tmp_path_factory.mktemp("faults") / "faults.so"
    flags = ("-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC")
    subprocess.run([compiler, *flags, "-o", library, HERE / "faults.c", "-ldl"], check=True, timeout=60)
    return {**os.environ, "LD_PRELOAD": str(library)}


def run(environment: dict[str, str], *arguments: str) -> str:
    child = subprocess.run(
        [sys.executable, HERE / "faults_child.py", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert child.returncode == 0, child.stderr
    return child.stdout


@pytest.mark.parametrize(
    ("error", "stays"),
    [(errno.EIO, False), (errno.EIO, True), (errno.ENOSPC, True)],
    ids=["one call fails", "the disk breaks", "the disk is full"],
)
def test_every_call_in_turn(tmp_path: Path, preloaded: dict[str, str], error: int, stays: bool) -> None:
    assert int(run(preloaded, "fail", str(tmp_path), str(error), str(int(stays)))) > 50


class Call(NamedTuple):
    kind: int
    name: str
    offset: int
    data: bytes


def calls(log: bytes) -> Iterator[Call]:
    place = 0
    while place < len(log):
        kind, length, offset, size = struct.unpack_from("<IIQQ", log, place)
        place += 24
        name = log[place : place + length].decode()
        place += length
        yield Call(kind, name, offset, log[place : place + size])
        place += size


class Disk:
    """Files as they were synced, and what was done to each since then."""

    def __init__(self, base: bytes) -> None:
        self.synced: dict[str, bytes | None] = {"a.vphone": base}
        self.since: dict[str, list[Call]] = {}

    def do(self, call: Call) -> None:
        if call.kind == SYNC and not call.name:  # the folder: what was removed stays away
            for name, done in self.since.items():
                gone = max((place for place, each in enumerate(done) if each.kind == UNLINK), default=-1)
                if gone >= 0:
                    self.synced[name] = None
                    del done[: gone + 1]
        elif call.kind == SYNC:
            self.synced[call.name] = self._after(call.name, self.since.pop(call.name, []))
        elif call.kind != MARK:
            self.since.setdefault(call.name, []).append(call)

    def _after(self, name: str, done: list[Call]) -> bytes | None:
        content = self.synced.get(name)
        for call in done:
            if call.kind == UNLINK:
                content = None
                continue
            whole = bytearray(content or b"")
            if call.kind == TRUNCATE:
                whole = whole[: call.offset].ljust(call.offset, b"\0")
            else:
                end = call.offset + len(call.data)
                whole = whole.ljust(end, b"\0")
                whole[call.offset : end] = call.data
            content = bytes(whole)
        return content

    def without_power(self, chance: random.Random) -> Iterator[tuple[str, bytes]]:
        """Any part of what was not synced, in whole sectors."""
        for name in sorted({*self.synced, *self.since}):  # in a set they stand as chance has it
            kept = []
            mood = chance.random()
            for call in self.since.get(name, []):
                if call.kind != WRITE:
                    kept += [call] if chance.random() < mood else []
                    continue
                for start in range(0, len(call.data), SECTOR):
                    if chance.random() < mood:
                        piece = call.data[start : start + SECTOR]
                        kept.append(Call(WRITE, name, call.offset + start, piece))
            content = self._after(name, kept)
            if content is not None:
                yield name, content


def test_loss_of_power_at_any_call(tmp_path: Path, preloaded: dict[str, str]) -> None:
    run(preloaded, "log", str(tmp_path))
    log = list(calls((tmp_path / "log").read_bytes()))
    assert sum(call.kind == SYNC for call in log) > 20
    folder = tmp_path / "after"
    contents = expected(tmp_path / "c.vphone")
    chance = random.Random(5)
    disk = Disk((tmp_path / "base").read_bytes())
    durable = 2
    for call in log:
        disk.do(call)
        if call.kind == MARK:
            durable = call.offset
        if call.kind in (SYNC, MARK) or chance.random() < 0.25:
            folder.mkdir()
            for name, content in disk.without_power(chance):
                (folder / name).write_bytes(content)
            judge(folder / "a.vphone", durable, contents)
            shutil.rmtree(folder)
    assert durable == 8


def expected(path: Path) -> dict[int, Content]:
    contents = make(path, generations=2)
    number = 2
    for round_ in range(3):
        for seed in range(2):
            contents[number + 1] = next_content(contents[number], 100 + 10 * round_ + seed, pages=20)
            number += 1
    return contents


def judge(path: Path, durable: int, contents: dict[int, Content]) -> None:
    with ProfileFile.open(path) as file:
        assert file.verify() == []
        there = {each.number for each in file.generations()}
        assert set(range(1, durable + 1)) <= there <= set(range(1, durable + 2))
        assert file.head == max(there)
        for number in there:
            assert content_of(file, number) == contents[number]
    alone(path)


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """The system's own limit, in a process of its own."""
    contents = make(tmp_path / "a.vphone")
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from pocketvisor.errors import ProfileError; from pocketvisor.profile.file import ProfileFile\n"
        "from profile_files import first_content, save\n"
        "path = Path(sys.argv[1]); size = path.stat().st_size\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))\n"
        "file = ProfileFile.open(path)\n"
        "try:\n"
        "    save(file, first_content(9), 3)\n"
        "except ProfileError as error:\n"
        "    print(error)\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "a.vphone"],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert child.stdout.startswith("a.vphone "), child.stderr
    with ProfileFile.open(tmp_path / "a.vphone") as file:
        assert file.verify() == [] and file.head in (3, 4)  # 4 where the log had room for it
        assert content_of(file, 3) == contents[3]
    alone(tmp_path / "a.vphone")
