"""What a guest's processes share of an overlay: nothing that was marked is lost, whoever marks and turns."""

import os

from captured_files import memfd
from hypothesis import given
from hypothesis import strategies as st

from pocketvisor.storage.files import data_pieces, data_ranges
from pocketvisor.storage.shared_map import (
    CLUSTER,
    PAGE,
    SharedMap,
    cluster_count,
    marks_size,
    runs,
    shared_changed_size,
    shared_map_size,
)

SIZE = 3 * PAGE * CLUSTER + 512
COUNT = cluster_count(SIZE)


def pair() -> tuple[SharedMap, SharedMap]:
    """The same memory for two processes."""
    fds = memfd(shared_map_size(SIZE)), memfd(shared_changed_size(SIZE))
    return SharedMap(*fds, SIZE), SharedMap(*fds, SIZE)


def close(*shared: SharedMap) -> None:
    for fd in (shared[0]._map_fd, shared[0]._changed_fd):
        os.close(fd)
    for one in shared:
        one.close()


def marked(shared: SharedMap, half: int) -> set[int]:
    return {first + at for first, marks in shared.used_marks(half) for at, mark in enumerate(marks) if mark}


def test_both_sides_see_the_same() -> None:
    guest, handset = pair()
    guest.map[5] = 7
    guest.mark(10, 13)
    guest.mark(COUNT - 1, COUNT)
    guest.failed = True
    assert (handset.map[5], handset.failed) == (7, True)
    assert marked(handset, handset.half) == {10, 11, 12, COUNT - 1}
    assert handset.used_pages() == {0}
    close(guest, handset)


spans = st.tuples(st.integers(0, COUNT - 1), st.integers(1, 2 * PAGE)).map(
    lambda span: (span[0], min(COUNT, sum(span)))
)


@given(st.lists(st.tuples(st.lists(spans, max_size=4), st.booleans()), max_size=6))
def test_what_was_not_committed_is_marked_for_the_next_time(
    turns: list[tuple[list[tuple[int, int]], bool]],
) -> None:
    guest, handset = pair()
    since: set[int] = set()  # the last generation that was committed
    for marks, committed in turns:
        for first, end in marks:
            guest.mark(first, end)
            since.update(range(first, end))
        handset.clear_idle()
        half = guest.turn()
        guest.mark(0, 1)  # it writes on while it is saved
        assert marked(handset, half) == since
        if committed:
            since = set()
        else:
            handset.mark_again(half)
        since.add(0)
    assert marked(handset, handset.half) == since
    close(guest, handset)


def test_a_turn_costs_no_memory() -> None:
    guest, handset = pair()
    changed = handset._changed_fd
    handset.clear_idle()
    guest.turn()
    handset.clear_idle()
    assert os.fstat(changed).st_blocks == 0
    assert marks_size(SIZE) == 4 * PAGE
    close(guest, handset)


@given(st.binary(min_size=8, max_size=8), st.integers(0, 64), st.integers(0, 64))
def test_runs_are_the_bits(bits: bytes, first: int, end: int) -> None:
    first, end = min(first, end), max(first, end)
    expected = [bool(bits[at >> 3] >> (at & 7) & 1) for at in range(first, end)]
    found: list[bool] = []
    before = None
    for begin, stop, here in runs(bytearray(bits), first, end):
        assert begin == first + len(found)
        assert here != before
        before = here
        found += [here] * (stop - begin)
    assert found == expected


def test_what_is_no_hole() -> None:
    fd = memfd(1 << 20)
    assert list(data_ranges(fd, 0, 1 << 20)) == []
    os.pwrite(fd, b"x", 5 * PAGE)
    os.pwrite(fd, b"y" * PAGE * 2, 100 * PAGE)
    assert list(data_ranges(fd, 0, 2 << 20)) == [(5 * PAGE, 6 * PAGE), (100 * PAGE, 102 * PAGE)]
    assert list(data_ranges(fd, 5 * PAGE + 1, 101 * PAGE)) == [
        (5 * PAGE + 1, 6 * PAGE),
        (100 * PAGE, 101 * PAGE),
    ]
    pieces = list(data_pieces(fd, 0, 1 << 20, PAGE))
    assert [at for at, _ in pieces] == [5 * PAGE, 100 * PAGE, 101 * PAGE]
    assert pieces[1][1] == b"y" * PAGE
