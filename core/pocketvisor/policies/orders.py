"""What IT tells a profile between two policies: a check-in, a lock, an unlock, a wipe. Signed TOML, each with
a serial number that is greater than the last, and good until a time that it names.

An order carries no policy: a delivery can hold a policy and a check-in one after another.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pocketvisor.errors import PolicyError
from pocketvisor.policies.authority import AuthorityKey
from pocketvisor.policies.document import Hex, Time, convert_toml, nanoseconds
from pocketvisor.policies.signing import DocumentKind, check_signed, sign

Kind = Literal["check-in", "lock", "unlock", "wipe"]
REASON_MAX = 200
DEFAULT_HOURS = 72


class Order(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    kind: Kind
    profile: Hex
    serial: Annotated[int, Meta(ge=1, le=1 << 53)]
    issued: Time
    valid_until: Time
    reason: Annotated[str, Meta(max_length=REASON_MAX)] = ""

    @property
    def profile_id(self) -> bytes:
        return bytes.fromhex(self.profile)

    @property
    def issued_ns(self) -> int:
        return nanoseconds(self.issued)

    @property
    def valid_until_ns(self) -> int:
        return nanoseconds(self.valid_until)


class _Document(Struct, frozen=True, forbid_unknown_fields=True):
    content: Order = field(name="order")


class SignedOrder(Struct, frozen=True):
    """A document whose signature was found to be good; whose it is, others have to judge."""

    order: Order
    text: str
    signer: bytes
    document: bytes


def read_order(document: bytes) -> SignedOrder:
    """Raises PolicyError."""
    signed = check_signed(document, DocumentKind.ORDER)
    return SignedOrder(parse_order(signed.text), signed.text, signed.signer, document)


def parse_order(text: str) -> Order:
    """Raises PolicyError."""
    parsed: _Document = convert_toml(text, _Document, "order")
    order = parsed.content
    if order.valid_until_ns <= order.issued_ns:
        raise PolicyError("The order is malformed: it is valid until before it was issued")
    if not order.reason.isprintable():
        raise PolicyError("The order is malformed: its reason has letters that cannot be printed")
    return order


def is_order(document: bytes) -> bool:
    """Which of the two kinds a document wants to be, before its signature is looked at."""
    return any(line.strip() == b"[order]" for line in document.splitlines())


def new_order(
    kind: Kind,
    profile: bytes,
    serial: int,
    issued: datetime,
    valid_until: datetime,
    key: AuthorityKey,
    reason: str = "",
) -> bytes:
    """Signed. Raises PolicyError."""
    lines = [
        "[order]",
        f'kind = "{kind}"',
        f'profile = "{profile.hex()}"',
        f"serial = {serial}",
        f"issued = {issued.isoformat(timespec='seconds')}",
        f"valid_until = {valid_until.isoformat(timespec='seconds')}",
    ]
    if reason:
        if not reason.isprintable() or len(reason) > REASON_MAX:
            raise PolicyError(f"A reason is one line of at most {REASON_MAX} letters")
        quoted = reason.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'reason = "{quoted}"')
    text = "\n".join(lines) + "\n"
    parse_order(text)
    return sign(text, DocumentKind.ORDER, key)
