"""A descriptor is closed once, whoever says so again."""

import os

from pocketvisor.storage.descriptors import let_go


def test_what_is_let_go_is_nobodys_any_more() -> None:
    first, second = os.pipe()
    assert let_go([first, -1, second]) == -1
    again = os.pipe()
    assert set(again) == {first, second}, "the numbers are somebody else's"
    assert let_go([-1, -1]) == -1 and let_go([]) == -1
    for fd in again:
        os.close(fd)
