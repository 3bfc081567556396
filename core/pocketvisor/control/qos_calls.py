"""What an open workbench is asked about how a handset's CPU is split among its guests, in MIPS.

All are answered by QosShown. An empty `handset` is the only one, or the only one with such a guest.
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct, structs

from pocketvisor.errors import AdmissionError

SHARES: Final = 1000
"""Of a guest that nobody has said anything of."""
SHARES_MOST: Final = 100_000
MIPS_MOST: Final = 100_000
BOOST_MOST: Final = 10.0
RESPONSE_LEAST_MS: Final = 1.0
RESPONSE_MOST_MS: Final = 1000.0

_Mips = Annotated[int, Meta(ge=0, le=MIPS_MOST)]


class Qos(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`shares`: its weight where several want more than there is. `reservation`: MIPS that it has before
    anybody else, whenever it wants them; `limit`: MIPS that it never gets more of. 0 for none of either."""

    shares: Annotated[int, Meta(ge=1, le=SHARES_MOST)] = SHARES
    reservation: _Mips = 0
    limit: _Mips = 0

    def changed(self, **changes: int | None) -> "Qos":
        """With what is not None. Raises AdmissionError with the field's name where it makes no sense."""
        wanted: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
        try:
            qos = msgspec.convert({**structs.asdict(self), **wanted}, Qos)
        except msgspec.ValidationError as error:
            for name, value in wanted.items():
                least, most = (1, SHARES_MOST) if name == "shares" else (0, MIPS_MOST)
                if not isinstance(value, int) or not least <= value <= most:
                    raise AdmissionError(f"{name}: from {least} to {most}") from error
            raise AdmissionError(f"That is no quality of service: {error}") from error
        if qos.limit and qos.reservation > qos.limit:
            raise AdmissionError(
                f"A reservation of {qos.reservation} MIPS is more than the limit of {qos.limit} MIPS"
            )
        return qos


class ShareNow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One guest of a handset, over about the last second. MIPS throughout.

    `used`: what it ran. `granted`: what it may run. `entitled`: what it had if all wanted all they can get.
    `share`: its part of what all the handset's guests ran, 0 to 1. `hungry`: it wants more than it gets.
    `limited_by`: what keeps it below its share: "" or "limit", "battery", "response", "host".
    `wait_ms`: how long it waits for the host's CPU when it is woken, 0 where that is not known.
    """

    guest: str
    name: str
    qos: Qos
    used: float
    granted: float
    entitled: float
    share: float
    hungry: bool
    foreground: bool
    boosted: bool
    limited_by: str
    wait_ms: float


class SchedulerNow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A handset's CPU as a whole. `host`: the part of its rate that this computer gives those that want it,
    0 to 1; `squeeze`: the part of their share that background guests are left by the automatic mode.
    `response_ms`: what was asked for, None where the mode is off; `waited_ms`: the worst of the last seconds.
    """

    total: int
    used: float
    reserved: int
    host: float
    boost: float
    response_ms: float | None
    waited_ms: float
    squeeze: float


_Name = Annotated[str, Meta(max_length=64)]


class _Message(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """Tagged with its class's name. What is None stays as it is."""

    handset: _Name = ""


class AskQos(_Message):
    """How it is."""


class SetQos(_Message):
    """What a guest is promised."""

    guest: _Name
    shares: int | None = None
    reservation: int | None = None
    limit: int | None = None


class SetSplit(_Message):
    """How the whole is split: what the foreground's shares are multiplied with, and how many milliseconds it
    may wait for the host's CPU, 0 for no matter."""

    boost: float | None = None
    response_ms: float | None = None


QosRequest = AskQos | SetQos | SetSplit


class QosShown(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    handset: str
    cpu: SchedulerNow
    guests: list[ShareNow]
