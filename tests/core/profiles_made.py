"""Profiles for the tests of what handles them as files: with a guest's record, and spaces of random bytes."""

import random
from pathlib import Path

from pocketvisor.board.config import BoardConfig, PanelConfig
from pocketvisor.guest import record
from pocketvisor.guest.record import GuestRecord, ImageRecord
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys

CHUNK = 16 << 10
PASSPHRASE = "correct horse"


def make_profile(path: Path, *names: str, passphrase: str | None = None, chunks: int = 8) -> ProfileFile:
    """Unlocked, with a generation of each name, each of which has changed the first chunk of the last one."""
    file = ProfileFile.create(path, NewKeys(passphrase=passphrase) if passphrase is not None else None)
    for name in names:
        add_generation(file, name, chunks=chunks)
    return file


def add_generation(file: ProfileFile, name: str, parent: int | None = None, *, chunks: int = 8) -> int:
    parent = file.head if parent is None else parent
    before = file.manifest(parent).space("ram") if parent else None
    number = file.last + 1
    with file.begin(parent) as saving:
        space = saving.space(
            "ram", chunks * CHUNK, CHUNK, before, [0] if before else None, content_of(number)
        )
        saving.commit(name=name, kind="snapshot", guest=record.encode(guest_record(name)), spaces=[space])
    return number


def content_of(number: int):  # type: ignore[no-untyped-def]
    """What a chunk of a generation is, by its index; the first one is of this generation alone."""
    return lambda index: random.Random(number if index == 0 else 1_000_000 + index).randbytes(CHUNK)


def guest_record(name: str) -> GuestRecord:
    board = BoardConfig(ram_size=16 << 20, panel=PanelConfig(width=64, height=64), tick_ps=1000)
    return GuestRecord(
        name=name or "Monitor", image=ImageRecord(id="m", name="Monitor", kind="elf"), board=board
    )
