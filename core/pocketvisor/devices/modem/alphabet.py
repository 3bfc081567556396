"""Characters of short messages (3GPP TS 23.038): the GSM 7-bit default alphabet with its extension table, its
packing into octets, and UCS2.

Left out: the national language tables and compression.
"""

from typing import Final

ESCAPE: Final = 0x1B

_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION: Final = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
_SEPTETS: Final = {character: (code,) for code, character in enumerate(_BASIC) if code != ESCAPE} | {
    character: (ESCAPE, code) for code, character in _EXTENSION.items()
}


def is_basic(text: str) -> bool:
    """Whether the default alphabet has all of its characters."""
    return all(character in _SEPTETS for character in text)


def to_septets(text: str) -> list[int]:
    """A character that the alphabet has not becomes a question mark."""
    return [septet for character in text for septet in _SEPTETS.get(character, _SEPTETS["?"])]


def from_septets(septets: bytes | list[int]) -> str:
    """An unknown extension shows as its basic character, as the standard wants it."""
    text = []
    escaped = False
    for septet in septets:
        if septet == ESCAPE and not escaped:
            escaped = True
            continue
        basic = _BASIC[septet & 0x7F]
        text.append(_EXTENSION.get(septet, basic) if escaped else basic)
        escaped = False
    return "".join(text).replace("\x1b", " ")


def pack(septets: list[int], fill_bits: int = 0) -> bytes:
    """Least significant bits first (6.1.2.1); `fill_bits` zero bits come before, behind a header."""
    value = 0
    for index, septet in enumerate(septets):
        value |= (septet & 0x7F) << (7 * index + fill_bits)
    return value.to_bytes((7 * len(septets) + fill_bits + 7) // 8, "little")


def unpack(octets: bytes, count: int, fill_bits: int = 0) -> list[int]:
    """`count` septets; those behind the end of the octets are left out."""
    value = int.from_bytes(octets, "little") >> fill_bits
    there = (8 * len(octets) - fill_bits) // 7
    return [value >> (7 * index) & 0x7F for index in range(max(0, min(count, there)))]


def to_ucs2(text: str) -> bytes:
    """Big endian; characters beyond the basic plane as surrogates, which phones take for UTF-16."""
    return text.encode("utf-16-be", "surrogatepass")


def from_ucs2(octets: bytes) -> str:
    return octets[: len(octets) & ~1].decode("utf-16-be", "replace")
