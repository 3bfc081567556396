"""The handset's physical state under test: the same calls in functions and in coroutines."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from pocketvisor.api import PhoneError
from pocketvisor.testing import AsyncHandset, SyncGuest, SyncHandset

pytestmark = pytest.mark.pocketvisor("personal", phone=True)


def test_a_handset_is_handled_while_its_guest_runs(handset: SyncHandset, guest: SyncGuest) -> None:
    guest.expect("> ")
    heard: list[float] = []
    handset.phone.phone.on("battery", lambda battery: heard.append(battery.level))
    handset.phone.set_battery(40, plugged=True)
    handset.phone.set_location(60.17, 24.94, altitude=20)
    handset.phone.turn("left")
    handset.phone.set_tilt(pitch=30)
    handset.phone.set_shake(0, 0, 1)
    handset.phone.set_signal(bars=1)
    assert heard == [40]
    assert handset.phone.battery.status == "charging"
    assert handset.phone.location.altitude == 20
    assert handset.phone.motion.orientation == 270
    assert handset.phone.signal.bars == 1
    with pytest.raises(PhoneError, match="level"):
        handset.phone.set_battery(200)
    guest.send_line("where")
    guest.expect(r"^screen \w+\n")
    assert "not understood" not in guest.text


def test_a_walk_goes_on_in_the_guests_loop(handset: SyncHandset) -> None:
    handset.phone.walk([(60.17, 24.94), (60.18, 24.94)], speed=2)
    assert handset.phone.phone.walking
    handset.phone.rotate(180)
    handset.phone.stop_walking()
    assert not handset.phone.phone.walking
    assert handset.phone.location.fix
    handset.phone.lose_fix()
    assert not handset.phone.location.fix


async def test_in_coroutines_it_is_the_handsets_own(
    async_handset: Callable[..., AbstractAsyncContextManager[AsyncHandset]],
) -> None:
    async with async_handset() as handset:
        guest = await handset.start()
        await guest.expect("> ")
        handset.phone.set_battery(7)
        assert handset.api.phone.battery.level == 7
