"""Generations on their way out of a vault, each piece checked before it is used."""

from collections.abc import Iterable, Iterator, Sequence

from pocketvisor.errors import DamagedProfile, ProfileError
from pocketvisor.profile.rows import Header
from pocketvisor.profile.vault.entries import Entry, parse_entry_name, read_entry
from pocketvisor.profile.vault.packs import PACK_MAX, PackHead, head_size
from pocketvisor.profile.vault.store import Store


def choose(
    store: Store, header: Header, names: Sequence[str], number: int | None, history: bool
) -> Sequence[Entry]:
    """The newest generation or that `number`; `history`: all up to it. In turn. Raises ProfileError."""
    last = max((parse_entry_name(name) or 0 for name in names), default=0) if number is None else number
    first = 1 if history else last
    chosen = [name for name in names if first <= (parse_entry_name(name) or 0) <= last]
    if not chosen or parse_entry_name(chosen[-1]) != last:
        which = "generation" if number is None else f"generation {number}"
        raise ProfileError(f"The vault {store.shown} has no {which} of this profile")
    newest: dict[int, Entry] = {}
    for name in chosen:
        entry = read_entry(store, header, name)
        # Of two with one number, from copies that went on separately, the later one.
        before = newest.get(entry.raw.number)
        if before is None or before.raw.created < entry.raw.created:
            newest[entry.raw.number] = entry
    return [newest[each] for each in sorted(newest)]


def needed_packs(entries: Iterable[Entry]) -> dict[bytes, int]:
    """Each pack's name, and the bits of the chunks that are needed."""
    needed: dict[bytes, int] = {}
    for entry in entries:
        for use in entry.packs:
            needed[use.name] = needed.get(use.name, 0) | int.from_bytes(use.needed, "little")
    return needed


def read_pack(store: Store, header: Header, name: bytes, bits: int) -> Iterator[tuple[bytes, bytes]]:
    """(id, bytes) of its chunks that are needed. Raises DamagedProfile, MissingInVault."""
    content = store.read(f"{header.profile.hex()}/packs/{name.hex()}", PACK_MAX)
    head = PackHead(content[: head_size(content)])
    if head.name != name or head.size != len(content) or bits >> len(head.ids):
        raise DamagedProfile("A pack in the vault is damaged")
    for index, own in enumerate(head.ids):
        if bits >> index & 1:
            start, size = head.place(index)
            yield own, head.checked(index, content[start : start + size])
