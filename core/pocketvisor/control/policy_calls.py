"""What is asked about the policy of a profile, and how policies and orders come to it: of an open workbench,
or of a run in another terminal. A management service needs no more than these.

A profile goes by the absolute path of its file. Whoever is asked and has no guest of that profile answers
ProfileAbsent; `at_rest` asks for the file itself then.
"""

from typing import Annotated

from msgspec import Meta, Struct

LINES_MAX = 1000
DELIVERY_MAX = 64 << 10


class _OfProfile(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """Tagged with its class's name."""

    profile: Annotated[str, Meta(max_length=4096)]
    at_rest: bool = False


class AskPolicy(_OfProfile):
    """How it is governed, and how it stands."""


class DeliverPolicy(_OfProfile):
    """Signed policies and orders, one after another: all of them count, or none. Answered by PolicyTaken."""

    delivery: Annotated[bytes, Meta(max_length=DELIVERY_MAX)]


class AskAudit(_OfProfile):
    """The newest lines above a number; `verify`: and whether the log is whole. Answered by AuditShown."""

    after: Annotated[int, Meta(ge=0)] = 0
    limit: Annotated[int, Meta(ge=1, le=LINES_MAX)] = 200
    verify: bool = False


PolicyRequest = AskPolicy | DeliverPolicy | AskAudit


class _Shown(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    pass


class EffectShown(Struct, forbid_unknown_fields=True, kw_only=True):
    what: str
    allowed: bool
    sentence: str


class PolicyShown(_Shown):
    """`profile` is its id in hexadecimal, times are nanoseconds since 1970, `text` is the policy's TOML. All
    but `profile` and `governed` is empty where nobody governs it."""

    profile: str
    governed: bool
    organisation: str = ""
    authority: str = ""
    number: int = 0
    serial: int = 0
    text: str = ""
    effects: list[EffectShown] = []
    locked: bool = False
    why: str = ""
    until_ns: int | None = None
    check_in_due_ns: int | None = None
    wipe_due: bool = False
    wiped: bool = False
    problem: str = ""


class TakenShown(Struct, forbid_unknown_fields=True, kw_only=True):
    what: str
    sentence: str
    changed: bool


class PolicyTaken(_Shown):
    """What became of each document, in turn."""

    taken: list[TakenShown]


class AuditLineShown(Struct, forbid_unknown_fields=True, kw_only=True):
    n: int
    time: str
    what: str
    who: str
    said: str
    more: dict[str, str]
    hash: str


class AuditShown(_Shown):
    """`problems`: what is wrong with the log; None where that was not asked for."""

    lines: list[AuditLineShown]
    problems: list[str] | None = None


PolicyReply = PolicyShown | PolicyTaken | AuditShown
