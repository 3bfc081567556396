"""What a guest can be promised, and what cannot be."""

from itertools import pairwise

import pytest
from msgspec import Struct

from pocketvisor.errors import AdmissionError
from pocketvisor.scheduler import Qos, admission
from pocketvisor.scheduler.host_time import HostTime
from pocketvisor.scheduler.response import LEAST_SQUEEZE, Response, waited_ms
from pocketvisor.scheduler.usage import Usage


class _Guest(Struct):
    qos: Qos


def test_a_change_leaves_the_rest() -> None:
    qos = Qos().changed(shares=500, reservation=None, limit=300).changed(reservation=200)
    assert qos == Qos(shares=500, reservation=200, limit=300)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"shares": 0}, "shares: from 1 to 100000"),
        ({"shares": 10**9}, "shares: from 1 to 100000"),
        ({"reservation": -1}, "reservation: from 0 to 100000"),
        ({"limit": 1 << 60}, "limit: from 0 to 100000"),
        ({"reservation": 300, "limit": 200}, "A reservation of 300 MIPS is more than the limit of 200 MIPS"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(changes: dict[str, int], sentence: str) -> None:
    with pytest.raises(AdmissionError) as error:
        Qos().changed(**changes)
    assert str(error.value) == sentence


def test_no_more_is_promised_than_there_is() -> None:
    others = [_Guest(Qos(reservation=600)), _Guest(Qos())]
    admission.check("Nexus", 1000, others, Qos(reservation=400))
    with pytest.raises(AdmissionError) as error:
        admission.check("Nexus", 1000, others, Qos(reservation=401))
    assert str(error.value) == "Nexus has 400 of its 1000 MIPS left to reserve, not 401"


def test_who_comes_from_elsewhere_gets_what_is_left() -> None:
    others = [_Guest(Qos(reservation=600))]
    assert admission.fitting(1000, others, Qos(reservation=900, shares=7)) == Qos(reservation=400, shares=7)
    assert admission.fitting(500, others, Qos(reservation=900)) == Qos()
    forged = Qos(reservation=900, limit=100)  # as no set_qos() would have it, but a file might
    assert admission.fitting(1000, others, forged) == Qos(reservation=100, limit=100)


# The automatic mode


def _times(waited_ms: float, turns: int) -> tuple[HostTime, ...]:
    return (HostTime(0, round(waited_ms * 1e6), turns), HostTime(0, 0, turns))


def _run(response: Response, waits: list[float], every: float = 0.05) -> list[float]:
    """The squeeze after each look at which the guest was woken once and waited so long."""
    squeezes, waited = [], 0.0
    response.look(0.0, every, 1, _times(0.0, 0))
    for number, wait in enumerate(waits, 1):
        waited += wait
        response.look(number * every, every, 1, _times(waited, number))
        squeezes.append(response.squeeze)
    return squeezes


def test_a_wait_is_of_each_time_it_was_woken() -> None:
    assert waited_ms(_times(0.0, 0), _times(12.0, 4)) == 3.0
    assert waited_ms(_times(5.0, 2), _times(5.0, 2)) is None


def test_the_background_is_held_back_until_the_foreground_waits_no_longer_than_it_may() -> None:
    response = Response()
    response.set_target(5.0)
    squeezes = _run(response, [9.0] * 20)
    assert all(later <= before for before, later in pairwise(squeezes))
    assert squeezes[-1] == LEAST_SQUEEZE
    squeezes = _run(response, [1.0] * 400)
    assert squeezes[-1] == 1.0
    assert all(later >= before for before, later in pairwise(squeezes))


def test_between_the_half_and_the_whole_it_stays() -> None:
    response = Response()
    response.set_target(5.0)
    assert len(set(_run(response, [9.0, *[4.0] * 30]))) == 1


def test_switched_off_it_holds_nobody_back_and_still_measures() -> None:
    response = Response()
    assert set(_run(response, [50.0] * 10)) == {1.0}
    assert response.waited_ms(0.5) == 50.0
    assert response.waited_ms(60.0) == 0.0
    response.set_target(5.0)
    _run(response, [50.0] * 10)
    response.set_target(None)
    assert response.squeeze == 1.0


def test_another_guest_in_front_is_not_measured_against_the_one_before() -> None:
    response = Response()
    response.look(0.0, 0.05, 1, _times(0.0, 0))
    response.look(0.1, 0.05, 2, _times(900.0, 1))
    assert response.waited_ms(0.1) == 0.0


@pytest.mark.parametrize("milliseconds", [0.0, 0.5, 2000.0, float("nan")])
def test_a_response_time_is_bounded(milliseconds: float) -> None:
    with pytest.raises(AdmissionError, match="from 1 to 1000 milliseconds"):
        Response().set_target(milliseconds)


# What was used


def test_usage_is_of_the_last_second_and_survives_a_reset() -> None:
    usage = Usage()
    for step in range(40):
        usage.add(step * 0.1, 100 * step)
    assert usage.rate(4.0) == pytest.approx(1000)
    for step in range(40, 60):
        usage.add(step * 0.1, 4000)
    assert usage.rate(6.0) == 0
    usage.add(6.1, 10)
    usage.add(6.2, 60)
    assert usage.rate(6.2) == pytest.approx(500)
