"""What a policy can say, as a form asks for it. Adding a field is a line here.

A field at its default is not written into the text: what a policy does not name is allowed.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["switch", "choice", "number", "text", "names", "days", "time"]


@dataclass(frozen=True)
class Field:
    """`only`: another field of the section and the values of it that this one belongs to."""

    section: str
    name: str
    label: str
    kind: Kind
    default: Any
    tip: str = ""
    choices: tuple[tuple[Any, str], ...] = ()
    most: int = 0
    unit: str = ""
    example: str = ""
    zero: str = "never"
    """The word for a number that is 0."""
    only: tuple[str, tuple[Any, ...]] | None = None


@dataclass(frozen=True)
class Group:
    title: str
    picture: str
    fields: tuple[Field, ...] = field(default=())


def _switch(section: str, name: str, label: str, *, default: bool = True) -> Field:
    return Field(section, name, label, "switch", default)


HEADER = Group(
    "Policy",
    "shield-account-outline",
    (
        Field("policy", "organisation", "Organisation", "text", "", "Who manages the phone", example="Acme"),
        Field(
            "policy",
            "expires",
            "Expires",
            "time",
            None,
            "The phone is locked from then on, until there is a newer policy",
            example="never, or 2027-01-31 18:00",
        ),
    ),
)

GROUPS: tuple[Group, ...] = (
    HEADER,
    Group(
        "Clipboard and files",
        "clipboard-text-outline",
        (
            Field(
                "clipboard",
                "direction",
                "Text goes",
                "choice",
                "both",
                choices=(
                    ("both", "Both ways"),
                    ("in", "Into the phone alone"),
                    ("out", "Out of the phone alone"),
                    ("none", "Neither way"),
                ),
            ),
            _switch("clipboard", "files_in", "Files may be given to it"),
        ),
    ),
    Group(
        "Screen",
        "cellphone-screenshot",
        (
            _switch("screen", "screenshots", "Screenshots"),
            _switch("screen", "recording", "Recordings, and steps back in time"),
        ),
    ),
    Group(
        "Network",
        "lan",
        (
            Field(
                "network",
                "mode",
                "Reaches",
                "choice",
                "any",
                choices=(
                    ("any", "Everything"),
                    ("hosts", "The hosts below alone"),
                    ("vpn", "Its VPN alone"),
                    ("off", "Nothing"),
                ),
            ),
            Field(
                "network",
                "hosts",
                "Hosts",
                "names",
                [],
                "Names, addresses and networks, each with a port if only that one is meant",
                example="intranet.acme.example, 10.1.0.0/16, mail.acme.example:993",
                only=("mode", ("hosts",)),
            ),
            Field(
                "network",
                "vpn",
                "VPN",
                "text",
                "",
                example="vpn.acme.example:51820/udp",
                only=("mode", ("vpn",)),
            ),
        ),
    ),
    Group(
        "Sensors",
        "crosshairs-gps",
        (_switch("phone", "camera", "Camera"), _switch("phone", "location", "Location")),
    ),
    Group(
        "Looking inside",
        "bug-outline",
        (_switch("debugger", "allowed", "Debugger"), _switch("debugger", "console", "Serial console")),
    ),
    Group(
        "Copies",
        "content-copy",
        (
            Field(
                "export",
                "allowed",
                "May go",
                "choice",
                "yes",
                choices=(("yes", "Anywhere"), ("listed", "To those below alone"), ("no", "Nowhere")),
            ),
            Field(
                "export",
                "to",
                "To",
                "names",
                [],
                "Age recipients, addresses of vaults, machines' fingerprints",
                example="age1…, office-laptop",
                only=("allowed", ("listed",)),
            ),
            _switch("export", "clone", "Clones"),
        ),
    ),
    Group(
        "Lock and check-in",
        "lock-clock",
        (
            Field("lock", "idle_minutes", "Locked idle after", "number", 0, most=1440, unit=" min"),
            Field("check_in", "every_hours", "Check-in every", "number", 0, most=8784, unit=" h"),
            Field("check_in", "wipe_after_hours", "Wiped without after", "number", 0, most=8784, unit=" h"),
        ),
    ),
    Group(
        "Hours",
        "clock-outline",
        (
            Field("hours", "days", "Days", "days", None),
            Field("hours", "from", "From", "text", "00:00", example="07:00"),
            Field("hours", "to", "To", "text", "24:00", example="19:00"),
            Field("hours", "zone", "Time zone", "text", "UTC", example="Europe/Berlin"),
        ),
    ),
    Group(
        "Handset",
        "cellphone-cog",
        (
            Field(
                "handset", "mips", "Speed, at least", "number", 0, most=1_000_000, unit=" MIPS", zero="any"
            ),
            Field("handset", "ram_mib", "RAM, at least", "number", 0, most=1 << 20, unit=" MiB", zero="any"),
            Field(
                "handset", "models", "Models", "names", [], "Any, where none is named", example="nexus-one"
            ),
        ),
    ),
    Group(
        "Sharing and power",
        "memory",
        (
            _switch("memory", "share", "Memory may be shared with others", default=False),
            Field("power", "low_percent", "Low battery below", "number", 0, most=100, unit=" %"),
            Field(
                "power",
                "background_mips",
                "Then at most",
                "number",
                0,
                most=1_000_000,
                unit=" MIPS",
                zero="no limit",
            ),
            Field(
                "services",
                "allowed",
                "Calls services",
                "choice",
                True,
                choices=((True, "All"), (False, "None"), ("listed", "Those below alone")),
            ),
            Field(
                "services", "listed", "Services", "names", [], example="keys", only=("allowed", ("listed",))
            ),
        ),
    ),
)
"""`services.listed` is no field of a document: "allowed" is then the list itself."""
