"""Expressions mean what C would say of them, are bounded, and are wrong with one sentence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.debug.expression import READS_MAX, Expression, Moment, address_of, value_of
from pocketvisor.errors import DebugError, PocketvisorError


class Memory:
    """Each byte is the low byte of its address up to 0x1000; physical ones are turned round."""

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        if address >= 0x1000:
            return b""
        flip = 0xFF if physical else 0
        return bytes((address + at & 0xFF) ^ flip for at in range(size))


class Symbols:
    def address(self, name: str) -> int | None:
        return {"printk": 0xC0008000, "foo.isra.0": 0x100, "std::sort": 0x200, "a b": 0x300}.get(name)

    def line_address(self, file: str, line: int) -> int | None:
        return 0x8000 + line if file == "lib/main.c" else None


MOMENT = Moment({"r0": 3, "r11": 0x40, "sp": 0x10, "r5": 0xFFFF_FFFF}, Memory(), Symbols())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("$r0 == 3 && *(u32*)($sp + 4) > 2", 1),
        ("0x10 | 0b11 ^ 'A'", 0x10 | 3 ^ 65),
        ("1 << 4 - 2", 4),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("~0", -1),
        ("(u32)~0", 0xFFFF_FFFF),
        ("$r5 == (u32)-1", 1),
        ("(i32)$r5 < 0", 1),
        ("(u8)0x1ff", 0xFF),
        ("!5 + !0", 1),
        ("1 ? 2 : 0 ? 3 : 4", 2),
        ("printk + 0x10", 0xC0008010),
        ("foo.isra.0", 0x100),
        ("std::sort", 0x200),
        ("'a b' + 1", 0x301),
        ("lib/main.c:12 + 4", 0x8010),
        ("1?2:3", 2),
        ("$fp", 0x40),
        ("[$sp]", 0x13121110),
        ("*$sp", 0x13121110),
        ("u8[$sp + 1]", 0x11),
        ("*(i16*)0xfe", -2),
        ("u64[0]", 0x0706050403020100),
        ("phys u8[0]", 0xFF),
        ("phys[0] == (~[0] & 0xffffffff)", 1),
        ("*(u32*)u8[0]", 0x03020100),
        ("1_000", 1000),
    ],
)
async def test_a_value(text: str, value: int) -> None:
    assert await value_of(text, MOMENT) == value


async def test_what_is_not_needed_is_not_looked_at() -> None:
    assert await value_of("0 && [0x2000]", MOMENT) == 0
    assert await value_of("1 || nosuch", MOMENT) == 1
    assert await value_of("1 ? 5 : 1 / 0", MOMENT) == 5


async def test_an_address_has_32_bits() -> None:
    assert await address_of("-4", MOMENT) == 0xFFFF_FFFC


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "missing"),
        ("1 +", "ends too early"),
        ("1 2", "makes no sense at '2'"),
        ("(1", r"'\)' is missing"),
        ("012", "octal"),
        ("0x1_0000_0000_0000_0000", "64 bits"),
        ("3x", "makes no sense"),
        ("$r0 = 3", "makes no sense"),
        ("1; 2", "makes no sense"),
        ("(" * 100 + "1" + ")" * 100, "nested"),
        ("!" * 200 + "1", "nested"),
        ("1" + "+1" * 200, "more than 250 parts"),
        ("1" * 1001, "longer"),
    ],
)
def test_nonsense_is_refused_before_it_is_used(text: str, words: str) -> None:
    with pytest.raises(DebugError, match=words):
        Expression(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$r99", "no register"),
        ("nosuch", "no symbol 'nosuch'"),
        ("1 / ($r0 - 3)", "divides by 0"),
        ("1 << 64", "shift by 64"),
        ("1 >> -1", "shift by -1"),
        ("[0x2000]", "Nothing is mapped at address 0x00002000"),
        ("phys[0x2000]", "physical address"),
        ("1 << 63 << 63 << 63", "too large"),
        ("+".join(["[0]"] * (READS_MAX + 1)), "reads memory more than"),
    ],
)
async def test_what_cannot_be_had_is_a_sentence(text: str, words: str) -> None:
    with pytest.raises(DebugError, match=words):
        await value_of(text, MOMENT)


@given(st.text(alphabet="$r0sp u32i8*()[]+-&|<>=!~?:'x19.", max_size=60))
@settings(max_examples=200, deadline=None)
async def test_any_text_is_a_value_or_a_sentence(text: str) -> None:
    try:
        await value_of(text, MOMENT)
    except PocketvisorError as error:
        assert str(error)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.sampled_from("+-*&|^"))
@settings(max_examples=60, deadline=None)
async def test_arithmetic_is_exact(first: int, second: int, operator: str) -> None:
    assert await value_of(f"{first} {operator} {second}", MOMENT) == eval(f"{first}{operator}{second}")
