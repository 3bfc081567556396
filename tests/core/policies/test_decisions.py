"""What a policy says to each act, and that what a preview shows is what a door hears."""

from types import SimpleNamespace
from typing import Any

import pytest
from policy_kit import policy_text

from pocketvisor.policies.act import Act
from pocketvisor.policies.decisions import effects, refusal
from pocketvisor.policies.document import parse_policy

PROFILE = bytes(16)
WEAK = SimpleNamespace(id="htc-dream", name="HTC Dream", mips=660, ram_mib=192)
PRE = SimpleNamespace(id="palm-pre", name="Palm Pre", mips=1000, ram_mib=256)

FORBIDDING: dict[Act, tuple[str, dict[str, Any]]] = {
    Act.RUN: ("[handset]\nmips = 900", {"model": WEAK}),
    Act.SCREENSHOT: ("[screen]\nscreenshots = false", {}),
    Act.RECORD: ("[screen]\nrecording = false", {}),
    Act.COPY_OUT: ('[clipboard]\ndirection = "in"', {}),
    Act.COPY_IN: ('[clipboard]\ndirection = "out"', {}),
    Act.FILES_IN: ("[clipboard]\nfiles_in = false", {}),
    Act.NETWORK: ('[network]\nmode = "off"', {}),
    Act.CAMERA: ("[phone]\ncamera = false", {}),
    Act.LOCATION: ("[phone]\nlocation = false", {}),
    Act.DEBUG: ("[debugger]\nallowed = false", {}),
    Act.CONSOLE: ("[debugger]\nconsole = false", {}),
    Act.EXPORT: ('[export]\nallowed = "no"', {}),
    Act.CLONE: ("[export]\nclone = false", {}),
    Act.MOVE: ("[handset]\nram_mib = 200", {"model": WEAK}),
    Act.SHARE_MEMORY: ("", {}),
    Act.CALL_SERVICE: ("[services]\nallowed = false", {"service": "keys"}),
}


def said(sections: str, act: Act, **details: Any) -> str:
    return refusal(parse_policy(policy_text(PROFILE, 1, sections)), act, details)


def test_every_act_can_be_forbidden() -> None:
    """An act that no rule knows would be one that no policy can forbid."""
    assert set(FORBIDDING) == set(Act)


@pytest.mark.parametrize("act", Act)
def test_an_act_is_forbidden_by_its_section_alone(act: Act) -> None:
    sections, details = FORBIDDING[act]
    sentence = said(sections, act, **details)
    assert sentence.startswith("Acme's policy ") and not sentence.endswith(".")
    for other, (elsewhere, _) in FORBIDDING.items():
        if other is not act and act is not Act.SHARE_MEMORY and not {act, other} <= {Act.RUN, Act.MOVE}:
            assert said(elsewhere, act, **details) == ""


def test_without_sections_all_is_allowed_but_sharing_memory() -> None:
    for act in Act:
        assert bool(said("", act, **FORBIDDING[act][1])) is (act is Act.SHARE_MEMORY)
    assert said("[memory]\nshare = true", Act.SHARE_MEMORY) == ""


@pytest.mark.parametrize(
    ("model", "sections", "sentence"),
    [
        (PRE, "[handset]\nmips = 900\nram_mib = 256", ""),
        (WEAK, "[handset]\nmips = 900", "at least 900 MIPS: HTC Dream has 660"),
        (WEAK, "[handset]\nram_mib = 256", "at least 256 MiB: HTC Dream has 192"),
        (WEAK, '[handset]\nmodels = ["palm-pre"]', "run on palm-pre alone: this handset is 'htc-dream'"),
    ],
)
@pytest.mark.parametrize("act", [Act.RUN, Act.MOVE])
def test_handsets(act: Act, model: Any, sections: str, sentence: str) -> None:
    found = said(sections, act, model=model)
    assert sentence in found if sentence else not found


