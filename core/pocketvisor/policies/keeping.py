"""What the store keeps of a profile, and what becomes of it when a copy carries something newer. Pure."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from pocketvisor.errors import PolicyError
from pocketvisor.policies import carried as carrying
from pocketvisor.policies.carried import Governance
from pocketvisor.policies.merging import Conflict, merged, newest
from pocketvisor.policies.store import Kept


class Absorbed(Struct, frozen=True):
    """`problems`: copies that claim something that cannot be."""

    kept: Kept | None
    problems: tuple[str, ...] = ()


def read_kept(kept: Kept, profile: bytes) -> Governance:
    """Raises PolicyError."""
    return carrying.decode(kept.carried, profile)


def absorbed(kept: Kept | None, blobs: Sequence[bytes], profile: bytes) -> Absorbed:
    """Raises PolicyError where nothing is known and what the copies say cannot be read or contradicts."""
    if kept is None:
        governance = newest([carrying.decode(blob, profile) for blob in blobs])
        return Absorbed(None if governance is None else first_kept(governance))
    known = before = read_kept(kept, profile)
    problems = []
    for blob in blobs:
        if blob == kept.carried:
            continue
        try:
            known = merged(known, carrying.decode(blob, profile))
        except PolicyError as error:  # a Conflict, or a damaged copy of what is known here
            if isinstance(error, Conflict):
                problems.append(str(error))
    if known is not before:
        kept = with_governance(kept, before, known)
    return Absorbed(kept, tuple(problems))


def first_kept(governance: Governance) -> Kept:
    kept = Kept(carried=carrying.encode(governance.carried), serial=governance.serial)
    return _ordered(kept, governance)


def with_governance(kept: Kept, before: Governance, new: Governance) -> Kept:
    """With newer parts in it; a wipe that is new begins, and an unlock that is new ends one."""
    changed = msgspec.structs.replace(
        kept, carried=carrying.encode(new.carried), serial=max(kept.serial, new.serial)
    )
    if new.carried.state_order == before.carried.state_order:
        return changed
    return _ordered(changed, new)


def _ordered(kept: Kept, governance: Governance) -> Kept:
    signed = governance.state_order
    if signed is None or signed.order.kind == "lock":
        return kept
    if signed.order.kind == "unlock":
        return msgspec.structs.replace(kept, wipe="", wipe_why="")
    if kept.wipe:
        return kept
    reason = f": {signed.order.reason}" if signed.order.reason else ""
    why = f"{governance.policy.policy.owner} has had this phone wiped{reason}"
    return msgspec.structs.replace(kept, wipe="begun", wipe_why=why)
