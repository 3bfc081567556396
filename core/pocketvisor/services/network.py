"""What an open workbench does when it is asked about a guest's network."""

from pathlib import Path

import msgspec

from pocketvisor.control import network_calls
from pocketvisor.control.network_calls import NetworkRequest, NetworkShown
from pocketvisor.errors import NetworkError
from pocketvisor.guest.guest import Guest
from pocketvisor.network.radio import Radio, radio_named
from pocketvisor.network.spec import parse_forward, parse_network


async def answer(guest: Guest, request: NetworkRequest) -> NetworkShown:
    """Does it, and says how the network is then. Raises NetworkError."""
    network = guest.network
    if network is None:
        raise NetworkError(f"{guest.name} has no network card: start it with --network")
    match request:
        case network_calls.Attach():
            await network.attach(*parse_network(request.network))
        case network_calls.SetRadio():
            network.set_radio(_radio(network.state.radio, request))
        case network_calls.SetForwards():
            await network.forward([parse_forward(text) for text in request.forwards])
        case network_calls.Capture(path=""):
            network.stop_capture()
        case network_calls.Capture():
            await network.capture(Path(request.path))
        case network_calls.Reconnect():
            await network.reconnect()
    state = network.state
    return NetworkShown(
        guest=guest.name,
        network=f"switch:{state.switch}" if state.mode == "switch" else state.mode,
        link=state.link,
        sentence=state.sentence,
        mac=state.mac,
        address=state.address.address,
        gateway=state.address.gateway,
        dns=state.address.dns,
        radio=msgspec.to_builtins(state.radio),
        forwards=[str(forward) for forward in state.forwards],
        capture=str(state.capture or ""),
        counters=msgspec.to_builtins(state.counters),
        sent_rate=state.sent_rate,
        received_rate=state.received_rate,
    )


def _radio(now: Radio, request: network_calls.SetRadio) -> Radio:
    base = radio_named(request.preset) if request.preset is not None else now
    given = {
        name: value
        for name in ("up", "down", "delay_ms", "jitter_ms", "loss")
        if (value := getattr(request, name)) is not None
    }
    if not given:
        return base
    try:
        return msgspec.convert({**msgspec.to_builtins(base), **given, "name": "custom", "link": True}, Radio)
    except msgspec.ValidationError as error:
        raise NetworkError(f"No radio is like that: {error}") from error
