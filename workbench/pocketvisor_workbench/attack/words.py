"""What an attack's score sheet says, in the words of the window and of what is exported."""

from string import hexdigits

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
_DIGEST_LEAST, _DIGEST_SHOWN = 32, 10


def count_words(count: int) -> str:
    return f"{count:,}"


def effect_name(effect: Effect) -> str:
    return EFFECTS.get(effect.name.casefold(), effect.name[:1].upper() + effect.name[1:])


def effect_words(effect: Effect) -> str:
    before, after = _short(effect.before), _short(effect.after)
    if before == after or effect.before == effect.after:
        return after or ("as before" if effect.unchanged else "changed")
    return f"{before or 'nothing'} → {after or 'nothing'}"


def _short(value: str) -> str:
    """A digest is told from another by its beginning."""
    is_digest = len(value) >= _DIGEST_LEAST and all(digit in hexdigits for digit in value)
    return f"{value[:_DIGEST_SHOWN]}…" if is_digest else value


def result_words(outcome: Outcome) -> str:
    if not outcome.attempts:
        return "not tried"
    return f"{count_words(outcome.reached)} reached it" if outcome.reached else "held"


def stopper_words(outcome: Outcome, *, all_of_them: bool = False) -> str:
    """What stopped most of them, the most frequent first."""
    most = len(outcome.stopped_by) if all_of_them else _STOPPERS_SHOWN
    ranked = sorted(outcome.stopped_by.items(), key=lambda item: -item[1])
    if len(ranked) == 1 and not outcome.sentence:
        return ranked[0][0]
    words = [f"{what} {count_words(count)}" for what, count in ranked[:most]]
    if len(ranked) > most:
        words.append(f"{len(ranked) - most} more")
    return ", ".join(words) or outcome.kind.defence


def secrets_words(search: SecretSearch) -> str:
    return f"{len(search.found) or 'none'} of {search.secrets} found"


def searched_words(search: SecretSearch) -> str:
    """Where they were searched for, or where they are."""
    if search.found:
        return "\n".join(search.found)
    places = ", ".join(f"{place} ({size_words(size)})" for place, size in search.places.items())
    return f"Searched: {places}"


def isolation_words(isolation: Isolation | None, *, limits: bool = False) -> list[str]:
    """What a guest's process has given up, a few words each. `limits`: all bounds, also lesser ones."""
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
    none = [_NONE[name] for name, most in isolation.limits.items() if limits and name in _NONE and not most]
    if none:
        words.append(" or ".join(["no " + ", ".join(none[:-1]), none[-1]] if none[1:] else [f"no {none[0]}"]))
    for name, most in isolation.limits.items():
        if name in _LIMITS or (limits and (most or name not in _NONE)):
            words.append(limit_words(name, most))
    return [*words, *isolation.lacks]


_IN_BYTES = ("AS", "DATA", "FSIZE", "MEMLOCK", "STACK", "CORE", "MSGQUEUE")
_LIMITS = {
    "AS": "address space",
    "NOFILE": "files open",
    "FSIZE": "size of a file",
    "NPROC": "processes",
}
_LESSER = {"DATA": "memory of its own", "STACK": "stack"}
_NONE = {
    "CORE": "core dumps",
    "MEMLOCK": "locked memory",
    "MSGQUEUE": "message queues",
    "RTPRIO": "real-time priority",
    "NICE": "raised priority",
}
"""What a bound of 0 rules out."""


def limit_words(name: str, value: int) -> str:
    most = size_words(value) if name in _IN_BYTES else str(value)
    return f"{_LIMITS.get(name) or _LESSER.get(name, name)} at most {most}"
