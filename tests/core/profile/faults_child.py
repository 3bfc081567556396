"""Runs with faults.c preloaded: every write and every sync that a save makes fails in turn.

python faults_child.py fail FOLDER ERRNO STAYS     says how many calls there were
python faults_child.py log FOLDER                  leaves FOLDER/base, FOLDER/log for test_profile_faults.py
"""

import contextlib
import ctypes
import os
import shutil
import sys
from itertools import count
from pathlib import Path

from profile_files import Content, alone, content_of, make, next_content, save

from pocketvisor.errors import ProfileError
from pocketvisor.profile import writing
from pocketvisor.profile.file import ProfileFile

faults = ctypes.CDLL(None)
faults.faults_calls.restype = ctypes.c_long
faults.faults_arm.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_int)
faults.faults_mark.argtypes = (ctypes.c_uint64,)


def after(contents: dict[int, Content]) -> Content:
    return next_content(contents[2], 77, pages=20)


def work(path: Path, new: Content, durable: list[int]) -> None:
    """What a guest's layer does with a profile between opening and closing."""
    file = ProfileFile.open(path)
    try:
        durable.append(save(file, new, 2).number)
        file.rename(1, "renamed")
        file.delete(1)
        file.prune()
        durable.append(save(file, next_content(new, 78), 3).number)
        file.set_head(3)
    except BaseException:
        with contextlib.suppress(ProfileError):
            file.close()
        raise
    file.close()


def fail(folder: Path, error: int, stays: bool) -> int:
    base, path = folder / "base", folder / "a.vphone"
    contents = make(folder / "base.vphone", generations=2)
    (folder / "base.vphone").rename(base)
    contents[3] = after(contents)
    contents[4] = next_content(contents[3], 78)
    for at in count(1):
        shutil.copy(base, path)
        durable: list[int] = []
        faults.faults_arm(at, error, stays)
        said = ""
        try:
            work(path, contents[3], durable)
        except ProfileError as sentence:
            said = str(sentence)
        failed = faults.faults_calls() >= at
        faults.faults_arm(0, 0, 0)
        assert not said or said.startswith("a.vphone "), said
        with ProfileFile.open(path) as file:
            assert file.verify() == [], (at, said)
            there = {each.number for each in file.generations()}
            assert {2, *durable} <= there <= {1, 2, 3, 4}, (at, there, durable, said)
            assert max(there) <= max(durable, default=2) + 1
            for number in there:
                assert content_of(file, number) == contents[number], (at, number)
            assert save(file, contents[1], max(there)).number == max(there) + 1
        alone(path)
        path.unlink()
        if not failed:
            assert durable == [3, 4] and not said
            return at
    raise AssertionError


def making(folder: Path, error: int) -> None:
    """The file is there and whole, or it is not there."""
    path = folder / "new.vphone"
    for at in count(1):
        faults.faults_arm(at, error, 1)
        with contextlib.suppress(ProfileError):
            ProfileFile.create(path).close()
        failed = faults.faults_calls() >= at
        faults.faults_arm(0, 0, 0)
        if path.exists():
            with ProfileFile.open(path) as file:
                assert file.verify() == [] and file.head == 0
            alone(path)
            path.unlink()
        assert not [each.name for each in folder.iterdir() if "new.vphone" in each.name]
        if not failed:
            return


def log(folder: Path) -> None:
    """Writes down a program's work on a file, and which generations were acknowledged when."""
    path = folder / "a.vphone"
    contents = make(path, generations=2)
    shutil.copy(path, folder / "base")
    fd = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    faults.faults_log(fd)
    content, head = contents[2], 2
    for round_ in range(3):
        with ProfileFile.open(path) as file:
            for seed in range(2):
                content = next_content(content, 100 + 10 * round_ + seed, pages=20)
                head = save(file, content, head).number
                faults.faults_mark(head)
    faults.faults_log(-1)


if __name__ == "__main__":
    writing.TRANSACTION, writing.LOG_MAX = 64 << 10, 128 << 10  # several transactions, as large saves are
    folder = Path(sys.argv[2])
    if sys.argv[1] == "fail":
        making(folder, int(sys.argv[3]))
        print(fail(folder, int(sys.argv[3]), bool(int(sys.argv[4]))))
    else:
        log(folder)
