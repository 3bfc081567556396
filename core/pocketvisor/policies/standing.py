"""How a governed profile stands at an instant: whether it may be used, and if not why, until when."""

from typing import Final

from msgspec import Struct

from pocketvisor.policies.carried import Governance
from pocketvisor.policies.clock import SECOND
from pocketvisor.policies.store import Wipe
from pocketvisor.policies.times import day_of, within, zone_of

HOUR: Final = 3600 * SECOND


class Standing(Struct, frozen=True):
    """`until_ns`: when it opens by itself, where it does. `wipe_due`: its content has to go now, or has begun
    to. `check_in_due_ns`: until when IT has to be heard of."""

    locked: bool = False
    why: str = ""
    until_ns: int | None = None
    wipe_due: bool = False
    check_in_due_ns: int | None = None


FREE: Final = Standing()


def standing(governance: Governance, wipe: Wipe, wipe_why: str, now_ns: int) -> Standing:
    policy = governance.policy.policy
    if wipe == "done":
        return Standing(True, wipe_why or "The phone was wiped")
    if wipe == "begun":
        return Standing(True, wipe_why or "The phone is being wiped", wipe_due=True)
    order = governance.state_order
    if policy.release:
        return FREE
    due = _check_in_due(governance)
    if due is not None and policy.check_in.wipe_after_hours:
        after = policy.check_in.wipe_after_hours
        if now_ns >= governance.contact_ns + after * HOUR:
            why = f"{policy.owner} was not heard of for {after} hours: the phone is wiped, as its policy says"
            return Standing(True, why, wipe_due=True, check_in_due_ns=due)
    if order is not None and order.order.kind == "lock":
        reason = f": {order.order.reason}" if order.order.reason else ""
        return Standing(True, f"{policy.owner} has locked this phone{reason}", check_in_due_ns=due)
    if policy.expires_ns is not None and now_ns >= policy.expires_ns:
        day = day_of(policy.expires_ns)
        why = f"{policy.owner}'s policy expired on {day}: the phone is locked until a newer one"
        return Standing(True, why, check_in_due_ns=due)
    if due is not None and now_ns >= due:
        every = policy.check_in.every_hours
        why = (
            f"{policy.owner} was not heard of for {every} hours: the phone is locked until the next check-in"
        )
        return Standing(True, why, check_in_due_ns=due)
    hours = policy.hours
    if not hours.always:
        inside, changes = within(now_ns, hours.days, hours.start, hours.end, zone_of(hours.zone))
        if not inside:
            why = f"{policy.owner}'s policy lets this phone be used {hours_in_words(governance)}"
            return Standing(True, why, until_ns=changes or None, check_in_due_ns=due)
    return Standing(check_in_due_ns=due)


def hours_in_words(governance: Governance) -> str:
    hours = governance.policy.policy.hours
    days = "every day" if len(set(hours.days)) == 7 else "on " + ", ".join(hours.days)
    return f"{days} from {hours.start} to {hours.end} ({hours.zone}) alone"


def _check_in_due(governance: Governance) -> int | None:
    every = governance.policy.policy.check_in.every_hours
    return governance.contact_ns + every * HOUR if every else None