@pytest.mark.parametrize(
    ("to", "allowed"),
    [
        ("age1abc", True),
        ("AGE1ABC", True),
        (("age1abc", "office"), True),
        ("age1xyz", False),
        (("age1abc", "age1xyz"), False),
        ((), False),
        (None, False),
    ],
)
def test_copies_go_to_who_is_listed_alone(to: Any, allowed: bool) -> None:
    sections = '[export]\nallowed = "listed"\nto = ["age1abc", "office"]'
    assert (said(sections, Act.EXPORT, to=to) == "") is allowed
    if to is not None:
        assert (said(sections, Act.MOVE, to=to, model=PRE) == "") is allowed
    assert said(sections, Act.MOVE, model=PRE) == ""  # to another handset of this computer
    assert said('[export]\nallowed = "no"', Act.EXPORT, to="age1abc")


@pytest.mark.parametrize(
    ("mode", "host", "port", "allowed"),
    [
        ("hosts", "intranet.acme.example", 443, True),
        ("hosts", "INTRANET.acme.example.", 443, True),
        ("hosts", "intranet.acme.example", 80, False),
        ("hosts", "evil.example", 443, False),
        ("hosts", "xintranet.acme.example", 443, False),
        ("hosts", "a.b.acme.test", 1, True),
        ("hosts", "acme.test", 1, False),
        ("hosts", "10.1.2.3", 22, True),
        ("hosts", "11.1.2.3", 22, False),
        ("hosts", "::ffff:10.1.2.3", 22, False),
        ("hosts", "2001:db8::1", 22, True),
        ("hosts", "2001:db8::1", 23, False),
        ("vpn", "gate.acme.example", 51820, True),
        ("vpn", "gate.acme.example", 443, False),
        ("vpn", "10.1.2.3", 51820, False),
        ("any", "evil.example", 1, True),
        ("off", "gate.acme.example", 1, False),
    ],
)
def test_hosts(mode: str, host: str, port: int, allowed: bool) -> None:
    more = {
        "hosts": 'hosts = ["intranet.acme.example:443", "*.acme.test", "10.0.0.0/8", "[2001:db8::1]:22"]',
        "vpn": 'vpn = "gate.acme.example:51820/udp"',
    }.get(mode, "")
    sections = f'[network]\nmode = "{mode}"\n{more}'
    assert (said(sections, Act.NETWORK, host=host, port=port) == "") is allowed
    assert (said(sections, Act.NETWORK) == "") is (mode != "off")


def test_services_by_name() -> None:
    sections = '[services]\nallowed = ["keys"]'
    assert said(sections, Act.CALL_SERVICE, service="keys") == ""
    assert "'billing'" in said(sections, Act.CALL_SERVICE, service="billing")
    assert said("[services]\nallowed = []", Act.CALL_SERVICE, service="keys")


def test_a_preview_says_what_the_doors_hear() -> None:
    whole = "\n".join(
        (
            '[clipboard]\ndirection = "none"\nfiles_in = false',
            "[screen]\nscreenshots = false\nrecording = false",
            '[network]\nmode = "off"\n[phone]\ncamera = false\nlocation = false',
            '[debugger]\nallowed = false\nconsole = false\n[export]\nallowed = "no"\nclone = false',
            "[services]\nallowed = false",
            "[lock]\nidle_minutes = 3\n[check_in]\nevery_hours = 24\nwipe_after_hours = 99",
            '[hours]\nfrom = "08:00"\n[power]\nlow_percent = 10\nbackground_mips = 5',
        )
    )
    forbidden = effects(parse_policy(policy_text(PROFILE, 1, whole, "expires = 2030-01-01T00:00:00Z")))
    assert sum(not each.allowed for each in forbidden) == 14
    free = effects(parse_policy(policy_text(PROFILE)))
    assert [each.what for each in free if not each.allowed] == ["Shared memory"]
    assert {each.what for each in free} < {each.what for each in forbidden}
    words = " ".join(each.sentence for each in forbidden)
    for part in ("3 min", "24 h", "99 h", "08:00", "10 %", "2030-01-01"):
        assert part in words
    released = effects(parse_policy(policy_text(PROFILE, header="release = true")))
    assert len(released) == 1 and "nobody governs" in released[0].sentence
