"""A policy's text: what is read of it, and what is refused, each with a sentence that names the part."""

import base64
import ipaddress

import pytest
from policy_kit import policy_text

from pocketvisor.errors import PolicyError
from pocketvisor.policies.authority import AuthorityKey
from pocketvisor.policies.document import parse_policy, read_policy
from pocketvisor.policies.orders import read_order
from pocketvisor.policies.signing import DocumentKind, check_signed, parted, sign, unsigned

PROFILE = bytes(range(16))
KEY = AuthorityKey.new()


def test_what_a_policy_does_not_name_is_allowed_but_for_shared_memory() -> None:
    policy = parse_policy(policy_text(PROFILE))
    assert policy.profile == PROFILE and policy.number == 1 and policy.organisation == "Acme"
    assert policy.screen.screenshots and policy.debugger.allowed and policy.network.mode == "any"
    assert policy.clipboard.direction == "both" and policy.export.allowed == "yes" and policy.hours.always
    assert not policy.memory.share


def test_every_section_is_read() -> None:
    policy = parse_policy(
        policy_text(
            PROFILE,
            7,
            """
[clipboard]
direction = "in"
files_in = false
[screen]
screenshots = false
recording = false
[network]
mode = "hosts"
hosts = ["*.acme.example", "10.0.0.0/8:443", "[2001:db8::1]:22"]
[phone]
camera = false
location = false
[debugger]
allowed = false
console = false
[export]
allowed = "listed"
to = ["age1xyz"]
clone = false
[handset]
mips = 500
ram_mib = 256
models = ["palm-pre"]
[lock]
idle_minutes = 5
[check_in]
every_hours = 24
wipe_after_hours = 240
[hours]
days = ["mon", "tue"]
from = "07:00"
to = "19:00"
zone = "Europe/Berlin"
[memory]
share = true
[power]
low_percent = 20
background_mips = 50
[services]
allowed = ["keys"]
""",
            header="expires = 2030-01-01T00:00:00Z",
        )
    )
    assert policy.number == 7 and policy.expires_ns is not None
    name, network, single = policy.network.allowed_hosts
    assert name.has_name("a.b.acme.example") and not name.has_name("acme.example")
    assert network.has_address(ipaddress.ip_address("10.1.2.3")) and network.port == 443
    assert single.has_address(ipaddress.ip_address("2001:db8::1")) and single.has_port(22)
    assert policy.hours.start == "07:00" and policy.hours.end == "19:00"
    assert policy.services.allowed == ("keys",) and policy.power.background_mips == 50


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ("[screens]", "a section 'screens' that is not known"),
        ("[screen]\nscreenshot = false", "a field 'screen.screenshot' that is not known"),
        ('[screen]\nscreenshots = "no"', "'screen.screenshots': expected `bool`"),
        ('[network]\nmode = "some"', "'network.mode'"),
        ('[network]\nmode = "hosts"', "has no 'hosts'"),
        ('[network]\nhosts = ["a.b"]', "has 'hosts', which only the mode 'hosts' has"),
        ('[network]\nmode = "vpn"', "has no 'vpn'"),
        ('[network]\nmode = "vpn"\nvpn = "gate.acme.example"', "is no endpoint"),
        ('[network]\nmode = "vpn"\nvpn = "*.acme.example:51820/udp"', "more than one host"),
        ('[network]\nmode = "hosts"\nhosts = ["10.0.0.1/33"]', "neither a host's name nor an address"),
        ('[network]\nmode = "hosts"\nhosts = ["a.b:99999"]', "no port from 1 to 65535"),
        ('[network]\nmode = "hosts"\nhosts = ["a b"]', "neither a host's name nor an address"),
        ('[export]\nallowed = "listed"', "belong together"),
        ("[check_in]\nwipe_after_hours = 10", "more than every_hours"),
        ("[check_in]\nevery_hours = 10\nwipe_after_hours = 10", "more than every_hours"),
        ('[hours]\nfrom = "25:00"', "'hours.from'"),
        ('[hours]\nfrom = "09:00"\nto = "09:00"', "leave no time"),
        ('[hours]\nzone = "../../etc/passwd"', "no time zone"),
        ('[hours]\nzone = "Europe/Nowhere"', "no time zone"),
        ("[hours]\ndays = []", "'hours.days'"),
        ("[power]\nlow_percent = 10", "belong together"),
        ("[handset]\nmips = -1", "'handset.mips'"),
        ("screen = true", "a field 'policy.screen' that is not known"),
        ("[[screen]]", "has to be a section"),
        ("]", "no TOML"),
        ("[lock]\nidle_minutes = " + "[" * 3000, "no TOML"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(sections: str, sentence: str) -> None:
    with pytest.raises(PolicyError, match=r"^The policy") as refused:
        parse_policy(policy_text(PROFILE, 1, sections))
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "missing required field `policy`"),
        ('[policy]\nprofile = "abc"\nnumber = 1\nissued = 2026-01-01T00:00:00Z', "'policy.profile'"),
        (
            f'[policy]\nprofile = "{PROFILE.hex()}"\nnumber = 0\nissued = 2026-01-01T00:00:00Z',
            "'policy.number'",
        ),
        (f'[policy]\nprofile = "{PROFILE.hex()}"\nnumber = 1\nissued = 2026-01-01T00:00:00', "timezone"),
        (
            f'[policy]\nprofile = "{PROFILE.hex()}"\nnumber = 1\nissued = 2026-01-02T00:00:00Z\n'
            "expires = 2026-01-01T00:00:00Z",
            "expires before it was issued",
        ),
        (
            f'[policy]\nprofile = "{PROFILE.hex()}"\nnumber = 1\nissued = 2026-01-02T00:00:00Z\n'
            'organisation = "A\\u001bc"',
            "cannot be printed",
        ),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_policy(text)
    assert sentence in str(refused.value)


