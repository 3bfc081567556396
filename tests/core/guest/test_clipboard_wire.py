"""The lines about copied text: what goes in comes out, and nonsense is skipped, whatever a guest says."""

from hypothesis import given
from hypothesis import strategies as st

from pocketvisor.guest.clipboard_wire import TEXT_MAX, Line, Reader, encoded, problem

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)
lines = st.builds(Line, st.sampled_from(["hello", "copied", "put"]), st.integers(0, (1 << 31) - 1), texts)


@given(st.lists(lines, max_size=8), st.integers(1, 50))
def test_lines_come_out_as_they_went_in_however_they_are_cut(said: list[Line], step: int) -> None:
    data = b"".join(encoded(*line) for line in said)
    reader = Reader()
    heard = [line for at in range(0, len(data), step) for line in reader.feed(data[at : at + step])]
    assert heard == said and not reader.nonsense


@given(st.lists(st.binary(max_size=300), max_size=10))
def test_anything_may_come_and_the_next_whole_line_is_heard(rubbish: list[bytes]) -> None:
    reader = Reader()
    for data in rubbish:
        for line in reader.feed(data):
            assert problem(line.text) == ""
    assert list(reader.feed(b"\n" + encoded("paste", 7)))[-1] == Line("paste", 7)


def test_a_cut_line_is_no_text() -> None:
    """What a move or a restart leaves of a line is not taken for a shorter text."""
    whole = encoded("put", 1, "four words of text")
    for cut in range(1, len(whole) - 1):
        reader = Reader()
        assert list(reader.feed(whole[:cut] + b"\n" + encoded("hello", 1))) == [Line("hello", 1)]


def test_what_is_no_line() -> None:
    wrong = (
        b"copied 0 5 aGVsbG8",  # no padding
        b"copied 0 6 aGVsbG8=",  # another size
        b"copied 0 5 aGVs bG8=",
        b"COPIED 0 5 aGVsbG8=",
        b"copied -1 5 aGVsbG8=",
        b"copied 4294967296 5 aGVsbG8=",
        b"copied 0 1 /w==",  # no UTF-8
        b"copied 0 1 AA==",  # NUL
        b"copied 0 99999 " + b"A" * 90000,
        b"copied",
        b"\xff\xfe\xfd",
    )
    for line in wrong:
        reader = Reader()
        assert list(reader.feed(line + b"\n")) == [] and reader.nonsense == 1, line


def test_the_largest_text_goes_and_no_larger() -> None:
    reader = Reader()
    assert [len(line.text) for line in reader.feed(encoded("put", 1, "x" * TEXT_MAX))] == [TEXT_MAX]
    assert "65537 bytes" in problem("x" * (TEXT_MAX + 1)) and problem("ö" * TEXT_MAX)
    assert problem("a\0b") and problem("\ud800") and not problem("")


def test_a_line_without_end_takes_no_memory() -> None:
    reader = Reader()
    for _ in range(200):
        assert list(reader.feed(b"x" * 65536)) == []
        assert len(reader._data) <= 2 * 65536
    assert list(reader.feed(b"\n" + encoded("hello", 1))) == [Line("hello", 1)]
    assert reader.nonsense == 1
