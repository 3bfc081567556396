"""A policy: a TOML document, signed, for one profile. Every section is optional; what it does not name is
allowed, but for sharing memory with others.

Sections and fields that this program does not know are refused by name: a restriction that nobody keeps to is
none. Hosts and endpoints are in destinations.py, the signature in signing.py.
"""

import re
import tomllib
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct, field

from pocketvisor.errors import PolicyError
from pocketvisor.policies.destinations import Endpoint, Host, endpoint_of, host_of
from pocketvisor.policies.signing import DocumentKind, check_signed
from pocketvisor.policies.times import DAYS, Day, TimeOfDay, minutes_of, zone_of

HOSTS_MAX: Final = 256
NAMES_MAX: Final = 64
_NAME: Final = 128

Text = Annotated[str, Meta(max_length=80)]
Name = Annotated[str, Meta(min_length=1, max_length=_NAME)]
Recipient = Annotated[str, Meta(min_length=1, max_length=1024)]
Hex = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
Time = Annotated[datetime, Meta(tz=True)]
Hours = Annotated[int, Meta(ge=0, le=24 * 366)]


class _Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Header(_Section, frozen=True):
    """`release`: the profile is nobody's from then on."""

    profile: Hex
    number: Annotated[int, Meta(ge=1, le=1 << 53)]
    issued: Time
    expires: Time | None = None
    organisation: Text = ""
    release: bool = False


class Clipboard(_Section, frozen=True):
    """As the profile sees it: "out" is what leaves it."""

    direction: Literal["none", "in", "out", "both"] = "both"
    files_in: bool = True


class Screen(_Section, frozen=True):
    screenshots: bool = True
    recording: bool = True


class Network(_Section, frozen=True):
    mode: Literal["any", "off", "vpn", "hosts"] = "any"
    hosts: Annotated[tuple[Name, ...], Meta(max_length=HOSTS_MAX)] = ()
    vpn: Annotated[str, Meta(max_length=300)] = ""

    @property
    def allowed_hosts(self) -> tuple[Host, ...]:
        return tuple(host_of(text) for text in self.hosts)

    @property
    def endpoint(self) -> Endpoint | None:
        """Of the VPN."""
        return endpoint_of(self.vpn) if self.vpn else None


class Phone(_Section, frozen=True):
    camera: bool = True
    location: bool = True


class Debugger(_Section, frozen=True):
    """`console`: what is typed into the guest's serial console and read there."""

    allowed: bool = True
    console: bool = True


class Export(_Section, frozen=True):
    """`to`, where the mode is "listed": age recipients, addresses of vaults, machines' fingerprints."""

    allowed: Literal["no", "listed", "yes"] = "yes"
    to: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=1024)], ...], Meta(max_length=NAMES_MAX)
    ] = ()
    clone: bool = True


class HandsetNeeds(_Section, frozen=True):
    """The least that a handset has to have; an empty list of models is any."""

    mips: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    ram_mib: Annotated[int, Meta(ge=0, le=1 << 20)] = 0
    models: Annotated[tuple[Name, ...], Meta(max_length=NAMES_MAX)] = ()


class Lock(_Section, frozen=True):
    """0: never."""

    idle_minutes: Annotated[int, Meta(ge=0, le=1440)] = 0


class CheckIn(_Section, frozen=True):
    """0: never. Hours count from the last check-in, or from when the policy was issued if that is later."""

    every_hours: Hours = 0
    wipe_after_hours: Hours = 0


class WorkingHours(_Section, frozen=True):
    """`end` before `start` is on the day after. Without a zone it is UTC: the computer's own zone is the
    user's to change."""

    days: Annotated[tuple[Day, ...], Meta(min_length=1, max_length=7)] = DAYS
    start: TimeOfDay = field(name="from", default="00:00")
    end: TimeOfDay = field(name="to", default="24:00")
    zone: Annotated[str, Meta(max_length=64)] = "UTC"

    @property
    def always(self) -> bool:
        return len(set(self.days)) == 7 and (self.start, self.end) == ("00:00", "24:00")


class Memory(_Section, frozen=True):
    """`share`: pages that are the same as another profile's may be one; a known side channel."""

    share: bool = False


class Power(_Section, frozen=True):
    """In the background, and below so much of the battery, it gets at most so many MIPS; 0: as ever."""

    low_percent: Annotated[int, Meta(ge=0, le=100)] = 0
    background_mips: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


class Services(_Section, frozen=True):
    """Services in other guests that this one may call: all, none, or by name."""

    allowed: bool | Annotated[tuple[Name, ...], Meta(max_length=NAMES_MAX)] = True


