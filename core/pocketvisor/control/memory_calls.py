"""What an open workbench is asked about a handset's RAM among its guests. All are answered by MemoryShown."""

from typing import Annotated

from msgspec import Meta, Struct

_Name = Annotated[str, Meta(max_length=64)]


class GuestMemoryNow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In bytes. `ram`: what it sees. `held`: what it takes of its handset's, which is `private` and its part
    of what it has together with others: `shared`, of its image or with its clones, and `merged`, found to be
    the same. `saved`: what it would hold more without them. `balloon`: what it has given back that way;
    `limit`: what it is asked to keep to. `alone`: why it shares nothing, empty where it may."""

    id: str
    name: str
    ram: int
    held: int
    private: int
    shared: int
    merged: int
    saved: int
    balloon: int
    limit: int
    alone: str = ""


class MemoryNow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In bytes. `ram`: the handset's. `held`: by all of its guests; `shared` and `merged`, once each, are in
    it; `free`: what is left; `over`: what they hold more than it has. `share`: the switch. `search`: of a
    core, what the search for equal memory took lately."""

    ram: int
    held: int
    free: int
    over: int
    private: int
    shared: int
    merged: int
    saved: int
    balloon: int
    share: bool
    search: float
    guests: tuple[GuestMemoryNow, ...]


class _Message(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """Tagged with its class's name. An empty `handset` is the only one."""

    handset: _Name = ""


class AskMemory(_Message):
    """How it is."""


class ShareMemory(_Message):
    """Whether its guests have together what is the same; answered when it is so."""

    on: bool


class SearchMemory(_Message):
    """Look for what is the same now, as fast as it goes."""


MemoryRequest = AskMemory | ShareMemory | SearchMemory


class MemoryShown(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    handset: str
    memory: MemoryNow
