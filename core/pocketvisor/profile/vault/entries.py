"""What a vault says of a profile: its header, and one entry for each generation with the packs that it needs.

Both are small files; FORMAT.md has them. What is read is checked: an entry against the profile's own
signature.
"""

import re
from typing import Annotated, Final, Literal

import msgspec
from blake3 import blake3

from pocketvisor.errors import DamagedProfile
from pocketvisor.profile import rows, signing
from pocketvisor.profile.manifest import MANIFEST_MAX
from pocketvisor.profile.packing import pack, unpack
from pocketvisor.profile.rows import Bytes32, Count, GenerationRow, Header
from pocketvisor.profile.sealing import Sealer
from pocketvisor.profile.transfer import RawHeader, RawManifest
from pocketvisor.profile.vault.packs import CHUNKS_MAX
from pocketvisor.profile.vault.store import Store

HEADER_MAX: Final = 512 << 10
PACKS_MAX: Final = 65536
ENTRY_MAX: Final = MANIFEST_MAX + (MANIFEST_MAX >> 4) + PACKS_MAX * (CHUNKS_MAX // 8 + 48)
NAME_MAX: Final = 400
_ENTRY_NAME: Final = re.compile(r"([0-9]{16})-([0-9a-f]{16})")


class VaultHeader(msgspec.Struct, frozen=True, array_like=True):
    version: Literal[1]
    raw: RawHeader
    name: Annotated[bytes, msgspec.Meta(max_length=2048)]
    """What the profile was called when it was copied, sealed like the rest."""


class PackUse(msgspec.Struct, frozen=True, array_like=True):
    """One pack of a generation: its name, and a bit for each of its chunks that is needed."""

    name: Bytes32
    needed: Annotated[bytes, msgspec.Meta(min_length=1, max_length=CHUNKS_MAX // 8)]

    def needs(self, index: int) -> bool:
        byte, bit = divmod(index, 8)
        return byte < len(self.needed) and bool(self.needed[byte] >> bit & 1)

    @property
    def count(self) -> int:
        return int.from_bytes(self.needed, "little").bit_count()


class Entry(msgspec.Struct, frozen=True, array_like=True):
    version: Literal[1]
    raw: RawManifest
    packs: Annotated[tuple[PackUse, ...], msgspec.Meta(max_length=PACKS_MAX)]
    size: Count
    """Bytes of all chunks that the generation needs."""


def entry_name(profile: bytes, raw: RawManifest) -> str:
    return f"{raw.number:016}-{entry_digest(profile, raw).hex()[:16]}"


def entry_digest(profile: bytes, raw: RawManifest) -> bytes:
    return rows.digest(profile, GenerationRow(*msgspec.structs.astuple(raw)))


def parse_entry_name(name: str) -> int | None:
    """The generation's number, or None for what is no entry."""
    match = _ENTRY_NAME.fullmatch(name)
    return int(match[1]) if match and 0 < int(match[1]) <= 1 << 53 else None


def pack_use(name: bytes, needed: list[int]) -> PackUse:
    bits = sum(1 << index for index in needed)
    return PackUse(name, bits.to_bytes(-(-bits.bit_length() // 8), "little"))


def encode_entry(entry: Entry, sealer: Sealer) -> bytes:
    content = msgspec.msgpack.encode(entry)
    return sealer.sign(_message(content)) + content


def decode_entry(header: Header, name: str, whole: bytes) -> Entry:
    """Raises DamagedProfile for what the profile's own key has not signed, or under another name."""
    signature, content = whole[: signing.SIGNATURE_SIZE], whole[signing.SIGNATURE_SIZE :]
    try:
        signing.check(header.public, _message(content), signature)
        entry = msgspec.msgpack.decode(content, type=Entry)
        row = GenerationRow(*msgspec.structs.astuple(entry.raw))
        rows.check_row(header, row)
        if row.deleted or entry_name(header.profile, entry.raw) != name:
            raise DamagedProfile("it is another generation's")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, DamagedProfile):
        number = parse_entry_name(name)
        raise DamagedProfile(f"Generation {number} in the vault is damaged") from None
    return entry


def read_entry(store: Store, header: Header, name: str) -> Entry:
    """Raises MissingInVault, DamagedProfile."""
    path = f"{header.profile.hex()}/generations/{name}"
    return decode_entry(header, name, store.read(path, ENTRY_MAX))


def encode_header(raw: RawHeader, name: str, sealer: Sealer) -> bytes:
    sealed = sealer.seal(pack(name[: NAME_MAX // 4].encode()), _name_context(raw.header.profile))
    return msgspec.msgpack.encode(VaultHeader(1, raw, sealed))


def decode_header(profile: bytes, whole: bytes) -> VaultHeader:
    """Raises DamagedProfile for what is not of this profile."""
    try:
        header = msgspec.msgpack.decode(whole, type=VaultHeader)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise DamagedProfile(f"The header of profile {profile.hex()[:12]} in the vault is damaged") from None
    if header.raw.header.profile != profile:
        raise DamagedProfile(f"The header of profile {profile.hex()[:12]} in the vault is of another one")
    return header


def read_name(header: VaultHeader, sealer: Sealer) -> str | None:
    """None where it is damaged: a name is no reason to refuse the rest."""
    try:
        opened = sealer.open(header.name, _name_context(header.raw.header.profile))
        name = unpack(opened, NAME_MAX).decode()
    except (DamagedProfile, UnicodeDecodeError):
        return None
    return name if name.isprintable() else None


def _name_context(profile: bytes) -> bytes:
    return b"vault name\0" + profile


def _message(content: bytes) -> bytes:
    return b"vault entry\0" + blake3(content).digest()
