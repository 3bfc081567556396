"""Exceptions and interrupts as a timeline."""

import json

import pytest

from pocketvisor.debug.trace.chrome import chrome_trace
from pocketvisor.debug.trace.exceptions import Event, events, fault, spans
from pocketvisor.debug.trace.ring import RawException

SVC, DATA_ABORT, IRQ, ACKNOWLEDGED, ENDED, WAITING, WOKEN = 2, 4, 5, 6, 7, 8, 9


def made(*found: tuple[int, int, int]) -> list[Event]:
    """Of kinds, times in ns and addresses."""
    return events(
        [RawException(4 * ns, ns, 0x8000, 0, address, 0, kind, 0x13) for kind, ns, address in found]
    )


def test_an_interrupt_lasts_from_its_acknowledgement_to_its_end() -> None:
    found = made((WAITING, 10, 0), (WOKEN, 100, 0), (IRQ, 100, 0), (ACKNOWLEDGED, 110, 27), (ENDED, 150, 27))
    assert [(one.name, one.begin_ns, one.end_ns, one.depth) for one in spans(found)] == [
        ("waiting", 10, 100, 0),
        ("PPI 11, virtual timer", 110, 150, 0),
    ]
    assert spans(found)[1].duration_ns == 40
    assert found[3].text == "PPI 11, virtual timer"


def test_interrupts_nest() -> None:
    found = made((ACKNOWLEDGED, 1, 33), (ACKNOWLEDGED, 2, 27), (ENDED, 3, 27), (ENDED, 4, 33))
    assert [(one.name, one.depth) for one in spans(found)] == [
        ("SPI 1, pl011", 0),
        ("PPI 11, virtual timer", 1),
    ]


@pytest.mark.parametrize(
    "found",
    [
        [(ENDED, 1, 27)],
        [(ACKNOWLEDGED, 1, 27)],
        [(WOKEN, 1, 0)],
        [(WAITING, 1, 0)],
        [(ACKNOWLEDGED, 1, 1023), (ENDED, 2, 1023)],
        [(ACKNOWLEDGED, 1, 27), (ENDED, 2, 28)],
    ],
)
def test_what_has_no_other_end_is_left_out(found: list[tuple[int, int, int]]) -> None:
    assert spans(made(*found)) == []


def test_one_that_is_ended_out_of_turn_ends_those_within() -> None:
    found = made((ACKNOWLEDGED, 1, 33), (ACKNOWLEDGED, 2, 27), (ENDED, 3, 33), (ENDED, 4, 27))
    assert [one.interrupt for one in found] == [33, 27, 33, 27]
    assert [one.name for one in spans(found)] == ["SPI 1, pl011"]


def test_a_time_that_goes_back_has_no_length() -> None:
    assert [one.duration_ns for one in spans(made((ACKNOWLEDGED, 9, 27), (ENDED, 3, 27)))] == [0]


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0x005, "translation, section"),
        (0x817, "translation, page"),
        (0x80F, "permission, page"),
        (0x008, "external abort"),
        (0x207, "translation, level 3"),
        (0x20D, "permission, level 1"),
        (0x221, "status 0x21"),
        (0x400, "status 0x400"),
    ],
)
def test_faults_have_causes(status: int, text: str) -> None:
    assert fault(status) == text


def test_a_fault_says_what_was_wanted() -> None:
    raw = [
        RawException(0, 0, 0x8000, 0, 0x1234, 0x817, DATA_ABORT, 0x10),
        RawException(0, 0, 0x8000, 0, 4, 0, SVC, 0x10),
        RawException(0, 0, 0, 0, 0, 0, 77, 0),
    ]
    found = events(raw, first=5)
    assert [one.text for one in found] == ["writing 0x00001234: translation, page", "r7 = 4"]
    assert [(one.number, one.mode) for one in found] == [(5, "user"), (6, "user")]


def test_other_programs_read_the_timeline() -> None:
    found = made((SVC, 5, 4), (WAITING, 10, 0), (WOKEN, 100, 0), (ACKNOWLEDGED, 110, 27), (ENDED, 150, 27))
    told = json.loads(chrome_trace(spans(found), found, 'a "guest"</script>'))
    rows = [row for row in told["traceEvents"] if row["ph"] != "M"]
    assert [(row["name"], row["ph"], row["ts"]) for row in rows] == [
        ("waiting", "X", 0.01),
        ("PPI 11, virtual timer", "X", 0.11),
        ("supervisor call", "i", 0.005),
    ]
    assert rows[1]["dur"] == 0.04
