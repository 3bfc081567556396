"""A policy that is being written: the form and the text say the same, and no word of the writer's is lost."""

import random
import tomllib
from datetime import UTC, datetime
from typing import Any

import pytest

from pocketvisor.policies.document import Policy, parse_policy
from pocketvisor_workbench.policy.draft import Draft, first_text, next_text, rows_of, toml_text, toml_value
from pocketvisor_workbench.policy.fields import GROUPS

PROFILE = bytes(range(16))
NOW = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
TEXT = f"""# what Acme wants
[policy]
profile = "{PROFILE.hex()}"
number = 3
issued = 2026-11-21T17:00:00Z
organisation = "Acme"  # not the other one

[clipboard]
# nobody takes it out
direction = "in"
files_in = false
"""


def test_a_first_policy_forbids_nothing() -> None:
    policy = parse_policy(first_text(PROFILE, 1, "Acme", now=NOW))
    assert policy.number == 1 and policy.organisation == "Acme"
    refused = [row.title for row in rows_of(policy) if row.role == "bad"]
    assert refused == ["Shared memory"], "sharing is what nobody does by default"


def test_one_line_is_changed_and_the_others_stay() -> None:
    draft = Draft(TEXT)
    draft.set_value("clipboard", "direction", "none")
    assert draft.text == TEXT.replace('"in"', '"none"')
    draft.set_value("screen", "screenshots", False)
    assert draft.text == TEXT.replace('"in"', '"none"') + "\n[screen]\nscreenshots = false\n"
    draft.set_value("clipboard", "direction", None)
    draft.set_value("screen", "screenshots", None)
    assert draft.policy is not None and draft.policy.clipboard.direction == "both"
    assert "# what Acme wants" in draft.text and "# nobody takes it out" in draft.text


def test_a_text_that_a_line_cannot_be_changed_in_is_written_anew() -> None:
    """A list over several lines, and a table in a line."""
    text = TEXT + '\n[network]\nmode = "hosts"\nhosts = [\n  "a.example",\n  "b.example",\n]\n'
    draft = Draft(text)
    draft.set_value("network", "hosts", ["c.example"])
    assert draft.policy is not None and draft.policy.network.hosts == ("c.example",)
    draft = Draft("policy = { number = 1 }\n")
    draft.set_value("policy", "number", 2)
    assert tomllib.loads(draft.text) == {"policy": {"number": 2}}


def test_what_is_being_typed_says_why_it_is_no_policy_yet() -> None:
    draft = Draft(TEXT)
    draft.set_text(TEXT + "[scren]\nscreenshots = false\n")
    assert draft.policy is None and "'scren'" in draft.problem
    draft.set_text(TEXT + "[screen")
    assert draft.policy is None and "TOML" in draft.problem
    assert draft.value("clipboard", "direction") == "in", "the form stays as it was meanwhile"
    assert not draft.readable, "and changes nothing in what is being typed"
    draft.set_text("x" * (60 << 10))
    assert "too large" in draft.problem


def test_hostile_text_is_no_policy_and_nothing_worse() -> None:
    for text in ("[" * 20_000, "a" + ".a" * 5_000 + " = 1", "\x00", "[policy]\nnumber = 1e999", "policy = 1"):
        draft = Draft(text)
        assert draft.policy is None and draft.problem
        if draft.readable:
            draft.set_value("screen", "recording", False)
            assert draft.table["screen"] == {"recording": False}


def test_the_next_one_has_the_next_number_and_its_own_time() -> None:
    later = datetime(2026, 12, 1, 9, 30, 5, 123, tzinfo=UTC)
    policy = parse_policy(next_text(TEXT, 4, now=later))
    assert policy.number == 4 and policy.header.issued == later.replace(microsecond=0)
    assert policy.clipboard.direction == "in"


@pytest.mark.parametrize(
    "value",
    [
        'quo"te',
        "back\\slash",
        "line\nbreak",
        "tab\t",
        "\x7f\x01",
        "é ü 漢",
        "",
        [],
        ["a", 'b"'],
        True,
        False,
        0,
        7,
    ],
)
def test_values_come_back_as_they_were_written(value: Any) -> None:
    assert tomllib.loads(f"x = {toml_value(value)}") == {"x": value}
    assert tomllib.loads(toml_text({"a b": {"c.d": value}})) == {"a b": {"c.d": value}}


def test_what_changes_is_said_with_what_was_so() -> None:
    before = parse_policy(TEXT)
    draft = Draft(next_text(TEXT, 4, now=NOW))
    assert not any(row.before for row in rows_of(draft.policy, before)), "a new number changes nothing"
    draft.set_value("screen", "screenshots", False)
    draft.set_value("lock", "idle_minutes", 5)
    draft.set_value("clipboard", "files_in", None)
    changed = {row.title: row for row in rows_of(draft.policy, before) if row.before}
    assert set(changed) == {"Screenshots", "Idle lock", "Files in"}
    assert changed["Screenshots"].role == "bad" and "may take pictures" in changed["Screenshots"].before
    assert changed["Idle lock"].before == "Not asked for"
    assert changed["Files in"].role == "good"
    gone = {row.title: row for row in rows_of(before, draft.policy) if row.before}
    assert gone["Idle lock"].body == "No longer asked for"


def test_the_form_has_every_field_of_a_policy() -> None:
    """But those that the program writes itself."""
    there = {(field.section, field.name) for group in GROUPS for field in group.fields}
    wanted = set()
    for section in Policy.__struct_fields__:
        kind = Policy.__annotations__[section]
        name = "policy" if section == "header" else section
        wanted |= {(name, field) for field in kind.__struct_encode_fields__}
    own = {("policy", name) for name in ("profile", "number", "issued", "release")}
    assert there - {("services", "listed")} == wanted - own


def test_any_walk_through_the_form_keeps_text_and_table_the_same() -> None:
    """A property: whatever is set and taken out in whatever order, the text says exactly that."""
    chance = random.Random(6)
    draft = Draft(TEXT)
    said = tomllib.loads(TEXT)
    choices: list[tuple[str, str, list[Any]]] = [
        ("screen", "screenshots", [False, True, None]),
        ("screen", "recording", [False, None]),
        ("clipboard", "direction", ["in", "none", None]),
        ("network", "hosts", [["a.example", "10.0.0.0/8"], [], None]),
        ("network", "mode", ["hosts", "off", None]),
        ("check_in", "every_hours", [24, 1, None]),
        ("hours", "zone", ['Euro"pe', None]),
    ]
    for _ in range(400):
        section, name, values = chance.choice(choices)
        value = chance.choice(values)
        draft.set_value(section, name, value)
        if value is None:
            said.get(section, {}).pop(name, None)
        else:
            said.setdefault(section, {})[name] = value
        assert {key: one for key, one in tomllib.loads(draft.text).items() if one} == {
            key: one for key, one in said.items() if one
        }
    assert "# nobody takes it out" in draft.text
