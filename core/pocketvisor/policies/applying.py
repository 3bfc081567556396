"""A policy or an order comes in: checked against what governs the profile already, kept in the store in one
transaction, and written into the profile's file.

The first policy of a profile takes it over: whoever applies it has to be able to open the profile, whose own
key then binds it to the authority. All later documents prove themselves, and need no key. A program killed in
between leaves the state before or the one after; where the file is behind, the next look brings it in line.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from pocketvisor.errors import PolicyError, ProfileError
from pocketvisor.policies import carried as carrying
from pocketvisor.policies.audit import AuditLog
from pocketvisor.policies.carried import RELEASE_MAX, Governance
from pocketvisor.policies.clock import FROM_THE_FUTURE
from pocketvisor.policies.document import SignedPolicy, read_policy
from pocketvisor.policies.governed import carried_by
from pocketvisor.policies.keeping import absorbed, first_kept, read_kept, with_governance
from pocketvisor.policies.orders import SignedOrder, is_order, read_order
from pocketvisor.policies.signing import parted
from pocketvisor.policies.store import GovernanceStore, Kept
from pocketvisor.policies.times import day_of
from pocketvisor.profile.file import ProfileFile

DOCUMENTS_MAX: Final = 16


class Applied(Struct, frozen=True):
    """What became of one document."""

    what: str
    """As the audit log calls it."""
    sentence: str
    changed: bool = True


class NoAuthority(PolicyError):
    """Nobody governs the profile as yet: its file is needed, and what opens it."""


def profile_of(delivery: bytes) -> bytes:
    """The one profile that all documents of a delivery are for. Raises PolicyError."""
    ids = {
        read_order(each).order.profile_id if is_order(each) else read_policy(each).policy.profile
        for each in parted(delivery)
    }
    if len(ids) != 1:
        raise PolicyError("What was delivered is for several profiles: deliver it for each of them")
    return ids.pop()


def deliver(
    delivery: bytes,
    profile: bytes,
    *,
    file: ProfileFile | None = None,
    store: GovernanceStore | None = None,
    who: str = "",
) -> list[Applied]:
    """Applies a policy, an order or several, all or none. `file`: the profile's, where it is at hand; it has
    to be for the first policy, and unlocked.

    Raises PolicyError with what is wrong with which; NoAuthority where the file is missing."""
    store = store or GovernanceStore()
    blobs = carried_by(file) if file is not None else []
    now = store.now_ns()
    done: list[Applied] = []

    def change(kept: Kept | None) -> Kept | None:
        kept, done[:] = _taken(absorbed(kept, blobs, profile).kept, delivery, profile, now, file)
        return kept

    try:
        kept = store.change(profile, change)
    except PolicyError as error:
        if store.stamp() is not None and store.kept(profile) is not None:
            _written_down(store, profile, [Applied("refused: delivery", str(error))], who)
        raise
    _written_down(store, profile, [each for each in done if each.changed], who)
    if file is not None and kept is not None and not file.read_only and file.carried != kept.carried:
        file.carry(kept.carried)
    return done


def would_take(
    delivery: bytes, profile: bytes, *, file: ProfileFile | None = None, store: GovernanceStore | None = None
) -> list[Applied]:
    """What deliver() would answer now. Nothing changes, and nothing is written down. Raises what it would."""
    store = store or GovernanceStore()
    blobs = carried_by(file) if file is not None else []
    kept = absorbed(store.kept(profile), blobs, profile).kept
    return _taken(kept, delivery, profile, store.now_ns(), file)[1]


def _taken(
    kept: Kept | None, delivery: bytes, profile: bytes, now: int, file: ProfileFile | None
) -> tuple[Kept | None, list[Applied]]:
    documents = parted(delivery)
    if len(documents) > DOCUMENTS_MAX:
        raise PolicyError(f"At most {DOCUMENTS_MAX} documents are delivered at once")
    done: list[Applied] = []
    for document in documents:
        if is_order(document):
            kept, applied = _ordered(kept, read_order(document), profile, now)
        else:
            kept, applied = _governed(kept, read_policy(document), profile, now, file)
        done.append(applied)
    return kept, done


def _written_down(store: GovernanceStore, profile: bytes, applied: Sequence[Applied], who: str) -> None:
    """What was decided holds, also where it cannot be written down: a full disk keeps no lock open."""
    log = AuditLog(profile, store)
    for each in applied:
        try:
            log.append(each.what, who, each.sentence)
        except PolicyError:
            return


# Policies


def _governed(
    kept: Kept | None, signed: SignedPolicy, profile: bytes, now: int, file: ProfileFile | None
) -> tuple[Kept, Applied]:
    policy = signed.policy
    if policy.profile != profile:
        raise PolicyError(f"The policy is for another profile: {policy.profile.hex()}")
    known = read_kept(kept, profile) if kept is not None else None
    if known is not None and signed.signer == known.carried.authority and signed.text == known.policy.text:
        assert kept is not None
        return kept, Applied("policy", f"Policy {policy.number} is in force already", changed=False)
    if policy.issued_ns > now + FROM_THE_FUTURE:
        raise PolicyError(f"The policy is from the future: it was issued on {day_of(policy.issued_ns)}")
    if policy.expires_ns is not None and policy.expires_ns <= now:
        raise PolicyError(f"The policy expired on {day_of(policy.expires_ns)}")
    if policy.release and len(signed.document) > RELEASE_MAX:
        raise PolicyError("A policy that releases a profile has the section [policy] alone")
    if kept is None or known is None:
        return _first(signed, file, 1, b"")
    if known.policy.policy.release:
        made, applied = _first(signed, file, known.carried.epoch + 1, known.carried.policy)
        return msgspec.structs.replace(made, wipe=kept.wipe, wipe_why=kept.wipe_why), applied
    if signed.signer != known.carried.authority:
        raise PolicyError(
            f"The policy is signed by another key than the one that governs this profile:"
            f" {signed.signer.hex()[:12]}, not {known.carried.authority.hex()[:12]}"
        )
    number = known.policy.policy.number
    if policy.number < number:
        raise PolicyError(f"The policy is older than the one in force: {policy.number}, not {number}")
    if policy.number == number:
        raise PolicyError(
            f"Another policy is in force under the number {number}: a new one needs {number + 1}"
        )
    carried = msgspec.structs.replace(known.carried, policy=signed.document)
    new = with_governance(kept, known, carrying.checked(carried, profile))
    said = "releases the profile" if policy.release else "is in force"
    return new, Applied("policy", f"Policy {policy.number} of {_whose(signed)} {said}")


def _first(
    signed: SignedPolicy, file: ProfileFile | None, epoch: int, released: bytes
) -> tuple[Kept, Applied]:
    if signed.policy.release:
        raise PolicyError("Nobody governs this profile: there is nothing to release it from")
    if file is None:
        raise NoAuthority("Nobody governs this profile as yet: the first policy needs its file")
    try:
        sealer = file.sealer
    except ProfileError as error:
        raise NoAuthority(f"The first policy of a profile needs what opens it: {error}") from None
    public = file.header.public
    carried = carrying.bound(sealer, public, signed.signer, epoch, signed.document, released)
    governance = carrying.checked(carried, file.id)
    sentence = (
        f"Policy {signed.policy.number} of {_whose(signed)} is in force: the key"
        f" {signed.signer.hex()[:12]} governs the profile from now on"
    )
    return first_kept(governance), Applied("policy", sentence)


# Orders


def _ordered(kept: Kept | None, signed: SignedOrder, profile: bytes, now: int) -> tuple[Kept, Applied]:
    order = signed.order
    if order.profile_id != profile:
        raise PolicyError(f"The {order.kind} is for another profile: {order.profile}")
    if kept is None:
        raise PolicyError(f"Nobody governs this profile: a {order.kind} needs a policy first")
    known = read_kept(kept, profile)
    if known.policy.policy.release:
        raise PolicyError(f"The profile was released: nobody can send it a {order.kind}")
    if signed.signer != known.carried.authority:
        raise PolicyError(f"The {order.kind} is signed by another key than the one that governs this profile")
    if order.issued_ns < known.released_ns:
        raise PolicyError(f"The {order.kind} is from before the phone was released: it is of no use any more")
    if order.serial <= kept.serial:
        raise PolicyError(
            f"The {order.kind} is old or was used already: its serial number is {order.serial},"
            f" and {kept.serial} was seen"
        )
    if order.issued_ns > now + FROM_THE_FUTURE:
        raise PolicyError(f"The {order.kind} is from the future: it was issued on {day_of(order.issued_ns)}")
    if order.valid_until_ns <= now:
        raise PolicyError(
            f"The {order.kind} was good until {day_of(order.valid_until_ns)}: it comes too late"
        )
    if order.kind == "check-in":
        carried = msgspec.structs.replace(known.carried, check_in=signed.document)
    else:
        carried = msgspec.structs.replace(known.carried, state_order=signed.document)
    governance = carrying.checked(carried, profile)
    new = with_governance(kept, known, governance)
    return new, Applied(order.kind, _said(governance, signed))


def _said(governance: Governance, signed: SignedOrder) -> str:
    owner, order = governance.policy.policy.owner, signed.order
    reason = f": {order.reason}" if order.reason else ""
    return {
        "check-in": f"{owner} was heard of{reason}",
        "lock": f"{owner} has locked the phone{reason}",
        "unlock": f"{owner} lets the phone be used{reason}",
        "wipe": f"{owner} has the phone wiped{reason}",
    }[order.kind]


def _whose(signed: SignedPolicy) -> str:
    return signed.policy.organisation or f"the key {signed.signer.hex()[:12]}"
