"""The pane shows the guest's framebuffer, or a scanout that devices draw into; and whose damage counts."""

import select
import struct
import threading

import pytest
from native_machines import FRAMEBUFFER, HEIGHT, STOP, STRIDE, WIDTH, Guest, branch, load_constant, write

from pocketvisor import _native
from pocketvisor.control.status import StatusPage

pytestmark = pytest.mark.guest_process

DRAW_FOREVER = [*load_constant(2, FRAMEBUFFER), 0xE2833001, 0xE5823000, branch(2, 0)]  # add; str; b


def shown(guest: Guest) -> tuple[int, ...]:
    """Source, width, height, stride and generation in the status page."""
    return struct.unpack_from("<5I", guest.status, 0x210)


def test_a_scanout_is_shown_and_damaged_in_place_of_the_framebuffer() -> None:
    guest = Guest([*write(FRAMEBUFFER + STRIDE, 0xFF), STOP], with_status=True)
    machine, page = guest.machine, StatusPage(guest.fds["status"][1])
    assert shown(guest) == (0, 0, 0, 0, 0)
    machine.publish_damage([(0, 0, 5, 5)])  # of a scanout that is not shown
    assert page.damage_since(0) == (0, [])
    machine.publish_scanout(320, 200, 1280)
    assert shown(guest) == (1, 320, 200, 1280, 2)
    assert select.select([guest.frame_fd], [], [], 0)[0]
    machine.publish_damage([(1, 2, 3, 4), (300, 190, 5000, 5000), (7, 7, 7, 9), (-5, -5, 1, 1)])
    assert page.damage_since(0) == (4, [(0, 0, 320, 200), (1, 2, 3, 4), (300, 190, 320, 200), (0, 0, 1, 1)])
    assert machine.run(1000) == _native.RUN_LIMIT
    assert page.damage_since(4) == (4, [])  # the framebuffer was drawn to, and is not shown
    machine.publish_scanout(0, 0, 0)
    assert shown(guest) == (0, 0, 0, 0, 4)
    assert page.damage_since(4) == (5, [(0, 0, WIDTH, HEIGHT)])
    machine.run(2000)
    assert page.damage_since(5) == (6, [(0, 1, 1, 2)])
    assert machine.counters()["frames"] == 4
    page.close()
    guest.close()


def test_more_rectangles_than_the_ring_holds_become_one() -> None:
    guest = Guest(with_status=True)
    page = StatusPage(guest.fds["status"][1])
    guest.machine.publish_scanout(640, 480, 2560)
    guest.machine.publish_damage([(2 * n, 300 - n, 2 * n + 1, 301 - n) for n in range(1, 101)])
    assert page.damage_since(1) == (2, [(2, 200, 201, 300)])
    page.close()
    guest.close()


@pytest.mark.parametrize("measures", [(0, 1, 4), (1, 0, 4), (10, 10, 39), (8193, 1, 32768), (1, 1, 1 << 30)])
def test_impossible_scanouts_are_refused(measures: tuple[int, int, int]) -> None:
    guest = Guest(with_status=True)
    with pytest.raises(ValueError, match="cannot be"):
        guest.machine.publish_scanout(*measures)
    with pytest.raises(ValueError, match="at most"):
        guest.machine.publish_damage([(0, 0, 1, 1)] * 257)
    with pytest.raises(TypeError):
        guest.machine.publish_damage([(0, 0, 1)])  # type: ignore[list-item]
    assert shown(guest) == (0, 0, 0, 0, 0)
    guest.close()


def test_scanouts_are_published_while_the_guest_draws() -> None:
    """Whoever publishes, the ring's numbers follow each other and each entry is whole."""
    guest = Guest(DRAW_FOREVER, with_status=True)
    machine, page = guest.machine, StatusPage(guest.fds["status"][1])
    thread = threading.Thread(target=machine.run)
    thread.start()
    seen, whole = 0, 0
    for turn in range(600):
        if turn % 10 == 5:
            machine.publish_scanout(0, 0, 0)
        elif turn % 10 == 0:
            machine.publish_scanout(100, 100, 400)
        else:
            machine.publish_damage([(turn % 90, 0, turn % 90 + 9, 9), (0, turn % 90, 9, turn % 90 + 9)])
        before = seen
        seen, rectangles = page.damage_since(before)
        if rectangles is None:  # this thread stood still, and the guest drew on
            assert page.frame_sequence - before > 32
            whole += seen - before
            continue
        assert all(x0 < x1 <= 100 and y0 < y1 <= 100 for x0, y0, x1, y1 in rectangles)
        whole += len(rectangles)
    machine.stop()
    thread.join()
    assert whole >= seen - 8 > 500
    assert machine.counters()["frames"] >= 60 * 6
    page.close()
    guest.close()


def test_a_machine_without_a_framebuffer_signals_its_scanout() -> None:
    guest = Guest()
    guest.machine.set_frame_event(guest.frame_fd)
    guest.machine.publish_scanout(16, 16, 64)
    assert select.select([guest.frame_fd], [], [], 0)[0]
    guest.machine.publish_scanout(0, 0, 0)
    guest.machine.run(100)
    with pytest.raises(RuntimeError):
        guest.machine.set_frame_event(-1)
    guest.close()
