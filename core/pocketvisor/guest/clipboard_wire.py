"""What a guest and its handset say to each other about copied text, over the virtio-console channel
`org.pocketvisor.clipboard` (in a Linux guest /dev/virtio-ports/org.pocketvisor.clipboard, if udev runs).

Each message is one line of ASCII:

    VERB NUMBER SIZE TEXT\\n

NUMBER (0 to 2^31 - 1) pairs an answer with its question. TEXT is base64 (RFC 4648) of UTF-8 without NUL,
SIZE its bytes before that, at most 64 KiB; without text SIZE is 0, and the blank before TEXT may be missing.
A line that is none, a cut one for instance, is skipped: after a move or a restart both sides agree again at
the next line feed.

From the guest:

    hello 1            I am here, and speak version 1. Also the answer to the handset's hello.
    copied 0           The user copied this text here.
    paste N            The user pastes here: what is on the phone's clipboard?
    text N             The answer to `get N`.
    done N             `put N` was taken.
    no N               The answer to `get` or `put`: it cannot be, and why.

From the handset:

    hello 1            Is anybody there?
    get N              What did the user copy here last?
    put N              This is copied now: what is pasted next is this.
    text N             The answer to `paste N`.
    no N               The answer to `paste`, or with the number 0 to `copied`: it is not allowed, and why.
                       Without text in answer to `paste`: what was copied here last is the newest there is.

The handset may leave questions unanswered that come faster than a user asks them.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

PORT: Final = "org.pocketvisor.clipboard"
VERSION: Final = 1
TEXT_MAX: Final = 64 << 10

_LINE: Final = re.compile(rb"([a-z]{1,8}) ([0-9]{1,10}) ([0-9]{1,5})(?: ([A-Za-z0-9+/]*={0,2}))?\r?")
_LINE_MAX: Final = 8 + 1 + 10 + 1 + 5 + 1 + (TEXT_MAX + 2) // 3 * 4 + 2
_NUMBER_MAX: Final = (1 << 31) - 1


class Line(NamedTuple):
    verb: str
    number: int
    text: str = ""


def encoded(verb: str, number: int, text: str = "") -> bytes:
    """Text that is too long, or holds a NUL, has to be refused before."""
    data = text.encode()
    assert len(data) <= TEXT_MAX
    return b"%s %d %d %s\n" % (verb.encode(), number, len(data), base64.b64encode(data))


def problem(text: str) -> str:
    """Why this cannot be on a clipboard; empty if it can."""
    if "\0" in text:
        return "Text with a NUL in it cannot be copied"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "The text is no Unicode: it has half of a character in it"
    if size > TEXT_MAX:
        return f"The text has {size} bytes: a clipboard takes {TEXT_MAX}"
    return ""


class Reader:
    """Lines out of what comes in pieces. Bounded, whatever comes."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._skips = False
        self.nonsense = 0
        """Lines that were none."""

    def feed(self, data: bytes) -> Iterator[Line]:
        *whole, rest = data.split(b"\n")
        for piece in whole:
            line = bytes(self._data) + piece
            self._data.clear()
            skips, self._skips = self._skips, False
            if skips or not line.strip():
                continue
            read = _read(line)
            if read is None:
                self.nonsense += 1
            else:
                yield read
        self._data += rest
        if len(self._data) > _LINE_MAX:
            self._data.clear()
            self.nonsense += not self._skips
            self._skips = True


def _read(line: bytes) -> Line | None:
    match = _LINE.fullmatch(line) if len(line) <= _LINE_MAX else None
    if match is None:
        return None
    verb, number, size = match[1].decode(), int(match[2]), int(match[3])
    try:
        data = base64.b64decode(match[4] or b"", validate=True)
        text = data.decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    if number > _NUMBER_MAX or len(data) != size or size > TEXT_MAX or "\0" in text:
        return None
    return Line(verb, number, text)
