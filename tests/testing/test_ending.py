"""Which lines of a console are a verdict."""

import pytest

from pocketvisor.testing import Ending, Verdicts


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("PASS", 0),
        ("  PASSED \r", 0),
        ("OK", 0),
        ("ok    a mebibyte of RAM keeps what is written to it", None),
        ("PASS of the first part", None),
        ("FAIL 3", 1),
        ("FAILED: no such file", 1),
        ("FAILSAFE mode is on", None),
        ("[    1.2] Kernel panic - not syncing: VFS", 1),
        ("EXIT 0", 0),
        ("EXIT: 7", 7),
        ("EXIT code follows", None),
        ("hello", None),
    ],
)
def test_the_usual_verdicts(line: str, code: int | None) -> None:
    assert Verdicts().of(line) == code


def test_verdicts_of_ones_own() -> None:
    verdicts = Verdicts(passed="PROJECT EXECUTION SUCCESSFUL", failed="PROJECT EXECUTION FAILED")
    assert verdicts.of("PROJECT EXECUTION SUCCESSFUL") == 0
    assert verdicts.of("PROJECT EXECUTION FAILED") == 1
    assert verdicts.of("FAIL") is None


def test_to_stop_without_a_word_is_no_pass() -> None:
    ending = Ending(None, "", "power-off", 5, "")
    assert not ending.passed and str(ending) == "the guest gave no verdict and stopped (power-off) at tick 5"