class Policy(_Section, frozen=True):
    header: Header = field(name="policy")
    clipboard: Clipboard = Clipboard()
    screen: Screen = Screen()
    network: Network = Network()
    phone: Phone = Phone()
    debugger: Debugger = Debugger()
    export: Export = Export()
    handset: HandsetNeeds = HandsetNeeds()
    lock: Lock = Lock()
    check_in: CheckIn = CheckIn()
    hours: WorkingHours = WorkingHours()
    memory: Memory = Memory()
    power: Power = Power()
    services: Services = Services()

    @property
    def profile(self) -> bytes:
        return bytes.fromhex(self.header.profile)

    @property
    def number(self) -> int:
        return self.header.number

    @property
    def organisation(self) -> str:
        return self.header.organisation

    @property
    def owner(self) -> str:
        """As a sentence begins with it."""
        return self.organisation or "The authority"

    @property
    def release(self) -> bool:
        return self.header.release

    @property
    def issued_ns(self) -> int:
        return nanoseconds(self.header.issued)

    @property
    def expires_ns(self) -> int | None:
        return None if self.header.expires is None else nanoseconds(self.header.expires)


class SignedPolicy(Struct, frozen=True):
    """A document whose signature was found to be good; whose it is, others have to judge."""

    policy: Policy
    text: str
    signer: bytes
    document: bytes


def nanoseconds(when: datetime) -> int:
    return int(when.timestamp()) * 1_000_000_000 + when.microsecond * 1000


def read_policy(document: bytes) -> SignedPolicy:
    """Raises PolicyError."""
    signed = check_signed(document, DocumentKind.POLICY)
    return SignedPolicy(parse_policy(signed.text), signed.text, signed.signer, document)


def parse_policy(text: str) -> Policy:
    """What a text says, signed or not. Raises PolicyError with what is wrong and where."""
    policy: Policy = convert_toml(text, Policy, "policy")
    _check(policy)
    return policy


def convert_toml(text: str, kind: type[Any], called: str) -> Any:
    """Raises PolicyError; an unknown section or field is named."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise PolicyError(f"The {called} is no TOML: {error or 'it is nested too deeply'}") from None
    _refuse_unknown(table, kind, called)
    try:
        return msgspec.convert(table, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise PolicyError(f"The {called} is malformed: {_plain(str(error))}") from None


def _refuse_unknown(table: dict[str, Any], kind: type[Any], called: str) -> None:
    sections = {each.encode_name: each.type for each in msgspec.structs.fields(kind)}
    for section, content in table.items():
        if section not in sections:
            raise PolicyError(f"The {called} has a section '{section[:60]}' that is not known here")
        if not isinstance(content, dict):
            raise PolicyError(f"The {called} is malformed: '{section}' has to be a section, [{section}]")
        names = {each.encode_name for each in msgspec.structs.fields(sections[section])}
        for name in content:
            if name not in names:
                raise PolicyError(f"The {called} has a field '{section}.{name[:60]}' that is not known here")


def _plain(text: str) -> str:
    """A message of msgspec without its way of saying where."""
    match = re.fullmatch(r"(.*) - at `\$\.?(.*)`", text, re.DOTALL)
    return text if match is None else f"'{match[2]}': {match[1][:1].lower()}{match[1][1:]}"


def _check(policy: Policy) -> None:
    if not policy.organisation.isprintable():
        raise PolicyError("The policy is malformed: 'policy.organisation' has letters that cannot be printed")
    if policy.expires_ns is not None and policy.expires_ns <= policy.issued_ns:
        raise PolicyError("The policy is malformed: it expires before it was issued")
    network = policy.network
    _ = network.allowed_hosts, network.endpoint
    for mode, given, name in (("hosts", network.hosts, "hosts"), ("vpn", network.vpn, "vpn")):
        if (network.mode == mode) != bool(given):
            has = f"has no '{name}'" if not given else f"has '{name}', which only the mode '{mode}' has"
            raise PolicyError(f"The policy is malformed: [network] is of the mode '{network.mode}' and {has}")
    if (policy.export.allowed == "listed") != bool(policy.export.to):
        raise PolicyError("The policy is malformed: [export] 'to' and allowed = \"listed\" belong together")
    check_in = policy.check_in
    if check_in.wipe_after_hours and not 0 < check_in.every_hours < check_in.wipe_after_hours:
        raise PolicyError("The policy is malformed: [check_in] wipe_after_hours is more than every_hours")
    hours = policy.hours
    zone_of(hours.zone)
    if minutes_of(hours.start) == minutes_of(hours.end) or minutes_of(hours.start) == 1440:
        raise PolicyError("The policy is malformed: [hours] 'from' and 'to' leave no time")
    if bool(policy.power.low_percent) != bool(policy.power.background_mips):
        raise PolicyError("The policy is malformed: [power] low_percent and background_mips belong together")
