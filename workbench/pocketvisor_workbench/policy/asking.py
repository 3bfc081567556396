"""What a guest's policy says to what somebody in front of the window wants to do.

The core asks again at its own doors: what is asked here greys out, explains, and stops before a dialog opens
for nothing.
"""

from typing import TYPE_CHECKING, Any

from pocketvisor.errors import Refused

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.policies.act import Act


def why_not(guest: "Guest | None", act: "Act | None", **details: Any) -> str:
    """The sentence why a policy does not allow it; empty where it does, or where nobody governs the guest.
    Nobody is told that it was asked."""
    if guest is None or act is None:
        return ""
    return guest.allows(act, **details)


def try_it(guest: "Guest | None", act: "Act | None", **details: Any) -> str:
    """As why_not(), by somebody who really wants it: a refusal is in the audit log."""
    if guest is None or act is None:
        return ""
    try:
        guest.check(act, **details)
    except Refused as refusal:
        return str(refusal)
    return ""