# Signatures


def test_a_signed_document_is_read_and_says_whose_it_is() -> None:
    signed = read_policy(sign(policy_text(PROFILE), DocumentKind.POLICY, KEY))
    assert signed.signer == KEY.public and signed.policy.profile == PROFILE
    assert signed.text == policy_text(PROFILE)


def test_any_byte_that_is_changed_is_seen() -> None:
    document = sign(policy_text(PROFILE), DocumentKind.POLICY, KEY)
    for place in range(len(document)):
        changed = document[:place] + bytes([document[place] ^ 1]) + document[place + 1 :]
        with pytest.raises(PolicyError):
            read_policy(changed)


def test_no_document_of_one_kind_is_one_of_the_other() -> None:
    document = sign(policy_text(PROFILE), DocumentKind.POLICY, KEY)
    with pytest.raises(PolicyError, match="signature does not fit the order"):
        read_order(document)
    with pytest.raises(PolicyError, match="does not fit the policy"):
        check_signed(sign("[order]\n", DocumentKind.ORDER, KEY), DocumentKind.POLICY)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (policy_text(PROFILE).encode(), "is not signed"),
        (b"", "is not signed"),
        (b"# signed by nobody: x\n", "malformed"),
        (
            policy_text(PROFILE).encode() + b"# signed by " + b"0" * 64 + b": " + b"A" * 86 + b"==",
            "does not fit",
        ),
        (sign(policy_text(PROFILE), DocumentKind.POLICY, KEY) + b"# x\n", "is not signed"),
        (sign(policy_text(PROFILE), DocumentKind.POLICY, KEY) + b"\n", "is not signed"),
        (b"x" * (60 << 10), "too large"),
    ],
)
def test_what_is_not_signed_well_is_refused(document: bytes, sentence: str) -> None:
    with pytest.raises(PolicyError) as refused:
        read_policy(document)
    assert sentence in str(refused.value)


def test_a_signature_inside_the_text_is_none() -> None:
    """Or a second line below would make what was signed before a comment of what is signed now."""
    document = sign(policy_text(PROFILE), DocumentKind.POLICY, KEY)
    with pytest.raises(PolicyError, match="signed already"):
        sign(document.decode(), DocumentKind.POLICY, KEY)
    line = b"# signed by " + KEY.public.hex().encode() + b": "
    twice = document + line + base64.b64encode(KEY.sign(DocumentKind.POLICY.value + document)) + b"\n"
    with pytest.raises(PolicyError, match="malformed"):
        read_policy(twice)


def test_a_text_that_is_too_large_is_not_signed() -> None:
    with pytest.raises(PolicyError, match="too large"):
        sign(policy_text(PROFILE) + "# " + "x" * (60 << 10), DocumentKind.POLICY, KEY)


def test_a_delivery_is_parted_into_its_documents() -> None:
    one = sign(policy_text(PROFILE), DocumentKind.POLICY, KEY)
    two = sign(policy_text(PROFILE, 2), DocumentKind.POLICY, KEY)
    assert parted(one + two) == [one, two]
    assert unsigned(one) == policy_text(PROFILE)
    for broken in (b"", one + b"[policy]\n", one[:-200], b"x" * (70 << 10)):
        with pytest.raises(PolicyError):
            parted(broken)
