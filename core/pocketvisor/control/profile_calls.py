"""What is asked about a running guest's profile: of an open workbench, or of a run in another terminal.

A profile goes by the absolute path of its file. Whoever is asked and has no guest of that profile answers
ProfileAbsent, and the caller asks the next one.
"""

from typing import Annotated

from msgspec import Meta, Struct

_Name = Annotated[str, Meta(max_length=64)]
_Path = Annotated[str, Meta(max_length=4096)]
_Secret = Annotated[str, Meta(max_length=4096)]
_Number = Annotated[int, Meta(ge=0, le=1 << 53)]

RECIPIENTS_MAX = 32
AUTOSAVE_SECONDS_MAX = 86_400.0


class Key(Struct, forbid_unknown_fields=True, kw_only=True):
    """What opens a profile, or what is to open a new one: any of them may be left out."""

    passphrase: _Secret | None = None
    identity: _Path = ""
    text: _Secret | None = None
    """The profile's own key, as `age -d` prints it."""
    recipients: Annotated[list[_Secret], Meta(max_length=RECIPIENTS_MAX)] = []

    def __repr__(self) -> str:
        """Without the secrets: this may come into a log."""
        return "Key(...)"


class _OfProfile(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """Tagged with its class's name."""

    profile: _Path


class _OfGuest(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """`handset` may be empty where the guest's name is on one handset only."""

    guest: _Name
    handset: _Name = ""


class AskProfile(_OfProfile):
    """How it is."""


class TakeSnapshot(_OfProfile):
    """A generation with this name; the guest runs on."""

    name: Annotated[str, Meta(max_length=200)] = ""


class Suspend(_OfProfile):
    """Saved as it runs, and its process ended."""


class Stop(_OfProfile):
    """Its power taken away; what is on its disks is saved."""


class Resume(_OfProfile):
    """From a pause."""


class RestoreGeneration(_OfProfile):
    """In place: what was not saved is given up."""

    generation: _Number


class RenameGeneration(_OfProfile):
    generation: _Number
    name: Annotated[str, Meta(max_length=200)]


class DeleteGeneration(_OfProfile):
    """And what no other one needs of it."""

    generation: _Number


class SetAutosave(_OfProfile):
    """A generation each so many seconds; None: no more."""

    seconds: Annotated[float, Meta(gt=0, le=AUTOSAVE_SECONDS_MAX)] | None


class OpenProfile(_OfProfile):
    """Its guest on a handset of the workbench, running, from a generation or else from the newest."""

    handset: _Name = ""
    generation: _Number | None = None
    key: Key | None = None


class KeepGuest(_OfGuest):
    """A new profile of a guest that has none; `name` is of its first generation."""

    path: _Path
    name: Annotated[str, Meta(max_length=200)] = ""
    key: Key | None = None


class CloneGuest(_OfGuest):
    """A second guest from this moment on; `target` is its handset, or empty for the same one."""

    target: _Name = ""
    name: _Name = ""


class MoveGuest(_OfGuest):
    """To another handset, while it runs. Answered by Moved."""

    target: _Name


ProfileRequest = (
    AskProfile
    | TakeSnapshot
    | Suspend
    | Stop
    | Resume
    | RestoreGeneration
    | RenameGeneration
    | DeleteGeneration
    | SetAutosave
    | OpenProfile
    | KeepGuest
    | CloneGuest
    | MoveGuest
)
"""A caller that hangs up has cancelled these; what was saved before stays."""


class ProfileShown(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """`generation` is the one that the guest goes on from, `saved_ns` when it was made (of the epoch)."""

    guest: str
    handset: str
    state: str
    path: str
    generation: int
    autosave: float | None
    saved_ns: int
    saving: bool
    pid: int


class ProfileAbsent(Struct, tag=True, forbid_unknown_fields=True):
    """None of the guests here is of that profile."""


class GuestMade(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """Of a clone."""

    guest: str
    handset: str
    pid: int
    seconds: float


class Moved(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    guest: str
    handset: str
    downtime_ms: float
    seconds: float
    pid_before: int
    pid_after: int


ProfileReply = ProfileShown | ProfileAbsent | GuestMade | Moved
