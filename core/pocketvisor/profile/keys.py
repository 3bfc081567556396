"""The profile key and its slots: for a passphrase (Argon2id), or for the holder of an age identity.

A profile has one random key of 32 bytes, from which every other is derived; it never changes. What the file
holds of it are *slots*: the key wrapped, once for each way to open the profile. A passphrase is changed by
replacing its slot; a profile without slots is unreadable for ever, which is what wiping does. A profile
without keys has one "open" slot with the key as it is: it is signed and checked like any other, but anyone
reads and writes it.

Left out: taking back what someone has read. Whoever opened the profile once may have kept its key; removing a
slot keeps out only those who did not. FORMAT.md has the layout.
"""

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import blake3
import msgspec
import pyrage
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from pocketvisor.errors import DamagedProfile, LockedProfile, ProfileError
from pocketvisor.profile.identities import read_identities
from pocketvisor.profile.signing import public_half

KEY_SIZE = 32
MAX_SLOTS = 16
MAX_SLOT = 8192
MAX_PASSPHRASE = 1024
KEY_TEXT = "pocketvisor-profile-key-1:"
"""What stands before the hexadecimal key in an age slot: the stock tool prints it, and `Unlock(key=...)`
takes it."""

# RFC 9106's second choice; 0.2 s and 64 MiB on the machine this was written on.
ARGON_MEMORY = 64 << 10  # KiB
ARGON_PASSES = 3
ARGON_LANES = 4
MAX_WORK = 4 << 20  # KiB times passes, over all passphrase slots of a file: some five seconds

Kind = Literal["open", "passphrase", "age"]


@dataclass(frozen=True, slots=True)
class Unlock:
    """What someone has to open a profile with; `passphrase` beside `identity` is for a protected identity
    file."""

    passphrase: str | None = field(default=None, repr=False)
    identity: Path | None = None
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NewKeys:
    """How a new profile is to be opened: any of several ways."""

    passphrase: str | None = field(default=None, repr=False)
    recipients: tuple[str, ...] = ()


class KeySlot(msgspec.Struct, frozen=True, array_like=True):
    """One way to open a profile. `kind` and sizes are all that it tells to one who cannot."""

    kind: Kind
    wrapped: Annotated[bytes, msgspec.Meta(min_length=KEY_SIZE, max_length=MAX_SLOT)]


