"""What an open workbench is asked about a guest's balloon. Both are answered by BalloonShown."""

from typing import Annotated

from msgspec import Meta, Struct

_Name = Annotated[str, Meta(max_length=64)]


class _Message(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """Tagged with its class's name. An empty `handset` is the only one with such a guest."""

    guest: _Name
    handset: _Name = ""


class AskBalloon(_Message):
    """How it is."""


class SetBalloon(_Message):
    """How much memory the guest should give back in all."""

    mib: Annotated[int, Meta(ge=0, le=4096)]


BalloonRequest = AskBalloon | SetBalloon


class BalloonShown(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """`statistics`: what the guest says of its memory, in bytes, and of its faults; empty if it does not."""

    guest: str
    target_mib: int
    actual_mib: float
    ram_mib: int
    touched_mib: float
    statistics: dict[str, int]
