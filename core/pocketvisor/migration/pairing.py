"""Two machines come to trust each other by a short code, which the receiving one shows and somebody types at
the other.

SPAKE2 inside TLS, over both certificates: the two ends get the same key only if the code is the same and each
sees the other's certificate as it is. Who sits between them has to guess the code, once for each attempt, and
learns nothing from a wrong guess. The end that calls proves the key first; the end that shows the code counts
what is wrong, and after three the code is worth nothing.

Left out: a code that is longer for suspicious people; they compare fingerprints (`pocketvisor peers`).
"""

import hashlib
import hmac
import secrets
from typing import Final

import spake2

from pocketvisor.errors import MigrationError

DIGITS: Final = 6
TRIES: Final = 3
_BAD_MESSAGE: Final = (spake2.SPAKEError, ValueError, AssertionError, TypeError, IndexError)


class PairingCode:
    """At the end that shows it. Used up by one success, or by three that fail."""

    def __init__(self, code: str | None = None) -> None:
        self.code = code or f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        self.tries_left = TRIES
        self._asked = 0

    @property
    def shown(self) -> str:
        return f"{self.code[:3]} {self.code[3:]}"

    @property
    def open(self) -> bool:
        return self.tries_left > 0

    def spend(self) -> None:
        """A try begins: it counts until it turns out well, so that several at once are no more tries."""
        if not self.open:
            raise MigrationError("The pairing code there is used up: have it show another one")
        self.tries_left -= 1

    def succeeded(self) -> None:
        self.tries_left = 0


def typed_code(text: str) -> str:
    """As it was typed, with spaces or without. Raises MigrationError."""
    code = "".join(character for character in text if character not in " -\u00a0")
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        raise MigrationError(f"A pairing code has {DIGITS} digits")
    return code


class Exchange:
    """One side of one attempt. `caller` and `answerer` are the fingerprints as this side sees them."""

    def __init__(self, code: str, caller: bytes, answerer: bytes, *, calling: bool) -> None:
        side = spake2.SPAKE2_A if calling else spake2.SPAKE2_B
        self._spake = side(code.encode(), idA=caller, idB=answerer)
        self._calling = calling
        self._certificates = caller + answerer
        self._key = b""
        self.message: bytes = self._spake.start()

    def received(self, message: bytes) -> None:
        """The other side's message. Raises MigrationError where it is none."""
        try:
            self._key = self._spake.finish(message)
        except _BAD_MESSAGE as error:
            raise MigrationError("The other machine's part of the pairing makes no sense") from error

    @property
    def proof(self) -> bytes:
        return self._proof(b"caller" if self._calling else b"answerer")

    def check(self, proof: bytes) -> bool:
        """Whether the other side has the same key: the same code, and sees the same certificates."""
        return hmac.compare_digest(proof, self._proof(b"answerer" if self._calling else b"caller"))

    def _proof(self, side: bytes) -> bytes:
        if not self._key:
            raise MigrationError("The pairing has not come so far")
        return hmac.new(
            self._key, b"pocketvisor pairing\0" + side + self._certificates, hashlib.sha256
        ).digest()
