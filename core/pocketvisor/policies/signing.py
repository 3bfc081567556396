"""A signature under a text: its last line, a comment to whoever reads the text as TOML.

    # signed by PUBLIC-KEY-IN-HEX: SIGNATURE-IN-BASE64

Ed25519 over a prefix that names the kind of document, and every byte before that line. Left out: whose key it
is (governed.py compares it with the profile's authority), and when it was signed.
"""

import base64
import binascii
import re
from enum import Enum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from pocketvisor.errors import PolicyError
from pocketvisor.policies.authority import AuthorityKey

_MARK: Final = b"# signed by "
_LINE: Final = re.compile(rb"# signed by ([0-9a-f]{64}): ([A-Za-z0-9+/]{86}==)")
MAX_DELIVERY: Final = 64 << 10


class DocumentKind(Enum):
    """No signature of one kind is one of another."""

    POLICY = b"pocketvisor policy 1\0"
    ORDER = b"pocketvisor order 1\0"


LARGEST: Final = {DocumentKind.POLICY: 56 << 10, DocumentKind.ORDER: 2 << 10}
"""Bytes, the signature's line included: what governs a profile has to fit into one of its generations."""

_CALLED: Final = {DocumentKind.POLICY: "policy", DocumentKind.ORDER: "order"}


class Signed(Struct, frozen=True):
    """Whose signature was found to be good over which text."""

    text: str
    signer: bytes


def sign(text: str, kind: DocumentKind, key: AuthorityKey) -> bytes:
    """Raises PolicyError."""
    body = text.encode()
    if not body.endswith(b"\n"):
        body += b"\n"
    if _has_mark(body):
        raise PolicyError(f"This {_CALLED[kind]} is signed already: sign the text without its last line")
    signature = base64.b64encode(key.sign(kind.value + body))
    document = body + _MARK + key.public.hex().encode() + b": " + signature + b"\n"
    if len(document) > LARGEST[kind]:
        raise PolicyError(f"The {_CALLED[kind]} is too large: {LARGEST[kind] >> 10} KiB are allowed")
    return document


def check_signed(document: bytes, kind: DocumentKind) -> Signed:
    """Raises PolicyError."""
    called = _CALLED[kind]
    if len(document) > LARGEST[kind]:
        raise PolicyError(f"The {called} is too large: {LARGEST[kind] >> 10} KiB are allowed")
    body, line = _parted(document)
    if not line:
        raise PolicyError(f"The {called} is not signed: its last line has to be '# signed by ...'")
    match = _LINE.fullmatch(line)
    if match is None or _has_mark(body):
        raise PolicyError(f"The signature under the {called} is malformed")
    signer = bytes.fromhex(match[1].decode())
    try:
        signature = base64.b64decode(match[2], validate=True)
        Ed25519PublicKey.from_public_bytes(signer).verify(signature, kind.value + body)
    except (InvalidSignature, ValueError, binascii.Error):
        raise PolicyError(
            f"The signature does not fit the {called}: it was changed after it was signed"
        ) from None
    try:
        return Signed(body.decode(), signer)
    except UnicodeDecodeError:
        raise PolicyError(f"The {called} is no text in UTF-8") from None


def unsigned(document: bytes) -> str:
    """The text without its signature, if it has one: to edit it. Raises PolicyError."""
    if len(document) > MAX_DELIVERY:
        raise PolicyError(f"That is too large for a policy: {MAX_DELIVERY >> 10} KiB are allowed")
    body, line = _parted(document)
    try:
        return (body if line else document).decode()
    except UnicodeDecodeError:
        raise PolicyError("That is no policy: it is no text in UTF-8") from None


def parted(delivery: bytes) -> list[bytes]:
    """The documents of a file that has several, one after another. Raises PolicyError."""
    if len(delivery) > MAX_DELIVERY:
        raise PolicyError(f"The delivery is too large: {MAX_DELIVERY >> 10} KiB are allowed")
    documents: list[bytes] = []
    lines: list[bytes] = []
    for line in delivery.splitlines(keepends=True):
        lines.append(line)
        if line.startswith(_MARK):
            documents.append(b"".join(lines))
            lines = []
    if b"".join(lines).strip():
        raise PolicyError(
            "It is not signed to its end: the last line has to be '# signed by ...', "
            "as 'pocketvisor policy sign' writes it"
        )
    if not documents:
        raise PolicyError("There is no policy and no order in it")
    return documents


def _parted(document: bytes) -> tuple[bytes, bytes]:
    """What is signed, and the line with the signature; an empty line where there is none."""
    whole = document.removesuffix(b"\n")
    body, _, line = whole.rpartition(b"\n")
    if not line.startswith(_MARK):
        return document, b""
    return body + b"\n", line


def _has_mark(body: bytes) -> bool:
    return body.startswith(_MARK) or b"\n" + _MARK in body
