"""A handset's signal is the link of its guests' networks, from the first change on."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from pocketvisor.api import Guest, Handset
from pocketvisor.devices.phone_state import RADIO_KINDS, SignalState, dbm_of_bars
from pocketvisor.guest.phone_radio import radio_of
from pocketvisor.network.radio import PRESETS
from pocketvisor.network.spec import NetworkSpec


def test_a_full_signal_is_the_radio_itself_and_none_is_no_link() -> None:
    assert radio_of(SignalState(radio="3G", dbm=-60)) == PRESETS["3g"]
    assert radio_of(SignalState(radio="Wi-Fi", dbm=-50)) == PRESETS["wifi"]
    assert not radio_of(SignalState()).link


def test_less_signal_is_slower_and_loses_more() -> None:
    for kind in RADIO_KINDS[1:]:
        radios = [radio_of(SignalState(radio=kind, dbm=dbm_of_bars(bars))) for bars in range(5)]  # type: ignore[arg-type]
        for worse, better in pairwise(radios):
            assert 0 < worse.down < better.down
            assert 0 < worse.up < better.up
            assert worse.loss > better.loss


async def test_a_guests_network_follows_the_handset(handset: Handset, start: Callable[..., Any]) -> None:
    guest: Guest = await start(network=NetworkSpec())
    assert guest.network is not None
    before = guest.network.state.radio
    assert before == PRESETS["none"], "what was said at its start stays until something changes"
    handset.phone.set_signal(radio="2g", bars=4)
    assert guest.network.state.radio == PRESETS["2g"]
    handset.phone.set_signal(radio="none")
    assert not guest.network.state.radio.link
    guest.network.set_radio("wifi")
    assert guest.network.state.radio == PRESETS["wifi"]
    await handset.remove(guest)
    handset.phone.set_signal(radio="3G")
