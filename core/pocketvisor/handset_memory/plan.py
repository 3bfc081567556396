"""Who gives memory back, and how much: a plan, from figures alone.

Idle guests in the background give first, then busy ones there, then the one in the foreground; within each
those that hold most beyond what they cannot do without. What was taken comes back as there is room again,
to the foreground first. A guest without a balloon can give nothing: a guest comes only where there is room
for all of such guests' RAM, though what counts from then on is what they hold.
"""

from collections.abc import Sequence

from msgspec import Struct

MIB = 1 << 20


class Holder(Struct, frozen=True, kw_only=True):
    """In bytes. `held`: now; `least`: it is asked for nothing below, which is all of its RAM for one that
    cannot be asked; `limit`: what it is asked to keep to, None for such a one; `spare`: what it says that it
    could give, None where it says nothing."""

    id: str
    ram: int
    held: int
    least: int
    limit: int | None
    idle: bool = False
    foreground: bool = False
    spare: int | None = None
    deaf: bool = False
    """It was asked before, and did not do it."""

    @property
    def can_give(self) -> int:
        if self.limit is None or self.deaf:
            return 0
        give = self.held - self.least
        return max(give if self.spare is None else min(give, self.spare), 0)


def least_of(ram: int) -> int:
    """What a guest with a balloon is left: a quarter of what it sees, and enough for a kernel at rest."""
    return min(ram, max(ram // 4, 32 * MIB))


def reserve_of(ram: int) -> int:
    """What a handset keeps free, so that who grows does not wait."""
    return max(ram // 16, 8 * MIB)


def can_have(ram: int, holders: Sequence[Holder], wanted: int) -> bool:
    """Is there room for so much, if all others give what they can do without?"""
    return sum(holder.least for holder in holders) + wanted <= ram


def used(ram: int, holders: Sequence[Holder]) -> int:
    """What is spoken for: what guests hold, and what they cannot do without. More than there is it is only
    where they hold more."""
    spoken_for = sum(max(holder.held, holder.least) for holder in holders)
    return max(sum(holder.held for holder in holders), min(spoken_for, ram))


def limits(ram: int, holders: Sequence[Holder], wanted: int = 0) -> dict[str, int]:
    """New limits, by id, for those that are to be asked anew. `wanted`: for a guest that is to come."""
    free = ram - sum(holder.held for holder in holders) - wanted
    reserve = reserve_of(ram)
    if free < reserve:
        return _take(holders, reserve - free)
    return _give(holders, free - reserve) if free > 2 * reserve else {}


def _take(holders: Sequence[Holder], needed: int) -> dict[str, int]:
    order = sorted(
        holders, key=lambda one: (one.foreground, not one.idle, -one.can_give)
    )  # False comes before True
    asked: dict[str, int] = {}
    for holder in order:
        take = min(holder.can_give, needed)
        if take < MIB or holder.limit is None:
            continue
        needed -= take
        limit = _whole(holder.held - take)
        if limit < holder.limit:
            asked[holder.id] = limit
    return asked


def _give(holders: Sequence[Holder], spare: int) -> dict[str, int]:
    """Half of it at a time: who is given more may take it all at once."""
    given: dict[str, int] = {}
    left = spare // 2
    for holder in sorted(holders, key=lambda one: (not one.foreground, one.idle)):
        if holder.limit is None or holder.limit >= holder.ram or left < MIB:
            continue
        more = min(left, holder.ram - holder.limit)
        left -= more
        given[holder.id] = min(_whole(holder.limit + more), holder.ram)
    return given


def _whole(size: int) -> int:
    """A balloon is asked for whole MiB."""
    return size // MIB * MIB
