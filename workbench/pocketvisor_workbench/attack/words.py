"""What an attack's score sheet says, in the words of the window and of what is exported."""

from pocketvisor.attack.sheet import Effect, Outcome, SecretSearch
from pocketvisor.control.isolation import Isolation
from pocketvisor_workbench.words import size_words

FAMILIES = {"guest": "inside a guest", "engine": "engine taken over"}
EFFECTS = {
    "ram": "RAM",
    "panel": "Screen",
    "disks": "Disks",
    "files": "Files",
    "frames": "Frame rate",
    "console": "Console",
    "processes": "Processes",
}
_STOPPERS_SHOWN = 3


def count_words(count: int) -> str:
    return f"{count:,}".replace(",", "\u2009")


def effect_name(effect: Effect) -> str:
    return EFFECTS.get(effect.name.casefold(), effect.name[:1].upper() + effect.name[1:])


def effect_words(effect: Effect) -> str:
    return effect.after if effect.before == effect.after else f"{effect.before} → {effect.after}"


def result_words(outcome: Outcome) -> str:
    if not outcome.attempts:
        return "not tried"
    return f"{count_words(outcome.reached)} reached it" if outcome.reached else "held"


def stopper_words(outcome: Outcome) -> str:
    """What stopped most of them, the most frequent first."""
    ranked = sorted(outcome.stopped_by.items(), key=lambda item: -item[1])
    if len(ranked) == 1 and not outcome.sentence:
        return ranked[0][0]
    words = [f"{what} {count_words(count)}" for what, count in ranked[:_STOPPERS_SHOWN]]
    if len(ranked) > _STOPPERS_SHOWN:
        words.append(f"{len(ranked) - _STOPPERS_SHOWN} more")
    return ", ".join(words) or outcome.kind.defence


def secrets_words(search: SecretSearch) -> str:
    return f"{len(search.found) or 'none'} of {search.secrets} found"


def searched_words(search: SecretSearch) -> str:
    """Where they were searched for, or where they are."""
    if search.found:
        return "\n".join(search.found)
    places = ", ".join(f"{place} ({size_words(size)})" for place, size in search.places.items())
    return f"Searched: {places}"


def isolation_words(isolation: Isolation | None) -> list[str]:
    """What a guest's process has given up, a few words each."""
    if isolation is None:
        return []
    words = []
    if isolation.calls_allowed:
        words.append(f"{isolation.calls_allowed} system calls allowed, all others refused")
    if isolation.landlock:
        words.append("no file, port or signal (Landlock)")
    if isolation.no_new_privileges:
        words.append("no new privileges")
    words.append(
        f"{isolation.capabilities} capabilities left" if isolation.capabilities else "no capabilities"
    )
    if isolation.no_new_threads:
        words.append("no new threads")
    words.extend(limit_words(name, value) for name, value in isolation.limits.items())
    return words


_IN_BYTES = ("AS", "DATA", "FSIZE", "MEMLOCK", "STACK", "CORE", "MSGQUEUE")
_LIMITS = {
    "AS": "address space",
    "NOFILE": "files open",
    "FSIZE": "size of a file",
    "NPROC": "processes",
    "MEMLOCK": "locked memory",
    "CORE": "core dump",
}


def limit_words(name: str, value: int) -> str:
    return f"{_LIMITS.get(name, name)}: {size_words(value) if name in _IN_BYTES else value}"
