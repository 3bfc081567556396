"""What an open workbench is asked about a guest's modem. All are answered by ModemShown."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

_Name = Annotated[str, Meta(max_length=64)]


class _Message(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """Tagged with its class's name. An empty `handset` is the only one with such a guest."""

    guest: _Name
    handset: _Name = ""


class AskModem(_Message):
    """How it is."""


class SendSms(_Message):
    """A message to the guest."""

    number: _Name
    text: Annotated[str, Meta(max_length=4000)]


class Ring(_Message):
    """Somebody calls the guest."""

    number: _Name


class EndCall(_Message):
    """`how`: whom the guest has called picks up, or the far end hangs up."""

    how: Literal["answer", "hang-up"]


ModemRequest = AskModem | SendSms | Ring | EndCall


class SmsShown(Struct, forbid_unknown_fields=True):
    number: str
    text: str


class CallShown(Struct, forbid_unknown_fields=True):
    """`state`: "ringing", "dialled" or "active"; outgoing: the guest called."""

    number: str
    state: str
    outgoing: bool


class ModemShown(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """`sent`: what the guest has sent, oldest first."""

    guest: str
    call: CallShown | None
    sent: list[SmsShown]
