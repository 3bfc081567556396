"""A new policy to begin with: every section, with what it says by default as comments."""

from datetime import UTC, datetime, timedelta
from typing import Final

_SECTIONS: Final = """\
# Everything below is allowed as long as a line stays a comment, but for [memory] share.
# 'pocketvisor policy effects FILE' says what a policy means.

[clipboard]
# direction = "none"            # none, in, out, both: "out" is what leaves the phone
# files_in = false

[screen]
# screenshots = false
# recording = false

[network]
# mode = "off"                  # any, off, vpn, hosts
# hosts = ["*.example.com", "10.0.0.0/8:443", "[2001:db8::1]:22"]
# vpn = "gate.example.com:51820/udp"

[phone]
# camera = false
# location = false

[debugger]
# allowed = false
# console = false               # the serial console

[export]
# allowed = "listed"            # no, listed, yes
# to = ["age1..."]              # age recipients, vaults' addresses, machines' fingerprints
# clone = false

[handset]
# mips = 400                    # the least that it has to have
# ram_mib = 256
# models = ["palm-pre"]

[lock]
# idle_minutes = 5

[check_in]
# every_hours = 24              # locked when IT was not heard of
# wipe_after_hours = 240

[hours]
# days = ["mon", "tue", "wed", "thu", "fri"]
# from = "07:00"
# to = "19:00"
# zone = "Europe/Berlin"        # UTC without one

[memory]
# share = true                  # equal pages with other guests: saves memory, and is a known side channel

[power]
# low_percent = 20              # below so much of the battery and in the background...
# background_mips = 50          # ...it gets no more than this

[services]
# allowed = ["keys"]            # services in other guests that it may call: true, false, or names
"""


def new_policy(
    profile: bytes,
    number: int,
    now: datetime,
    *,
    organisation: str = "",
    days: int | None = None,
    release: bool = False,
) -> str:
    """To be edited and signed; it is a policy as it is. `days`: until it expires."""
    quoted = organisation.replace("\\", "\\\\").replace('"', '\\"')
    issued = now.astimezone(UTC).replace(microsecond=0)
    lines = [
        "[policy]",
        f'profile = "{profile.hex()}"',
        f"number = {number}",
        f'organisation = "{quoted}"',
        f"issued = {issued.isoformat()}",
    ]
    if days is not None:
        lines.append(f"expires = {(issued + timedelta(days=days)).isoformat()}")
    if release:
        return "\n".join([*lines, "release = true"]) + "\n"
    return "\n".join([*lines, "", _SECTIONS])
