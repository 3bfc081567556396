"""What an open workbench is asked about a guest's network, and what it answers: NetworkShown, each time."""

from typing import Annotated

from msgspec import Meta, Struct

_Name = Annotated[str, Meta(max_length=64)]
_Text = Annotated[str, Meta(max_length=200)]
_Path = Annotated[str, Meta(max_length=4096)]

FORWARDS_MAX = 64


class _Message(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """Tagged with its class's name. `handset` may be empty where the guest's name is on one handset only."""

    guest: _Name
    handset: _Name = ""


class AskNetwork(_Message):
    """How it is."""


class Attach(_Message):
    """`network` is none, user or switch:NAME."""

    network: _Text


class SetRadio(_Message):
    """A preset by name, and values in its place; those that are None are the preset's, or without one stay
    as they are."""

    preset: _Name | None = None
    up: int | None = None
    down: int | None = None
    delay_ms: float | None = None
    jitter_ms: float | None = None
    loss: float | None = None


class SetForwards(_Message):
    """All of them, each as tcp:8080:80."""

    forwards: Annotated[list[_Text], Meta(max_length=FORWARDS_MAX)]


class Capture(_Message):
    """To a file by its absolute path; empty: no longer."""

    path: _Path


class Reconnect(_Message):
    """Where the network has been lost."""


NetworkRequest = AskNetwork | Attach | SetRadio | SetForwards | Capture | Reconnect


class NetworkShown(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    guest: str
    network: str
    link: bool
    sentence: str
    mac: str
    address: str
    gateway: str
    dns: str
    radio: dict[str, float | str | bool]
    forwards: list[str]
    capture: str
    counters: dict[str, int]
    sent_rate: float
    received_rate: float
