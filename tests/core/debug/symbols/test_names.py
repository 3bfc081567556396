"""Symbols by address and by name."""

from hypothesis import given
from hypothesis import strategies as st

from pocketvisor.debug.symbols.names import REACH, Names
from pocketvisor.debug.symbols.rows import Row, packed


def names(*rows: Row) -> Names:
    return Names(packed(sorted(rows)), "file")


def test_a_symbol_holds_what_its_size_says() -> None:
    found = names((100, 10, "f", "one"), (120, 0, "f", "two"), (0x40000000, 4, "o", "far"))
    assert [found.holding(at) and found.holding(at).name for at in (99, 100, 109, 110, 119, 120, 130)] == [  # type: ignore[union-attr]
        None,
        "one",
        "one",
        None,
        None,
        "two",
        "two",
    ]
    assert found.holding(120 + REACH) is None
    assert found.holding(0x40000004) is None


def test_of_several_a_function_with_a_plain_name_is_told() -> None:
    found = names((16, 8, "n", "mark"), (16, 8, "o", "data"), (16, 8, "f", "__begin"), (16, 8, "t", "work"))
    symbol = found.holding(20)
    assert symbol is not None and symbol.name == "work" and symbol.thumb and symbol.kind == "function"
    assert names((16, 8, "n", "mark"), (16, 8, "o", "data")).holding(16).name == "data"  # type: ignore[union-attr]


def test_a_name_is_rather_more_than_a_label() -> None:
    found = names((4, 0, "n", "same"), (8, 4, "f", "same"))
    symbol = found.named("same")
    assert symbol is not None and symbol.address == 8
    assert found.named("sam") is None
    assert [symbol.address for symbol in found.beginning("sa", 1)] == [4]
    assert [symbol.address for symbol in found.containing("AM", 5)] == [4, 8]


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 30)), max_size=20), st.integers(0, 250))
def test_what_holds_an_address_is_found(spans: list[tuple[int, int]], at: int) -> None:
    found = names(*((start, size, "f", f"f{number}") for number, (start, size) in enumerate(spans)))
    symbol = found.holding(at)
    if symbol is not None:
        assert symbol.address <= at < symbol.address + symbol.size
    else:
        assert not any(start <= at < start + size for start, size in spans)
