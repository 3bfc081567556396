"""What comes of an attack: each kind's count, what stopped it, and how the neighbour is afterwards."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from pocketvisor.control.isolation import Isolation

Family = Literal["guest", "engine"]


class Kind(Struct, frozen=True):
    """One way of attacking. `family`: from inside a guest ("guest"), or as an engine that was taken over,
    with code of the attacker's in the guest's own process ("engine")."""

    name: str
    family: Family
    title: str
    """What is tried, for a person."""
    defence: str
    """What is there to stop it."""


class Outcome(Struct, frozen=True):
    """What came of one kind. `reached`: how many attempts got what they were after."""

    kind: Kind
    attempts: int
    reached: int
    stopped_by: dict[str, int] = {}
    """What stopped how many attempts: "EPERM", "a data abort", ..."""
    sentence: str = ""
    """Only where something is to be said about it; of what was reached always."""
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        """An attack that was not made has held nothing."""
        return self.attempts > 0 and not self.reached


class Effect(Struct, frozen=True):
    """Something of the neighbour's or the host's that was looked at before and after."""

    name: str
    """"RAM", "panel", "disks", "files", "frames", "console", "processes", ..."""
    before: str
    after: str
    unchanged: bool
    note: str = ""


class SecretSearch(Struct, frozen=True):
    """The neighbour's secrets, searched for in all that the attacker can reach."""

    secrets: int
    """How many were planted, or taken as samples of its RAM."""
    places: dict[str, int]
    """Where was searched, and how many bytes there."""
    found: tuple[str, ...] = ()
    """A sentence each; empty is what should be."""


class ScoreSheet(Struct, frozen=True):
    handset: str
    attacker: str
    victim: str
    isolation: Isolation | None
    """Of the attacker's process, as it reported it itself."""
    outcomes: tuple[Outcome, ...]
    effects: tuple[Effect, ...]
    secrets: SecretSearch
    seconds: float
    complete: bool = True
    """False where it was ended early: all is as before, and what was not tried is not here."""

    @property
    def attempts(self) -> int:
        return sum(outcome.attempts for outcome in self.outcomes)

    @property
    def kinds(self) -> int:
        return sum(outcome.attempts > 0 for outcome in self.outcomes)

    @property
    def held(self) -> bool:
        """Nothing was reached, nothing changed, no secret was found."""
        return (
            bool(self.outcomes)
            and all(outcome.held for outcome in self.outcomes)
            and all(effect.unchanged for effect in self.effects)
            and not self.secrets.found
        )

    @property
    def sentence(self) -> str:
        counted = f"{self.attempts:,} attempts of {self.kinds} kinds"
        if self.held:
            return f"{counted}: none reached anything, and {self.victim} is as it was"
        reached = [outcome.kind.name for outcome in self.outcomes if outcome.reached]
        parts = [f"{_named(reached)} reached something"] if reached else []
        effects = [effect.name for effect in self.effects if not effect.unchanged]
        parts += [f"{self.victim}'s {_named(effects)} changed"] if effects else []
        found = len(self.secrets.found)
        parts += [f"{found} secret{'s were' if found != 1 else ' was'} found"] if found else []
        untried = [outcome.kind.name for outcome in self.outcomes if not outcome.attempts]
        parts += [f"{_named(untried)} could not be tried"] if untried else []
        return f"{counted}: {', '.join(parts) or 'nothing was tried'}"


def _named(names: list[str]) -> str:
    most = 4
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def plain(sheet: ScoreSheet) -> dict[str, Any]:
    """For JSON: what it says, and what that comes to."""
    built: dict[str, Any] = msgspec.to_builtins(sheet)
    counted = {"held": sheet.held, "attempts": sheet.attempts, "kinds": sheet.kinds}
    return counted | {"sentence": sheet.sentence} | built


class Progress(Struct, frozen=True):
    """Told while it runs. `latest`: the outcome that has just come in."""

    done: int
    total: int
    words: str
    """What is being done now."""
    kind: Kind | None = None
    latest: Outcome | None = None

    @property
    def fraction(self) -> float:
        return self.done / max(self.total, 1)
