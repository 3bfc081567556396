"""What governs a profile, from several copies of it of different ages: of each part the newest.

Pure: whoever calls keeps the result. What does not go together is not decided by who came last: the authority
that this machine knew first stays, until it releases the profile.
"""

import msgspec

from pocketvisor.errors import PolicyError
from pocketvisor.policies.carried import Governance, checked
from pocketvisor.policies.document import read_policy
from pocketvisor.policies.orders import SignedOrder


class Conflict(PolicyError):
    """Two authorities claim one profile, and neither let it go."""


def merged(known: Governance, other: Governance) -> Governance:
    """`known`, with what is newer in the other. Raises Conflict where the other is of another authority
    that did not get it from this one; PolicyError for another document with a number that was used."""
    if other.carried.epoch < known.carried.epoch:
        return known
    if other.carried.epoch > known.carried.epoch:
        return _succeeded(known, other)
    if other.carried.authority != known.carried.authority:
        raise Conflict(
            "Two authorities claim this phone: the one known on this computer goes on governing it"
        )
    carried = known.carried
    if other.policy.policy.number > known.policy.policy.number:
        carried = msgspec.structs.replace(carried, policy=other.carried.policy)
    if other.state_order is not None and _serial(other.state_order) > _serial(known.state_order):
        carried = msgspec.structs.replace(carried, state_order=other.carried.state_order)
    if other.check_in is not None and _serial(other.check_in) > _serial(known.check_in):
        carried = msgspec.structs.replace(carried, check_in=other.carried.check_in)
    return known if carried is known.carried else checked(carried, known.profile)


def _succeeded(known: Governance, other: Governance) -> Governance:
    """The next authority, if the one before let the profile go."""
    released = read_policy(other.carried.released) if other.carried.released else None
    if (
        other.carried.epoch == known.carried.epoch + 1
        and released is not None
        and released.signer == known.carried.authority
        and released.policy.profile == known.profile
        and released.policy.release
        and released.policy.number >= known.policy.policy.number
    ):
        return other
    raise Conflict(
        "Another authority claims this phone, and the one known on this computer did not release it"
    )


def newest(governances: list[Governance]) -> Governance | None:
    """Of copies of which this machine knows none. Raises Conflict."""
    found: Governance | None = None
    for each in sorted(governances, key=lambda one: one.carried.epoch):
        found = each if found is None else merged(found, each)
    return found


def _serial(order: SignedOrder | None) -> int:
    return order.order.serial if order is not None else 0
