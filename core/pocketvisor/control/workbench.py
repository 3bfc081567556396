"""What an open workbench is asked through its socket, and what it answers. Handsets and guests go by name."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pocketvisor.control.attack_calls import AttackRequest, AttackShown
from pocketvisor.control.balloon_calls import BalloonRequest, BalloonShown
from pocketvisor.control.clipboard_calls import ClipboardRequest, ClipboardShown
from pocketvisor.control.debug_calls import DebugAnswer, DebugRequest
from pocketvisor.control.isolation import Isolation
from pocketvisor.control.memory_calls import MemoryRequest, MemoryShown
from pocketvisor.control.messages import Sentence
from pocketvisor.control.migration_calls import MigrationReply, MigrationRequest
from pocketvisor.control.modem_calls import ModemRequest, ModemShown
from pocketvisor.control.network_calls import NetworkRequest, NetworkShown
from pocketvisor.control.phone_calls import PhoneRequest, PhoneShown
from pocketvisor.control.policy_calls import PolicyReply, PolicyRequest
from pocketvisor.control.power_calls import PowerRequest, PowerShown
from pocketvisor.control.profile_calls import ProfileReply, ProfileRequest
from pocketvisor.control.qos_calls import QosRequest, QosShown
from pocketvisor.control.service_calls import ServicesRequest, ServicesShown

PROTOCOL = 6

Name = Annotated[str, Meta(max_length=64)]
Operation = Literal["pause", "resume", "reset", "restart", "power-off", "kill", "remove", "foreground"]


class _Message(Struct, tag=True, forbid_unknown_fields=True):
    """Tagged with its class's name."""


class Hello(_Message):
    """First from both sides."""

    protocol: int


class List(_Message):
    """Answered by Listing."""


class Operate(_Message):
    """An operation on one guest; `handset` may be empty where the guest's name is on one handset only."""

    operation: Operation
    guest: Name
    handset: Name = ""


class StartGuest(_Message):
    """A guest of the catalogue, by id or name."""

    image: Name
    handset: Name = ""
    name: Name = ""


class RunFile(_Message):
    """A profile's file that the user wants to run: the window asks for what is missing, a passphrase for
    instance. Answered at once."""

    path: Annotated[str, Meta(max_length=4096)]


class Tell(_Message):
    """Something for a device of the user's own."""

    guest: Name
    device: Name
    payload: Annotated[bytes, Meta(max_length=4096)]
    handset: Name = ""


class Screenshot(_Message):
    """Answered by Picture."""

    guest: Name
    handset: Name = ""


Request = (
    Hello
    | List
    | Operate
    | StartGuest
    | RunFile
    | Tell
    | Screenshot
    | NetworkRequest
    | PhoneRequest
    | ModemRequest
    | BalloonRequest
    | AttackRequest
    | ServicesRequest
    | ClipboardRequest
    | DebugRequest
    | QosRequest
    | MemoryRequest
    | PowerRequest
    | ProfileRequest
    | PolicyRequest
    | MigrationRequest
)


class GuestInfo(Struct, forbid_unknown_fields=True):
    id: str
    name: str
    image: str
    state: str
    problem: str
    foreground: bool
    ram_mib: int
    ticks: int
    clock_ns: int
    idle_ns: int
    cpu_ns: int
    ram_bytes: int
    pid: int
    isolation: Isolation | None = None


class HandsetInfo(Struct, forbid_unknown_fields=True):
    name: str
    model: str
    ram_mib: int
    ram_used_mib: int
    guests: list[GuestInfo]


class Listing(_Message):
    handsets: list[HandsetInfo]


class Progress(_Message):
    """Before the answer to what takes long, any number of times. `fraction` is from 0 to 1, or not known."""

    words: Sentence
    fraction: float | None = None


class GuestShown(Struct, forbid_unknown_fields=True):
    """Which guest it was, and how it is now."""

    guest: str
    handset: str
    id: str
    state: str
    pid: int


class Done(_Message):
    sentence: Sentence
    guest: GuestShown | None = None


class Failed(_Message):
    sentence: Sentence


class Picture(_Message):
    png: bytes
    guest: Name


Reply = (
    Hello
    | Listing
    | Progress
    | Done
    | Failed
    | Picture
    | NetworkShown
    | PhoneShown
    | ModemShown
    | BalloonShown
    | AttackShown
    | ServicesShown
    | ClipboardShown
    | DebugAnswer
    | QosShown
    | MemoryShown
    | PowerShown
    | ProfileReply
    | PolicyReply
    | MigrationReply
)
