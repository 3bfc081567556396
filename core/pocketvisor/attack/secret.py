"""A neighbour's secrets, searched for in all that an attacker can reach: his RAM, his process's memory, what
his descriptors lead to, what he shows and prints."""

import contextlib
import os
import random
import secrets
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from pocketvisor.attack.sheet import SecretSearch
from pocketvisor.errors import GuestError
from pocketvisor.guest.guest import Guest
from pocketvisor.storage.lazy import BLOCK, PRESENT

PLANTED: Final = 8
SAMPLES: Final = 16
_SIZE: Final = 32
_VARIED: Final = 14  # so many different bytes: hardly a table that others have too
_TRIES: Final = 16
_PIECE: Final = 4 << 20
_PAGE: Final = os.sysconf("SC_PAGESIZE")
_PRESENT: Final = 3 << 62  # in memory or swapped out: linux, pagemap


def planted() -> list[bytes]:
    """New ones, without a zero: most of a memory is zeros, and is passed over so much faster."""
    return [secrets.token_bytes(_SIZE).replace(b"\0", b"\1") for _ in range(PLANTED)]


def put(guest: Guest, wanted: Iterable[bytes]) -> None:
    """Into pages of a guest's RAM that hold nothing, from its end on. Only while it stands still. Blocks."""
    ram = guest.ram
    if ram is None:
        return
    at = ram.size
    for secret in wanted:
        at -= _PAGE
        while at > 0 and (ram.place(at // BLOCK) != PRESENT or _holds(os.pread(ram.own, _PAGE, at))):
            at -= _PAGE
        os.pwrite(ram.own, secret, at + _PAGE // 2)


def samples(guest: Guest, seed: int = 0) -> list[bytes]:
    """Of a guest's RAM. What others have too is among them: see strange_to(). Blocks."""
    ram = guest.ram
    if ram is None:
        return []
    chance, found = random.Random(seed), []
    for _, piece in ram.pieces():
        first, end = len(piece) - len(piece.lstrip(b"\0")), len(piece.rstrip(b"\0"))
        if first >= end:
            continue
        for _ in range(_TRIES):
            at = chance.randrange(first, max(end - _SIZE, first + 1))
            sample = piece[at : at + _SIZE]
            if len(set(sample)) >= _VARIED and 0 not in sample:
                found.append(sample)
    chance.shuffle(found)
    return found[:SAMPLES]


def held(guest: Guest, wanted: Iterable[bytes]) -> list[bytes]:
    """Those that are in a guest's RAM. Blocks."""
    left = list(wanted)
    found = []
    for _, piece in guest.ram.pieces() if guest.ram is not None else ():
        here = [secret for secret in left if secret in piece]
        found += here
        left = [secret for secret in left if secret not in here]
    return found


def strange_to(attacker: Guest, wanted: list[bytes]) -> list[bytes]:
    """Those that are nowhere in an attacker's reach yet: a device tree, say, is the same for both. Blocks.
    Raises GuestError where the attacker ends meanwhile."""
    found: set[int] = set()
    for _, content in _reach(attacker):
        if not _holds(content):
            continue
        found |= {number for number, secret in enumerate(wanted) if secret in content}
    return [secret for number, secret in enumerate(wanted) if number not in found]


def search(attacker: Guest, wanted: list[bytes]) -> SecretSearch:
    """Blocks: a second or two. Raises GuestError where the attacker ends meanwhile: what was not looked at
    counts as nothing found by nobody."""
    places: dict[str, int] = {}
    found: list[str] = []
    for place, content in _reach(attacker):
        places[place] = places.get(place, 0) + len(content)
        if not _holds(content):
            continue
        for number, secret in enumerate(wanted):
            if secret in content:
                found.append(f"Secret {number + 1} of {len(wanted)} is in {place}")
    return SecretSearch(len(wanted), places, tuple(dict.fromkeys(found)))


def _holds(content: bytes) -> bool:
    """Something else than zeros: compared, which any() and count() are far slower than."""
    return content != bytes(len(content))


def _reach(guest: Guest) -> Iterator[tuple[str, bytes]]:
    """All of it, or GuestError: of a process that is gone the kernel gives nothing to read, and says of some
    of it no more than that it is empty."""
    pid = guest.pid
    try:
        yield from _places(guest, pid)
        whole = guest.pid == pid != 0 and _lives(pid)
    except (OSError, ValueError):  # its process is gone, or its memory here was let go of
        whole = False
    if not whole:
        raise GuestError(f"{guest.name} ended while it was searched for secrets")


def _places(guest: Guest, pid: int) -> Iterator[tuple[str, bytes]]:
    if guest.ram is not None:
        for _, piece in guest.ram.pieces():
            yield "its RAM", piece
    yield "its panel", bytes(guest.panel.buffer)
    yield "its console", guest.console.text
    for piece in process_memory(pid):
        yield "its process's memory", piece
    for piece in _descriptors(pid):
        yield "its descriptors", piece


def _lives(pid: int) -> bool:
    """One that waits to be buried has no memory any more."""
    with open(f"/proc/{pid}/maps", "rb", 0) as maps:
        return bool(maps.read(1))


def process_memory(pid: int) -> Iterator[bytes]:
    """All pages that are there; those never touched hold nothing."""
    with open(f"/proc/{pid}/maps") as maps:
        regions = [line.split()[:2] for line in maps if "[v" not in line]  # the kernel's own pages
    with open(f"/proc/{pid}/mem", "rb", 0) as memory, open(f"/proc/{pid}/pagemap", "rb", 0) as pages:
        for extent, rights in regions:
            if "r" not in rights:
                continue
            start, end = (int(number, 16) for number in extent.split("-"))
            for at, size in _runs(pages.fileno(), start, end):
                for piece in range(at, at + size, _PIECE):
                    # A little over the seam: a secret may lie on it.
                    length = min(_PIECE + _SIZE, at + size - piece)
                    with contextlib.suppress(OSError):
                        yield os.pread(memory.fileno(), length, piece)


def _runs(pagemap: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """(address, size) of pages that are there."""
    begun = None
    for first in range(start, end, 65536 * _PAGE):
        count = min(65536, (end - first) // _PAGE)
        data = os.pread(pagemap, 8 * count, first // _PAGE * 8)
        if begun is None and not _holds(data):
            continue
        for index, (entry,) in enumerate(struct.iter_unpack("<Q", data[: len(data) // 8 * 8])):
            address = first + index * _PAGE
            if entry & _PRESENT:
                begun = address if begun is None else begun
            elif begun is not None:
                yield begun, address - begun
                begun = None
    if begun is not None:
        yield begun, end - begun


def _descriptors(pid: int) -> Iterator[bytes]:
    for fd in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{fd}"
        try:
            name = os.readlink(path)
            if not name.startswith("/") or name.startswith("/dev/"):
                continue
            with open(path, "rb", 0) as file:
                at = 0
                while True:
                    at = os.lseek(file.fileno(), at, os.SEEK_DATA)
                    piece = os.pread(file.fileno(), _PIECE + _SIZE, at)
                    yield piece
                    at += max(len(piece) - _SIZE, 1) if len(piece) > _SIZE else _PIECE
        except OSError:  # the end of its data, or it cannot be read by us either
            continue
