"""What an open workbench is asked about an attack on one of its handsets. Answered by AttackShown."""

from typing import Annotated, Any

from msgspec import Meta, Struct

_Name = Annotated[str, Meta(max_length=64)]


class AttackHandset(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """A hostile guest beside `guest`, or beside one that is there for it. An empty `handset` is the only one.
    `kinds`: which, all if none are named. Tells its progress; whoever hangs up ends it."""

    handset: _Name = ""
    guest: _Name = ""
    kinds: Annotated[tuple[_Name, ...], Meta(max_length=100)] = ()


AttackRequest = AttackHandset


class AttackShown(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """`sheet`: an attack.sheet.ScoreSheet, in plain values."""

    sheet: dict[str, Any]
