"""A kernel's own table of symbols, as every order of it is written, and damaged in every way."""

import random
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pocketvisor.debug.symbols import kallsyms, kernel_image
from pocketvisor.debug.symbols.kallsyms import DIGITS, KernelSymbol
from pocketvisor.errors import DebugError

BASE = 0xC0300000


def symbols(count: int, seed: int = 1) -> list[KernelSymbol]:
    dice = random.Random(seed)
    found, address = [], BASE
    for number in range(count):
        letter = dice.choice("ttTTdDbB")
        name = f"{dice.choice(('do', 'sys', 'vfs', 'net'))}_{dice.choice(('read', 'probe', 'x'))}_{number}"
        found.append(KernelSymbol(address, letter, name + "_" * dice.choice((0, 0, 0, 150))))
        address += dice.choice((0, 4, 64, 300))
    return found


def words(values: list[int]) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def table(found: list[KernelSymbol], order: str) -> bytes:
    """As scripts/kallsyms.c writes it: `order` is "absolute", "5.10", "6.1" (with a table of names in their
    order) or "6.4"."""
    tokens = [bytes([value]) for value in range(256)]
    tokens[1:32] = [b"read", b"_pro", *(bytes([1]) * 2 for _ in range(29))]
    names, markers = bytearray(), []
    for number, symbol in enumerate(found):
        if number % 256 == 0:
            markers.append(len(names))
        raw = (symbol.letter + symbol.name).encode().replace(b"read", b"\x01").replace(b"_pro", b"\x02")
        names += bytes([len(raw)]) if len(raw) < 128 else bytes([len(raw) & 0x7F | 0x80, len(raw) >> 7])
        names += raw
    names += bytes(-len(names) % 4)
    token_table, index = bytearray(), []
    for token in tokens:
        index.append(len(token_table))
        token_table += token.replace(b"\0", b"?") + b"\0"
    token_table += bytes(-len(token_table) % 4)
    offsets = words([symbol.address - BASE for symbol in found])
    relative = offsets + words([BASE])
    addresses = words([symbol.address for symbol in found])
    head = words([len(found)]) + bytes(names) + words(markers)
    sequence = b"".join((len(found) - number).to_bytes(3, "big") for number in range(len(found)))
    sequence += bytes(-len(sequence) % 4)
    tail = bytes(token_table) + struct.pack("<256H", *index)
    match order:
        case "absolute":
            body = addresses + head + tail
        case "5.10":
            body = relative + head + tail
        case "6.1":
            body = relative + head + sequence + tail
        case _:
            body = head + tail + relative + sequence
    return bytes(64) + b"\x11\x22\x33\x44" * 64 + body + b"\x55\x66\x77\x88" * 64


@pytest.mark.parametrize("order", ("absolute", "5.10", "6.1", "6.4"))
@pytest.mark.parametrize("count", (150, 256, 1000, 5000))
def test_every_order_is_read(order: str, count: int) -> None:
    found = symbols(count)
    image = table(found, order)
    assert kallsyms.decode(image, image.find(DIGITS)) == found


def test_among_other_digits_the_right_ones_are_found() -> None:
    found = symbols(500)
    image = DIGITS.ljust(64, b"\0") + table(found, "6.1") + DIGITS
    at, digits = -1, []
    while (at := image.find(DIGITS, at + 1)) >= 0:
        digits.append(at)
    assert len(digits) == 3
    kernel = kernel_image.read(image, tuple(digits))
    assert (kernel.digits, kernel.page_offset) == (digits[1], 0xC0000000)
    assert sorted(kernel.symbols.names.split()) == sorted(symbol.name for symbol in found)
    with pytest.raises(DebugError, match="no Linux kernel"):
        kernel_image.read(image, (digits[0], digits[2]))


def test_a_kernel_of_another_split_is_seen_there() -> None:
    image = table(symbols(500), "6.1").replace(words([BASE]), words([0x80300000]))
    kernel = kernel_image.read(image, (image.find(DIGITS),))
    assert kernel.page_offset == 0x80000000 and not kernel.exports and not kernel.unwind_size


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(("absolute", "5.10", "6.1", "6.4")),
    st.lists(st.tuples(st.integers(0, 12_000), st.integers(0, 0xFFFFFFFF)), max_size=12),
    st.integers(0, 12_000) | st.none(),
)
@example("6.1", [], None)
def test_damage_is_a_sentence_or_other_symbols(
    order: str, changes: list[tuple[int, int]], cut: int | None
) -> None:
    image = bytearray(table(symbols(300), order))
    digits = image.find(DIGITS)
    for at, value in changes:
        at %= len(image) - 4
        image[at : at + 4] = value.to_bytes(4, "little")
    try:
        found = kallsyms.decode(bytes(image[:cut]), digits)
    except DebugError as error:
        assert "damaged" in str(error)
    else:
        assert len(found) <= 1 << 18 and all(0 <= symbol.address < 1 << 32 for symbol in found)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=3000), st.integers(0, 3000))
def test_anything_can_be_around_the_digits(noise: bytes, at: int) -> None:
    image = noise[:at] + DIGITS + noise[at:]
    with pytest.raises(DebugError):
        kallsyms.decode(image, image.find(DIGITS))
