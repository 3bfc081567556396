"""What the policy of a guest's profile says about its network, kept to: refusals in sentences and in the
audit log, and rules for the network process (gate.py), which are there before anything more passes."""

from typing import TYPE_CHECKING

from msgspec import structs

from pocketvisor.errors import Refused
from pocketvisor.network.cable import Cable
from pocketvisor.network.passt import UserAddress
from pocketvisor.network.policy import rules_of
from pocketvisor.network.rules import NetworkRules
from pocketvisor.network.spec import Mode
from pocketvisor.policies.act import Act

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest


class Wall:
    def __init__(self, guest: "Guest", cable: Cable) -> None:
        self._guest = guest
        self._cable = cable
        self._rules: NetworkRules | None = None

    @property
    def stands(self) -> bool:
        """Whether the guest reaches some hosts alone, or none."""
        return self._rules is not None

    def changed(self) -> bool:
        """Whether the policy says something else than what was put up last."""
        return self._now() != self._rules

    def put_up(self, at: UserAddress) -> None:
        """As the policy says now. `at`: what the guest is called and asks for names, as far as that is
        known."""
        self._rules = rules = self._now()
        if rules is not None and rules.hosts:
            rules = structs.replace(rules, address=at.address, gateway=at.gateway, resolver=at.dns)
        self._cable.set_rules(rules)

    def why_not(self, mode: Mode) -> str:
        """Why it is not attached to such a network; empty where it may be."""
        governed = self._guest.governed
        if mode == "none" or governed is None:
            return ""
        if why := self._guest.allows(Act.NETWORK):
            return why
        if mode == "switch" and self._now() is not None:
            return (
                f"{governed.policy.owner}'s policy says what this phone may reach, and on a switch between "
                "guests anybody could claim to be that"
            )
        return ""

    def check(self, mode: Mode, *, forwards: bool = False) -> None:
        """Raises Refused, which is in the audit log then."""
        governed = self._guest.governed
        if governed is None:
            return
        why = self.why_not(mode)
        if not why and forwards and self._now() is not None:
            why = f"{governed.policy.owner}'s policy lets nobody reach this phone: no port is forwarded to it"
        if why:
            governed.refused(Act.NETWORK, self._guest.name, why)
            raise Refused(why)

    def not_passed(self, what: dict[str, int]) -> None:
        """A line of the audit log for each; the network process has made them few."""
        governed = self._guest.governed
        if governed is None:
            return
        for where, times in what.items():
            shown = "".join(letter if letter.isprintable() else "?" for letter in where)
            sentence = f"{governed.policy.owner}'s policy does not let this phone send this: {shown}"
            governed.refused(Act.NETWORK, self._guest.name, sentence, {"times": times})

    def _now(self) -> NetworkRules | None:
        governed = self._guest.governed
        return rules_of(governed.policy.network) if governed is not None else None
