"""What a profile's file carries of what governs it: in its record "policy" and in each of its generations.

Everything in it is signed. The authority's key is bound to the profile by the profile's own signature, so
that nobody binds a profile that they cannot open; policies and orders are the authority's. Copies are
combined with what this machine knows (merging.py), so none that is older or was taken away undoes anything.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from pocketvisor.errors import DamagedProfile, PolicyError
from pocketvisor.policies.document import SignedPolicy, read_policy
from pocketvisor.policies.orders import SignedOrder, read_order
from pocketvisor.policies.signing import LARGEST, DocumentKind
from pocketvisor.profile import signing
from pocketvisor.profile.sealing import Sealer

RECORD: Final = "policy"
CARRIED_MAX: Final = 64 << 10
RELEASE_MAX: Final = 2 << 10
"""Of a policy that releases a profile, which is carried besides the next authority's."""

Key = Annotated[bytes, Meta(min_length=32, max_length=32)]
_Policy = Annotated[bytes, Meta(max_length=LARGEST[DocumentKind.POLICY])]
_Order = Annotated[bytes, Meta(max_length=LARGEST[DocumentKind.ORDER])]


class Carried(Struct, frozen=True, array_like=True, kw_only=True):
    """`epoch`: 1 for the first authority; the next one after a release is 2. `released`: the policy with
    which the one before let it go."""

    public: Key
    authority: Key
    epoch: Annotated[int, Meta(ge=1, le=10_000)]
    binding: Annotated[bytes, Meta(min_length=64, max_length=64)]
    policy: _Policy
    released: Annotated[bytes, Meta(max_length=RELEASE_MAX)] = b""
    state_order: _Order = b""
    """The newest lock, unlock or wipe."""
    check_in: _Order = b""


class Governance(Struct, frozen=True, kw_only=True):
    """The same, read, with every signature checked."""

    carried: Carried
    policy: SignedPolicy
    state_order: SignedOrder | None
    check_in: SignedOrder | None
    released_ns: int = -1 << 80
    """When the authority before let it go: no order is older, or one from its time would count again."""

    @property
    def profile(self) -> bytes:
        return signing.profile_id(self.carried.public)

    @property
    def serial(self) -> int:
        """The greatest of an order."""
        return max((each.order.serial for each in (self.state_order, self.check_in) if each), default=0)

    @property
    def contact_ns(self) -> int:
        """When IT was last heard of: the last check-in, or a policy that is younger."""
        issued = self.policy.policy.issued_ns
        return max(issued, self.check_in.order.issued_ns) if self.check_in else issued


def binding_message(profile: bytes, authority: bytes, epoch: int) -> bytes:
    return b"authority\0" + profile + authority + epoch.to_bytes(4, "big")


def bound(
    sealer: Sealer, public: bytes, authority: bytes, epoch: int, policy: bytes, released: bytes
) -> Carried:
    """What an authority takes over with, made by one who can open the profile."""
    message = binding_message(signing.profile_id(public), authority, epoch)
    return Carried(
        public=public,
        authority=authority,
        epoch=epoch,
        binding=sealer.sign(message),
        policy=policy,
        released=released,
    )


def encode(carried: Carried) -> bytes:
    return msgspec.msgpack.encode(carried)


def decode(blob: bytes, profile: bytes) -> Governance:
    """Raises PolicyError where a part of it is not what somebody signed for this profile."""
    if len(blob) > CARRIED_MAX:
        raise PolicyError("What governs the profile is damaged: it is larger than it may be")
    try:
        carried = msgspec.msgpack.decode(blob, type=Carried)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PolicyError("What governs the profile is damaged: it cannot be read") from None
    return checked(carried, profile)


def checked(carried: Carried, profile: bytes) -> Governance:
    """Raises PolicyError."""
    if signing.profile_id(carried.public) != profile:
        raise PolicyError("What governs the profile is damaged: it belongs to another profile")
    message = binding_message(profile, carried.authority, carried.epoch)
    try:
        signing.check(carried.public, message, carried.binding)
    except DamagedProfile:
        raise PolicyError(
            "What governs the profile is damaged: nobody who can open the profile took this authority on"
        ) from None
    policy = read_policy(carried.policy)
    state_order = read_order(carried.state_order) if carried.state_order else None
    check_in = read_order(carried.check_in) if carried.check_in else None
    orders = [each for each in (state_order, check_in) if each is not None]
    signers = {policy.signer, *(each.signer for each in orders)}
    named = {policy.policy.profile, *(each.order.profile_id for each in orders)}
    if signers != {carried.authority} or named != {profile}:
        raise PolicyError("What governs the profile is damaged: a part of it is of somebody else")
    if check_in is not None and check_in.order.kind != "check-in":
        raise PolicyError("What governs the profile is damaged: its check-in is something else")
    if state_order is not None and state_order.order.kind == "check-in":
        raise PolicyError("What governs the profile is damaged: its last order is a check-in")
    governance = Governance(carried=carried, policy=policy, state_order=state_order, check_in=check_in)
    if carried.released:
        released = read_policy(carried.released).policy.issued_ns
        if any(each.order.issued_ns < released for each in orders):
            raise PolicyError("What governs the profile is damaged: an order is older than who gave it")
        governance = msgspec.structs.replace(governance, released_ns=released)
    return governance
