"""Making room in a vault while others copy into it: entries go at once, packs in two steps.

A pack that no entry needs is marked as doomed, and deleted by a later pruning if the mark is old enough and
still no entry needs it. A copy under way does not rely on a pack with a mark; one that relied on it before
has written its entry by then, or notices that the pack is gone and sends it again.
"""

import re
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from pocketvisor.errors import DamagedProfile
from pocketvisor.profile.rows import Header
from pocketvisor.profile.vault.entries import parse_entry_name, read_entry
from pocketvisor.profile.vault.store import MissingInVault, Store

GRACE: Final = 3600.0
"""Seconds between a pack's being needed by nothing and its deletion: longer than a copy takes."""
_TIME: Final = re.compile(rb"[0-9]{1,19}")


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """What has gone."""

    generations: int
    packs: int
    bytes: int


def prune(
    store: Store, header: Header, names: Sequence[str], keep: int, protect: frozenset[int], grace: float
) -> Pruned:
    """`names`: of the entries, the newest last. Raises ProfileError, and no pack is deleted then. Nor is an
    entry, where one that is to stay cannot be read: it would stay in the place of a good one."""
    folder = header.profile.hex()
    gone = [name for name in names[:-keep] if parse_entry_name(name) not in protect]
    if gone:
        _needed(store, header, sorted(set(names) - set(gone)))
    for name in gone:
        store.delete(f"{folder}/generations/{name}")
    doomed = store.names(f"{folder}/doomed")
    found = store.names(f"{folder}/packs")
    needed = _needed(store, header, list(store.names(f"{folder}/generations")))
    packs = size = 0
    for name, length in found.items():
        if name in needed:
            if name in doomed:
                store.delete(f"{folder}/doomed/{name}")
        elif name not in doomed:
            store.write(f"{folder}/doomed/{name}", b"%d" % time.time_ns())
        elif _age(store, f"{folder}/doomed/{name}") >= grace:
            store.delete(f"{folder}/packs/{name}")
            store.delete(f"{folder}/doomed/{name}")
            packs += 1
            size += length
    return Pruned(generations=len(gone), packs=packs, bytes=size)


def _needed(store: Store, header: Header, names: Sequence[str]) -> set[str]:
    """By entries that are there. One that cannot be read stops everything: what it needs is
    unknown."""
    needed: set[str] = set()
    for name in names:
        if parse_entry_name(name) is None:
            continue
        try:
            entry = read_entry(store, header, name)
        except MissingInVault:
            continue  # another pruning was faster
        needed.update(use.name.hex() for use in entry.packs)
    return needed


def _age(store: Store, name: str) -> float:
    try:
        text = store.read(name, 64)
    except (MissingInVault, DamagedProfile):
        return -1
    if not _TIME.fullmatch(text):
        return -1
    return (time.time_ns() - int(text)) / 1e9
