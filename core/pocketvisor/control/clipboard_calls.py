"""What an open workbench is asked about clipboards: a guest's own, and its phone's. Each is answered by
ClipboardShown."""

from typing import Annotated

from msgspec import Meta, Struct

_Name = Annotated[str, Meta(max_length=64)]
_Text = Annotated[str, Meta(max_length=64 << 10)]


class _Message(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """Tagged with its class's name. An empty `handset` is the only one with such a guest."""

    guest: _Name
    handset: _Name = ""


class AskClipboard(_Message):
    """What is on the phone's clipboard, and whether the guest may have it."""


class CopyFrom(_Message):
    """What the guest's user copied in it last, for outside."""


class PasteInto(_Message):
    """The guest has this text, from outside, as what is pasted next."""

    text: _Text


class PutClipboard(_Message):
    """On the phone's clipboard, from outside; an empty text clears it."""

    text: _Text


ClipboardRequest = AskClipboard | CopyFrom | PasteInto | PutClipboard


class ClipboardShown(Struct, tag=True, forbid_unknown_fields=True, kw_only=True):
    """`text` is what was copied from the guest, else what is on the phone's clipboard; `origin` the guest
    that it was copied in, empty for what came from outside. `why_not`: why the guest may not paste that."""

    guest: str
    text: str
    origin: str
    why_not: str
    available: bool
    """A program in the guest speaks for its clipboard."""
