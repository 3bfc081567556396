"""The attack: a hostile guest's whole set against its neighbour and its host, counted.

Judged: how many attempts of how many kinds, what they reached, and what of the neighbour changed, its secrets
in the attacker's reach among it. How long it takes is said beside it.
"""

from pocketvisor.attack.attack import Attack
from pocketvisor.attack.sheet import Progress
from pocketvisor.handset import Handset
from pocketvisor.models import load_models

from .bench import Bench
from .figures import Figure

_MODEL = "nexus-one"
_ATTEMPTS_GOAL, _KINDS_GOAL = 10_000, 25


async def measure(bench: Bench) -> list[Figure]:
    handset = Handset(load_models()[_MODEL])

    def say(told: Progress) -> None:
        if told.latest is None and told.kind is not None:
            bench.say(told.kind.name)

    try:
        sheet = await Attack(handset).run(say)
    finally:
        await handset.close()
    changed = [effect.name for effect in sheet.effects if not effect.unchanged] + list(sheet.secrets.found)
    taken = [outcome.kind.name for outcome in sheet.outcomes if not outcome.held]
    words = [f"{effect.name} {effect.before} and {effect.after}" for effect in sheet.effects if effect.note]
    worst = [
        ("attempts", sheet.attempts, _ATTEMPTS_GOAL, ""),
        ("kinds", sheet.kinds, _KINDS_GOAL, ""),
        ("kinds not held", len(taken), 0, ", ".join(taken)),
        ("changed", len(changed), 0, ", ".join(changed or words)),
    ]
    figures = [
        Figure(name=name, unit="", ours=[value], judge="worst", goal=goal, more_is_better=goal > 0, note=note)
        for name, value, goal, note in worst
    ]
    return [*figures, Figure(name="the whole set", unit="s", ours=[sheet.seconds])]
