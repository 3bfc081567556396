"""Questions for names and their answers (RFC 1035), read as strictly as whoever lets only some of them pass
has to, and written anew: a question that goes out says its name and nothing else.

Left out: all types but A and AAAA, EDNS, several questions in one, answers by TCP.
"""

import re
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

PORT: Final = 53
SIZE_MAX: Final = 4096
A, CNAME, AAAA = 1, 5, 28
_IN: Final = 1
_RECORDS_MAX: Final = 128
_CHAIN_MAX: Final = 16
_JUMPS_MAX: Final = 32
_RESPONSE, _OPCODES, _RECURSE, _AVAILABLE, _CODE = 0x8000, 0x7800, 0x0100, 0x0080, 0x000F
_REFUSED: Final = 5
_HEAD: Final = struct.Struct(">HHHHHH")
_RECORD: Final = struct.Struct(">HHIH")
_LABEL: Final = re.compile(rb"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


class Question(NamedTuple):
    identity: int
    name: str
    """Lower case, without a dot at the end."""
    kind: int


class Answer(NamedTuple):
    question: Question
    addresses: tuple[tuple[bytes, int], ...]
    """With the seconds for which they are good."""


class _Malformed(Exception):
    pass


def read_question(data: bytes) -> Question | None:
    """None where it is none that can be judged. Its kind may be another than A and AAAA."""
    try:
        identity, flags, questions, answers, authorities, more = _HEAD.unpack_from(data)
        if flags & (_RESPONSE | _OPCODES) or (questions, answers, authorities) != (1, 0, 0) or more > 1:
            return None
        name, at = _name(data, _HEAD.size)
        kind, group = struct.unpack_from(">HH", data, at)
    except (_Malformed, struct.error):
        return None
    return Question(identity, name, kind) if group == _IN and name else None


def question(asked: Question) -> bytes:
    """As it goes out: whatever else was in it, a name's capitals included, does not."""
    return _HEAD.pack(asked.identity, _RECURSE, 1, 0, 0, 0) + _asked(asked)


def no_answer(asked: Question, *, refused: bool) -> bytes:
    """The answer of a resolver that will not look for this, or has found nothing of this kind."""
    flags = _RESPONSE | _RECURSE | _AVAILABLE | (_REFUSED if refused else 0)
    return _HEAD.pack(asked.identity, flags, 1, 0, 0, 0) + _asked(asked)


def read_answer(data: bytes) -> Answer | None:
    """The addresses of the name that was asked for, through its aliases; None where it makes no sense."""
    if len(data) > SIZE_MAX:
        return None
    try:
        identity, flags, questions, answers, _, _ = _HEAD.unpack_from(data)
        if not flags & _RESPONSE or flags & _OPCODES or questions != 1 or answers > _RECORDS_MAX:
            return None
        name, at = _name(data, _HEAD.size)
        kind, group = struct.unpack_from(">HH", data, at)
        asked = Question(identity, name, kind)
        records = list(_records(data, at + 4, answers))
    except (_Malformed, struct.error):
        return None
    if group != _IN:
        return None
    if flags & _CODE:
        return Answer(asked, ())
    aliases = {owner: target for owner, what, _, target in records if what == CNAME}
    names, last = {name}, name
    for _ in range(_CHAIN_MAX):
        target = aliases.get(last)
        if not isinstance(target, str) or target in names:
            break
        names.add(target)
        last = target
    size = {A: 4, AAAA: 16}.get(kind, -1)
    found = [
        (content, seconds)
        for owner, what, seconds, content in records
        if what == kind and owner in names and isinstance(content, bytes) and len(content) == size
    ]
    return Answer(asked, tuple(found))


def _asked(asked: Question) -> bytes:
    labels = b"".join(bytes((len(label),)) + label for label in asked.name.encode("ascii").split(b"."))
    return labels + b"\0" + struct.pack(">HH", asked.kind, _IN)


def _records(data: bytes, at: int, count: int) -> Iterator[tuple[str, int, int, str | bytes]]:
    for _ in range(count):
        owner, at = _name(data, at, strict=False)
        what, group, seconds, size = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        if at + size > len(data):
            raise _Malformed
        if group == _IN and what == CNAME:
            yield owner, what, seconds, _name(data, at, strict=False)[0]
        elif group == _IN:
            yield owner, what, seconds, data[at : at + size]
        at += size


def _name(data: bytes, at: int, *, strict: bool = True) -> tuple[str, int]:
    """The name, and where what comes behind it begins. Strict: a host's name, without compression."""
    labels: list[bytes] = []
    behind, jumps, length = -1, 0, 0
    while True:
        if at >= len(data):
            raise _Malformed
        size = data[at]
        if size >= 0xC0 and not strict:
            jumps += 1
            if at + 1 >= len(data) or jumps > _JUMPS_MAX:
                raise _Malformed
            behind = at + 2 if behind < 0 else behind
            at = (size & 0x3F) << 8 | data[at + 1]
            continue
        if size > 63:
            raise _Malformed
        if not size:
            break
        label = bytes(data[at + 1 : at + 1 + size]).lower()
        length += size + 1
        if len(label) != size or length > 254 or (strict and not _LABEL.fullmatch(label)):
            raise _Malformed
        labels.append(label)
        at += 1 + size
    return b".".join(labels).decode("latin-1"), (behind if behind >= 0 else at + 1)
