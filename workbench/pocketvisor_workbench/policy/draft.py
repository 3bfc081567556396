"""A policy that is being written: its text, and what a form changes in it.

The text is what counts. A form changes one line of it and leaves the others, with their comments, as they
are; only where that cannot be, the text is written anew.
"""

import re
import tomllib
from datetime import UTC, datetime
from typing import Any, Final

from pocketvisor.errors import PolicyError
from pocketvisor.policies.decisions import Effect, effects
from pocketvisor.policies.document import Policy, parse_policy
from pocketvisor_workbench.policy.rows import Row

Table = dict[str, dict[str, Any]]

TEXT_MAX: Final = 56 << 10


class Draft:
    """`table` is what the text says, where it says anything."""

    def __init__(self, text: str) -> None:
        self.table: Table = {}
        self.policy: Policy | None = None
        self.problem = ""
        self.set_text(text)

    def set_text(self, text: str) -> None:
        self.text = text
        table = _loads(text) if len(text) <= TEXT_MAX else None
        self.readable = table is not None
        """Whether a form can change it: what is being typed is left alone, as is what the form shows."""
        self.table = table if table is not None else self.table
        self.policy = None
        try:
            if len(text) > TEXT_MAX:
                raise PolicyError(f"The policy is too large: {TEXT_MAX >> 10} KiB are allowed")
            self.policy, self.problem = parse_policy(text), ""
        except PolicyError as error:
            self.problem = str(error)

    def value(self, section: str, name: str) -> Any:
        """None where the text does not name it."""
        content = self.table.get(section)
        return content.get(name) if content is not None else None

    def set_value(self, section: str, name: str, value: Any) -> None:
        """None takes it out of the text: then it is as a policy without it."""
        wanted = {key: dict(content) for key, content in self.table.items()}
        content = wanted.setdefault(section, {})
        if value is None:
            content.pop(name, None)
        else:
            content[name] = value
        wanted = {key: content for key, content in wanted.items() if content}
        text = _with_line(self.text, section, name, value)
        if _loads(text) != wanted:
            text = toml_text(wanted)
        self.set_text(text)


def rows_of(now: Policy | None, before: Policy | None = None) -> list[Row]:
    """What each side may do, with what was so where that changes."""
    if now is None:
        return []
    was = {effect.what: effect for effect in effects(before)} if before is not None else {}
    new = effects(now)
    rows = [_row(effect, _before(effect, was, compared=before is not None)) for effect in new]
    gone = [effect for what, effect in was.items() if what not in {one.what for one in new}]
    if not now.release:
        rows += [_row(Effect(one.what, True, "No longer asked for"), one.sentence) for one in gone]
    return rows


def _before(effect: Effect, was: dict[str, Effect], *, compared: bool) -> str:
    known = was.get(effect.what)
    if known is None:
        return "Not asked for" if compared else ""
    return known.sentence if known != effect else ""


def _row(effect: Effect, before: str) -> Row:
    sign, role = ("check-circle-outline", "good") if effect.allowed else ("minus-circle-outline", "bad")
    return Row(effect.what, effect.sentence, sign=sign, role=role, before=before)


def first_text(profile: bytes, number: int, organisation: str, *, now: datetime | None = None) -> str:
    """A policy that forbids nothing, to begin with."""
    issued = (now or datetime.now(UTC)).astimezone(UTC)
    header: dict[str, Any] = {
        "profile": profile.hex(),
        "number": number,
        "issued": issued.replace(microsecond=0),
    }
    if organisation:
        header["organisation"] = organisation
    return toml_text({"policy": header})


def next_text(text: str, number: int, *, now: datetime | None = None) -> str:
    """The text in force, to be the one after it."""
    draft = Draft(text)
    issued = (now or datetime.now(UTC)).astimezone(UTC)
    draft.set_value("policy", "number", number)
    draft.set_value("policy", "issued", issued.replace(microsecond=0))
    return draft.text


def release_text(policy: Policy, *, now: datetime | None = None) -> str:
    """The policy that lets a phone go."""
    draft = Draft(first_text(policy.profile, policy.number + 1, policy.organisation, now=now))
    draft.set_value("policy", "release", True)
    return draft.text


def toml_text(table: Table) -> str:
    sections = []
    for name, content in table.items():
        lines = [f"[{_key(name)}]", *(f"{_key(key)} = {toml_value(value)}" for key, value in content.items())]
        sections.append("\n".join(lines) + "\n")
    return "\n".join(sections)


def toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(one) for one in value)}]"
    if isinstance(value, str):
        return _quoted(value)
    return str(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    plain = "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped)
    return f'"{plain}"'


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _with_line(text: str, section: str, name: str, value: Any) -> str:
    """The text with one line of it changed, added or taken out."""
    lines = text.splitlines()
    heads = [at for at, line in enumerate(lines) if re.match(r"\s*\[", line)]
    begin = next((at for at in heads if re.match(rf"\s*\[\s*{re.escape(section)}\s*\]", lines[at])), None)
    new = [] if value is None else [f"{name} = {toml_value(value)}"]
    if begin is None:
        if new:
            lines += [*([""] if lines and lines[-1].strip() else []), f"[{section}]", *new]
        return "\n".join(lines) + "\n"
    end = next((at for at in heads if at > begin), len(lines))
    at = next((at for at in range(begin + 1, end) if re.match(rf"\s*{re.escape(name)}\s*=", lines[at])), None)
    if at is not None:
        lines[at : at + 1] = new
    elif new:
        last = max(at for at in range(begin, end) if at == begin or lines[at].strip())
        lines[last + 1 : last + 1] = new
    return "\n".join(lines).rstrip("\n") + "\n"


def _loads(text: str) -> Table | None:
    """Sections with values; others, and sections within them, are no policy's."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return None
    sections = {name: content for name, content in table.items() if isinstance(content, dict)}
    plain = {
        name: {key: value for key, value in content.items() if not isinstance(value, dict)}
        for name, content in sections.items()
    }
    return {name: content for name, content in plain.items() if content}
