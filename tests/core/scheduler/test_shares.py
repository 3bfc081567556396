"""Reservations come first, limits are never passed, the rest goes by weight, and none of it is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketvisor.scheduler import Demand, split

_wishes = st.lists(
    st.tuples(
        st.one_of(st.none(), st.floats(0, 3000)),
        st.integers(1, 10_000),
        st.integers(0, 500),
        st.one_of(st.just(0), st.integers(1, 2000)),
    ),
    min_size=1,
    max_size=6,
)


@given(_wishes, st.integers(2000, 4000))
def test_every_promise_is_kept(wishes: list[tuple[float | None, int, int, int]], total: int) -> None:
    """The reservations fit: six of at most 500."""
    total = max(total, sum(reserved for _, _, reserved, _ in wishes))
    demands = [
        Demand(wanted, weight=weight, reservation=reserved, limit=limit)
        for wanted, weight, reserved, limit in wishes
    ]
    grants = split(total, demands)
    assert sum(grants) <= total * 1.000001
    if sum(demand.most for demand in demands) > total:
        assert sum(grants) == pytest.approx(total)
    for demand, grant in zip(demands, grants, strict=True):
        assert grant <= demand.most * 1.000001
        assert grant >= min(demand.reservation, demand.most) * 0.999999
    free = [
        grant / demand.weight
        for demand, grant in zip(demands, grants, strict=True)
        if min(demand.reservation, demand.most) < grant * 0.9999 and grant < demand.most * 0.9999
    ]
    assert max(free, default=1.0) == pytest.approx(min(free, default=1.0), rel=0.001)


def test_weights_split_what_is_there() -> None:
    assert split(90, [Demand(None, weight=2), Demand(None)]) == [60, 30]


def test_a_reservation_comes_first_and_is_part_of_the_share() -> None:
    assert split(100, [Demand(None, reservation=60), Demand(None)]) == [60, 40]
    assert split(100, [Demand(None, reservation=60), Demand(None), Demand(None)]) == [60, 20, 20]
    assert split(100, [Demand(None, reservation=30), Demand(None)]) == [50, 50]


def test_what_is_reserved_and_not_wanted_is_the_others() -> None:
    assert split(100, [Demand(10, reservation=60), Demand(None)]) == [10, 90]


def test_a_limit_is_passed_by_nobody_not_even_the_foreground() -> None:
    assert split(100, [Demand(None, foreground=True, limit=20), Demand(None, limit=30)]) == [20, 30]


def test_more_reserved_than_there_is_shrinks_alike() -> None:
    assert split(60, [Demand(None, reservation=80), Demand(None, reservation=40)]) == [40, 20]
