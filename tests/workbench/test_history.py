"""A profile's history in lanes, and the words for sizes and times."""

import time
from pathlib import Path

import pytest

from pocketvisor.profile.reading import Generation
from pocketvisor_workbench.history import History, lanes_of
from pocketvisor_workbench.panes.history_list import shown_of, title_of
from pocketvisor_workbench.words import ago_words, place_words, size_words, span_words, when_words


def generation(number: int, parent: int, kind: str = "snapshot", name: str = "") -> Generation:
    return Generation(
        number=number,
        parent=parent,
        created_ns=number * 10**9,
        added=1,
        digest=bytes([number]),
        kind=kind,  # type: ignore[arg-type]
        name=name,
    )


def test_a_straight_history_has_one_lane() -> None:
    rows = lanes_of([generation(3, 2), generation(2, 1), generation(1, 0)])
    assert [row.at for row in rows] == [0, 0, 0]
    assert [row.above for row in rows] == [(), (0,), (0,)]
    assert [row.below for row in rows] == [(0,), (0,), ()]
    assert {row.width for row in rows} == {1}


def test_a_branch_has_a_lane_of_its_own_and_ends_where_it_began() -> None:
    """4 goes on from 1, after 2 and 3 were given up."""
    rows = lanes_of([generation(4, 1), generation(3, 2), generation(2, 1), generation(1, 0)])
    assert [row.at for row in rows] == [0, 1, 1, 0]
    assert rows[1].above == (0,) and rows[1].below == (0, 1)
    assert rows[3].above == (0, 1) and rows[3].joins == (1,) and rows[3].below == ()


def test_a_lane_is_used_again_and_nothing_is_too_odd() -> None:
    """A parent that is not there, one that is newer, itself: it draws, and ends."""
    rows = lanes_of([generation(5, 9), generation(4, 4), generation(3, 5), generation(2, 1)])
    assert len(rows) == 4
    wide = lanes_of([generation(n, 1) for n in range(200, 1, -1)] + [generation(1, 0)])
    assert wide[-1].joins == tuple(range(1, 199)) and wide[-1].below == ()


def test_without_autosaves_what_is_left_is_one_history() -> None:
    generations = (
        generation(5, 4, "autosave"),
        generation(4, 3, "autosave", "kept"),
        generation(3, 2, "autosave"),
        generation(2, 1, "autosave"),
        generation(1, 0),
    )
    history = History(Path("/x"), head=5, generations=generations)
    assert [(one.number, one.parent) for one in shown_of(history, autosaves=False)] == [
        (5, 4),
        (4, 1),
        (1, 0),
    ]
    assert shown_of(history, autosaves=True) == list(generations)
    assert [title_of(one) for one in generations[:2]] == ["Autosave", "kept"]


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (2048, "2.0 KiB"),
        (5 << 20, "5.0 MiB"),
        (300 << 20, "300 MiB"),
        (3 << 40, "3.0 TiB"),
    ],
)
def test_sizes(size: int, words: str) -> None:
    assert size_words(size) == words


def test_times_and_places() -> None:
    assert ago_words(0.3) == "just now" and ago_words(12) == "12 s ago" and ago_words(600) == "10 min ago"
    assert span_words(7200) == "2 h" and span_words(86400 * 3) == "3 days" and span_words(-1) == "0 s"
    now = time.time()
    assert when_words(int(now * 1e9), now).count(":") == 2
    assert when_words(int((now - 800 * 86400) * 1e9), now).count(":") == 0
    assert place_words(Path.home() / "a.vphone") == "~/a.vphone"
    assert place_words(Path("/a/b")) == "/a/b"
