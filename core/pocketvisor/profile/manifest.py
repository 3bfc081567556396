"""A generation's manifest: what it is and where its bytes are. Everything in it has a bound."""

from typing import Annotated, Final, Literal

import msgspec

from pocketvisor.errors import DamagedProfile, ProfileError
from pocketvisor.profile.packing import pack, unpack
from pocketvisor.profile.sealing import Sealer
from pocketvisor.profile.tree import NODES_MAX, SPACES_MAX, Space

MANIFEST_MAX: Final = 8 << 20
GUEST_MAX: Final = 1 << 20
POLICY_MAX: Final = 64 << 10
THUMBNAIL_MAX: Final = 256 << 10
NAME_MAX: Final = 200

Kind = Literal["off", "autosave", "snapshot", "suspend", "move"]
Number = Annotated[int, msgspec.Meta(ge=1, le=(1 << 53))]
Name = Annotated[str, msgspec.Meta(max_length=NAME_MAX)]


class Lease(msgspec.Struct, frozen=True, array_like=True):
    """Who may run the profile: migration/lease.py."""

    number: Annotated[int, msgspec.Meta(ge=0, le=(1 << 53))]
    holder: Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]


NO_LEASE: Final = Lease(0, bytes(16))


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    profile: Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
    number: Number
    parent: Annotated[int, msgspec.Meta(ge=0, le=(1 << 53))]
    parent_digest: Annotated[bytes, msgspec.Meta(max_length=32)]
    created_ns: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
    name: Name = ""
    kind: Kind
    board: Annotated[int, msgspec.Meta(ge=0, le=1 << 31)] = 0
    guest: Annotated[bytes, msgspec.Meta(max_length=GUEST_MAX)] = b""
    policy: Annotated[bytes, msgspec.Meta(max_length=POLICY_MAX)] = b""
    spaces: Annotated[tuple[Space, ...], msgspec.Meta(max_length=SPACES_MAX)] = ()
    thumbnail: Annotated[bytes, msgspec.Meta(max_length=THUMBNAIL_MAX)] = b""
    lease: Lease = NO_LEASE

    def space(self, name: str) -> Space | None:
        return next((space for space in self.spaces if space.name == name), None)


def encode(manifest: Manifest, sealer: Sealer) -> bytes:
    """What the row of its generation has. Raises ProfileError for what would not be read again."""
    plain = msgspec.msgpack.encode(manifest)
    try:
        if len(plain) > MANIFEST_MAX:
            raise DamagedProfile("it is larger than it may be")
        _check(msgspec.msgpack.decode(plain, type=Manifest))
    except (msgspec.DecodeError, DamagedProfile) as error:
        raise ProfileError(f"The generation cannot be saved: {error}") from error
    return sealer.seal(pack(plain), context(manifest.profile, manifest.number))


def decode(blob: bytes, profile: bytes, number: int, sealer: Sealer) -> Manifest:
    """Raises DamagedProfile, without a name."""
    plain = unpack(sealer.open(blob, context(profile, number)), MANIFEST_MAX)
    try:
        manifest = msgspec.msgpack.decode(plain, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedProfile(f"it is malformed ({error})") from error
    _check(manifest)
    if (manifest.profile, manifest.number) != (profile, number):
        raise DamagedProfile("it belongs to another generation")
    return manifest


def context(profile: bytes, number: int) -> bytes:
    return b"manifest\0" + profile + number.to_bytes(8, "big")


def _check(manifest: Manifest) -> None:
    names = [space.name for space in manifest.spaces]
    if len(names) != len(set(names)):
        raise DamagedProfile("two of its spaces have one name")
    if sum(len(space.nodes) for space in manifest.spaces) > NODES_MAX:
        raise DamagedProfile(f"its spaces have more than {NODES_MAX} nodes")
    for space in manifest.spaces:
        if problem := space.problem():
            raise DamagedProfile(f"space {space.name}: {problem}")
