"""What is asked about moving a phone to another machine: of an open workbench, or of a run in another
terminal. The machines trust each other already; who calls here has paired them.

Who is asked by a profile's path and has no guest of it answers ProfileAbsent.
"""

from typing import Annotated

from msgspec import Meta, Struct

_Name = Annotated[str, Meta(max_length=64)]
_Path = Annotated[str, Meta(max_length=4096)]
_Address = Annotated[str, Meta(max_length=300)]


class MigrateGuest(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """By its name. One that is not kept in a profile yet gets one. Answered by Migrated."""

    guest: _Name
    address: _Address
    handset: _Name = ""


class MigrateProfile(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """The guest of that file. Answered by Migrated."""

    profile: _Path
    address: _Address


class SettleMove(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """After a link that was lost: asks the other machine once more whose the phone is. `give_up`: it is to
    stay here if that can be; `force`: it goes on here without asking. Answered by Settled."""

    profile: _Path
    give_up: bool = False
    force: bool = False


class ReceivePhones(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """A handset waits for phones from other machines, as long as the workbench is open or until it is told to
    `stop`. Asked again, it shows another pairing code. Answered by WaitsForPhones."""

    handset: _Name = ""
    host: Annotated[str, Meta(max_length=255)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    pair: bool = True
    stop: bool = False


MigrationRequest = MigrateGuest | MigrateProfile | SettleMove | ReceivePhones


class Migrated(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    guest: str
    peer: str
    address: str
    seconds: float
    downtime_ms: float
    rounds: int
    sent_bytes: int


class Settled(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """`here`: it is this machine's; else it is `peer`'s."""

    here: bool
    peer: str = ""


class WaitsForPhones(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """Without an address it waits no more."""

    handset: str
    address: str = ""
    name: str = ""
    fingerprint: str = ""
    code: str = ""


MigrationReply = Migrated | Settled | WaitsForPhones
