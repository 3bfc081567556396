"""What guests are promised holds over any second, also where the host cannot give the handset its rate."""

import pytest
from simulated import MIPS, SimulatedGuest, SimulatedHost

from pocketvisor.scheduler import Qos
from pocketvisor.scheduler.fairness import LEAST, Fairness, Progress

_SETTLED = 1.0
_HOSTS = {
    "quick": {"cores": 2},
    "one core": {"cores": 1},
    "one core, and somebody else": {"cores": 1, "strangers": 1},
    "two cores, and three others": {"cores": 2, "strangers": 3},
}


def _pair(host: dict[str, int], seed: int = 1, speed: float = 1200 * MIPS) -> SimulatedHost:
    work, spins = SimulatedGuest("work", speed), SimulatedGuest("spins")
    work.qos = Qos(reservation=1200)
    return SimulatedHost([work, spins], 2000, seed=seed, **host)


def _shares(host: SimulatedHost) -> list[float]:
    return [work / (work + spins) for work, spins in host.windows(_SETTLED)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", _HOSTS)
def test_a_reservation_of_60_percent_holds_over_any_second(name: str, seed: int) -> None:
    host = _pair(_HOSTS[name], seed)
    host.pass_time(6.0)
    shares = _shares(host)
    assert len(shares) > 3000
    assert min(shares) >= 0.58 and max(shares) <= 0.62


def test_without_the_waiting_it_would_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fairness, "factors", lambda self, elapsed, progress: [1.0 for _ in progress])
    host = _pair(_HOSTS["one core"])
    host.pass_time(4.0)
    assert max(_shares(host)) < 0.58


def test_a_reservation_holds_for_a_guest_whose_code_is_slow() -> None:
    host = _pair(_HOSTS["quick"], speed=500 * MIPS)
    host.pass_time(5.0)
    shares = _shares(host)
    assert min(shares) >= 0.58 and max(shares) <= 0.62


def test_shares_hold_on_a_core_that_guests_have_to_share() -> None:
    more, less = SimulatedGuest("more"), SimulatedGuest("less")
    more.qos = Qos(shares=3000)
    host = SimulatedHost([more, less], 2000, cores=1)
    host.pass_time(6.0)
    parts = [one / (one + two) for one, two in host.windows(2.0)]
    assert min(parts) >= 0.73 and max(parts) <= 0.77


def test_a_guest_that_only_touches_devices_holds_nobody_back() -> None:
    """It runs few instructions and wants more: without a reservation that is its own affair."""
    touches, works = SimulatedGuest("touches", speed=10 * MIPS), SimulatedGuest("works")
    host = SimulatedHost([touches, works], 2000, cores=2)
    host.pass_time(5.0)
    assert min(worked for _, worked in host.windows(_SETTLED)) > 0.97 * 1000 * MIPS


def test_what_a_slow_guest_cannot_use_its_neighbour_gets() -> None:
    touches, works = SimulatedGuest("touches", speed=10 * MIPS), SimulatedGuest("works", speed=1900 * MIPS)
    host = SimulatedHost([touches, works], 2000, cores=2)
    host.pass_time(4.0)
    assert min(worked for _, worked in host.windows(_SETTLED)) > 1800 * MIPS
    touches.speed = 1900 * MIPS  # and when it can use its part, it has it again
    host.pass_time(3.0)
    shares = [one / (one + two) for one, two in host.windows(4.5)]
    assert min(shares) > 0.48 and max(shares) < 0.52


def test_nobody_is_held_below_an_eighth_of_their_grant() -> None:
    host = _pair(_HOSTS["quick"], speed=5 * MIPS)
    host.pass_time(6.0)
    spun = [spins for _, spins in host.windows(3.0)]
    assert min(spun) >= 0.9 * LEAST * 800 * MIPS


def test_a_host_that_keeps_up_loses_none_of_the_rate() -> None:
    host = _pair(_HOSTS["quick"], speed=2000 * MIPS)
    host.guests[1].speed = 2000 * MIPS
    host.pass_time(5.0)
    sums = [sum(both) for both in host.windows(_SETTLED)]
    assert min(sums) > 0.98 * 2000 * MIPS and max(sums) < 1.02 * 2000 * MIPS
    assert host.scheduler.state().host > 0.97


def test_a_guest_that_waited_gets_its_part_at_once() -> None:
    host = _pair(_HOSTS["one core"])
    host.guests[0].awake = lambda now: now > 3.0
    host.pass_time(3.0)
    alone = host.windows(_SETTLED)
    assert min(spins for _, spins in alone) > 1000 * MIPS  # all of the core, since nobody else wants it
    host.pass_time(3.0)
    shares = [work / (work + spins) for work, spins in host.windows(3.4)]
    assert min(shares) >= 0.58 and max(shares) <= 0.62


def test_what_was_lost_long_ago_is_not_made_up() -> None:
    fairness = Fairness()

    factors = [1.0, 1.0]

    def look(first: float) -> list[float]:
        second = 400 * factors[1]
        rates = [Progress(1, first, 600, 600, 1.0, True), Progress(2, second, 400, second)]
        return fairness.factors(0.02, rates)

    for _ in range(200):
        factors = look(30)
    assert factors[0] > 1 and factors[1] == pytest.approx(LEAST, abs=0.1)
    for _ in range(60):
        factors = look(600 * factors[0])
    assert factors == pytest.approx([1.0, 1.0], abs=0.1)