class _Argon(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    memory: Annotated[int, msgspec.Meta(ge=8, le=1 << 20)]  # KiB
    passes: Annotated[int, msgspec.Meta(ge=1, le=64)]
    lanes: Annotated[int, msgspec.Meta(ge=1, le=16)]
    salt: Annotated[bytes, msgspec.Meta(min_length=16, max_length=64)]
    sealed: Annotated[bytes, msgspec.Meta(min_length=KEY_SIZE + 16, max_length=KEY_SIZE + 16)]


class ProfileKey:
    """The one secret of a profile; it is never shown by accident."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_SIZE:
            raise DamagedProfile("The profile's key has a wrong length")
        self._secret = bytes(secret)
        self.public = public_half(self.derive("signing"))

    @classmethod
    def new(cls) -> "ProfileKey":
        return cls(os.urandom(KEY_SIZE))

    @classmethod
    def from_text(cls, text: str) -> "ProfileKey":
        head, _, digits = text.strip().partition(":")
        try:
            if head + ":" != KEY_TEXT:
                raise ValueError
            return cls(bytes.fromhex(digits))
        except (ValueError, DamagedProfile):
            raise ProfileError(f"That is no profile key: one begins with '{KEY_TEXT}'") from None

    def text(self) -> str:
        return KEY_TEXT + self._secret.hex()

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose alone."""
        return blake3.blake3(self._secret, derive_key_context=f"pocketvisor profile 1: {purpose}").digest()

    def __repr__(self) -> str:
        return "ProfileKey(...)"


def new_slots(key: ProfileKey, keys: NewKeys | None) -> list[KeySlot]:
    """The slots of a new profile; without `keys` it is open to anyone."""
    if keys is None:
        return [KeySlot("open", key._secret)]
    slots = [age_slot(key, recipient) for recipient in keys.recipients]
    if keys.passphrase is not None:
        slots.insert(0, passphrase_slot(key, keys.passphrase))
    if not slots:
        raise ProfileError(
            "A sealed profile needs a passphrase or a recipient: without, nobody could open it"
        )
    if len(slots) > MAX_SLOTS:
        raise ProfileError(f"A profile has at most {MAX_SLOTS} key slots")
    return slots


def passphrase_slot(key: ProfileKey, passphrase: str) -> KeySlot:
    salt = os.urandom(16)
    part = _Argon(ARGON_MEMORY, ARGON_PASSES, ARGON_LANES, salt, bytes(KEY_SIZE + 16))
    cipher, nonce = _from_passphrase(part, passphrase)
    part = msgspec.structs.replace(part, sealed=cipher.encrypt(nonce, key._secret, key.public))
    return KeySlot("passphrase", msgspec.msgpack.encode(part))


def age_slot(key: ProfileKey, recipient: str) -> KeySlot:
    """The key's text as an age file for one recipient: `age -d -i IDENTITY` prints it."""
    recipient = recipient.strip()
    try:
        if recipient.startswith("ssh-"):
            to: pyrage.ssh.Recipient | pyrage.x25519.Recipient = pyrage.ssh.Recipient.from_str(recipient)
        else:
            to = pyrage.x25519.Recipient.from_str(recipient)
        return KeySlot("age", pyrage.encrypt(f"{key.text()}\n".encode(), [to]))
    except (pyrage.RecipientError, pyrage.EncryptError, ValueError):
        raise ProfileError(
            f"{recipient[:80]!r} is no age recipient: one begins with 'age1', or is an SSH public key"
        ) from None


def check_kind(slots: Sequence[KeySlot], sealed: bool) -> None:
    """The header says whether a profile is sealed, and is not signed: the slots have to say the same, or one
    who changes the header would make the next save a plain one."""
    if any((slot.kind == "open") == sealed for slot in slots):
        raise DamagedProfile("Its header and its key slots contradict each other")


def unwrap(slots: Sequence[KeySlot], unlock: Unlock, public: bytes) -> ProfileKey:
    """The profile's key, from whichever slot these means open; it is this profile's or LockedProfile is
    raised."""
    if any(slot.kind == "open" for slot in slots):
        if len(slots) != 1:
            raise DamagedProfile("Its key slots contradict each other")
        return _belonging(ProfileKey(slots[0].wrapped), public)
    if not slots:
        raise LockedProfile("The profile was wiped: its key slots are gone, and nothing opens it again")
    if unlock.key is not None:
        return _belonging(ProfileKey.from_text(unlock.key), public)
    if unlock.identity is not None:
        return _belonging(_with_identity(slots, unlock.identity, unlock.passphrase), public)
    if unlock.passphrase is not None:
        return _belonging(_with_passphrase(slots, unlock.passphrase, public), public)
    raise LockedProfile("The profile is sealed: it opens with a passphrase or an age identity")


def other_slots(
    slots: Sequence[KeySlot],
    unlock: Unlock,
    public: bytes,
    *,
    add: NewKeys | None = None,
    remove: Sequence[int] = (),
) -> list[KeySlot]:
    """The slots with some added and some (by their places) removed; `unlock` says that one may."""
    key = unwrap(slots, unlock, public)
    if any(slot.kind == "open" for slot in slots):
        raise ProfileError("The profile is not sealed: a sealed copy of it has keys, not this file")
    if any(not 0 <= index < len(slots) for index in remove):
        raise ProfileError(f"The profile has no such key slot: there are {len(slots)}")
    kept = [slot for index, slot in enumerate(slots) if index not in remove]
    kept += new_slots(key, add) if add else []
    if not kept:
        raise ProfileError("That is the last key slot: without it nobody could open the profile")
    if len(kept) > MAX_SLOTS:
        raise ProfileError(f"A profile has at most {MAX_SLOTS} key slots")
    return kept


def changed_passphrase(slots: Sequence[KeySlot], old: str, new: str, public: bytes) -> list[KeySlot]:
    """The slots with a new passphrase in the place of the old one; the others stay."""
    unlock = Unlock(passphrase=old)
    unwrap(slots, unlock, public)  # with its reason where it does not open
    index = slot_opened_by(slots, unlock, public)
    if index is None or slots[index].kind != "passphrase":
        raise ProfileError("The profile is not sealed: it has no passphrase")
    changed = list(slots)
    changed[index] = passphrase_slot(unwrap(slots, unlock, public), new)
    return changed


def slot_opened_by(slots: Sequence[KeySlot], unlock: Unlock, public: bytes) -> int | None:
    """Which slot these means open, to replace or remove it; None where none does."""
    for index, slot in enumerate(slots):
        try:
            unwrap([slot], unlock, public)
        except ProfileError:
            continue
        return index
    return None


def check_slots(slots: Sequence[KeySlot]) -> None:
    """Refuse what no program of this project writes, before any work is done with it."""
    if len(slots) > MAX_SLOTS:
        raise DamagedProfile(f"It has {len(slots)} key slots, more than {MAX_SLOTS}")
    work = sum(part.memory * part.passes for slot in slots if (part := _argon(slot)))
    if work > MAX_WORK:
        raise DamagedProfile("Its passphrase slots ask for more memory and time than any real one needs")


def _belonging(key: ProfileKey, public: bytes) -> ProfileKey:
    if key.public != public:
        raise LockedProfile("That key is of another profile")
    return key


def _argon(slot: KeySlot) -> _Argon | None:
    if slot.kind != "passphrase":
        return None
    try:
        part = msgspec.msgpack.decode(slot.wrapped, type=_Argon)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise DamagedProfile("A passphrase slot of it is damaged") from None
    if part.memory < 8 * part.lanes:
        raise DamagedProfile("A passphrase slot of it is damaged")
    return part


def _from_passphrase(part: _Argon, passphrase: str) -> tuple[AESGCM, bytes]:
    typed = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")
    if not typed:
        raise ProfileError("An empty passphrase protects nothing")
    if len(typed) > MAX_PASSPHRASE:
        raise ProfileError(f"A passphrase has at most {MAX_PASSPHRASE} bytes")
    argon = Argon2id(
        salt=part.salt, length=44, iterations=part.passes, lanes=part.lanes, memory_cost=part.memory
    )
    derived = argon.derive(typed)
    return AESGCM(derived[:32]), derived[32:]


def _with_passphrase(slots: Sequence[KeySlot], passphrase: str, public: bytes) -> ProfileKey:
    check_slots(slots)
    parts = [part for slot in slots if (part := _argon(slot))]
    if not parts:
        raise LockedProfile("The profile has no passphrase: it opens with an age identity")
    for part in parts:
        cipher, nonce = _from_passphrase(part, passphrase)
        try:
            return ProfileKey(cipher.decrypt(nonce, part.sealed, public))
        except InvalidTag:
            continue
    raise LockedProfile("The passphrase does not open this profile")


def _with_identity(slots: Sequence[KeySlot], path: Path, passphrase: str | None) -> ProfileKey:
    identities = read_identities(path, passphrase)
    if not any(slot.kind == "age" for slot in slots):
        raise LockedProfile("The profile has no age recipient: it opens with a passphrase")
    for slot in slots:
        if slot.kind != "age":
            continue
        try:
            text = pyrage.decrypt(slot.wrapped, identities)
            return ProfileKey.from_text(text.decode("ascii"))
        except (pyrage.DecryptError, ValueError, ProfileError):
            continue
    raise LockedProfile(f"The identity in {path.name} does not open this profile")
