"""A guest's network from its handset: attached, shaped, captured, lost and had again while the guest goes on.

The guest here has no driver: what its driver sees is in test_debian_network.py.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from held_port import held_port
from passt_here import skip_where_unfit

from pocketvisor.api import Forward, Guest, GuestState, NetworkError, NetworkSpec
from pocketvisor.network.passt import MISSING
from pocketvisor.network.radio import PRESETS
from pocketvisor.network.service import GuestNetwork
from pocketvisor.network.sidecar import Sidecar

SECONDS = 30
LAB = NetworkSpec(mode="switch", switch="lab")
Start = Callable[..., Any]


def network_of(guest: Guest) -> GuestNetwork:
    assert guest.network is not None
    return guest.network


async def until(network: GuestNetwork, wanted: Callable[[], bool]) -> None:
    changed = asyncio.Event()
    unsubscribe = network.on("state", lambda state: changed.set())
    async with asyncio.timeout(SECONDS):
        while not wanted():
            changed.clear()
            await changed.wait()
    unsubscribe()


async def user(start: Start, **options: Any) -> GuestNetwork:
    network = network_of(await start(network=NetworkSpec(mode="user", **options)))
    skip_where_unfit(network.state.sentence)
    return network


async def test_without_a_word_there_is_no_card(start: Start) -> None:
    assert (await start()).network is None


async def test_it_is_attached_to_what_was_asked_for_and_to_something_else(start: Start) -> None:
    network = network_of(await start(network=LAB))
    state = network.state
    assert (state.mode, state.switch, state.link, state.sentence) == ("switch", "lab", True, "")
    assert state.mac.startswith("02:")
    await network.attach("none")
    assert network.state.mode == "none" and not network.state.link
    await network.attach("switch", "other")
    assert network.state.switch == "other" and network.state.link
    with pytest.raises(NetworkError):
        await network.attach("switch", "no/such")
    assert network.state.switch == "other" and network.state.link


async def test_a_radio_is_set_by_name_and_off_takes_the_link(start: Start) -> None:
    network = network_of(await start(network=LAB))
    network.set_radio("3G")
    assert network.state.radio == PRESETS["3g"] and network.state.link
    network.set_radio("off")
    assert not network.state.link
    network.set_radio(PRESETS["wifi"])
    assert network.state.link
    with pytest.raises(NetworkError):
        network.set_radio("5g")


async def test_guests_share_the_process_and_it_goes_with_them(start: Start) -> None:
    one = network_of(await start("One", network=LAB))
    two_guest = await start("Two", network=LAB)
    two = network_of(two_guest)
    assert one._cable._sidecar is two._cable._sidecar is not None and one.state.mac != two.state.mac
    pid = one._cable._sidecar.pid
    await two_guest.handset.remove(two_guest)
    assert Path(f"/proc/{pid}").exists() and one.state.link
    await two_guest.handset.remove(one._guest)
    assert not Path(f"/proc/{pid}").exists()


async def test_a_guest_that_goes_while_it_is_attached_leaves_no_process(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    shared = Sidecar.shared

    async def slow() -> Sidecar:
        begun.set()
        await go_on.wait()
        return await shared()

    monkeypatch.setattr(Sidecar, "shared", slow)
    guest = await start(network=NetworkSpec(mode="none"))
    attaching = asyncio.create_task(network_of(guest).attach("switch", "lab"))
    await begun.wait()
    await guest.handset.remove(guest)
    go_on.set()
    with pytest.raises(NetworkError):
        await attaching
    assert asyncio.get_running_loop() not in Sidecar._running


async def test_it_is_kept_over_a_reset(start: Start) -> None:
    guest = await start(network=LAB)
    mac = network_of(guest).state.mac
    await guest.reset()
    await guest.console.expect("^# ", timeout=SECONDS)
    assert network_of(guest).state.mac == mac and network_of(guest).state.link


async def test_a_network_process_that_dies_costs_links_and_no_guest(start: Start) -> None:
    guests = [await start(name, network=LAB) for name in ("One", "Two")]
    one, two = (network_of(guest) for guest in guests)
    said: list[str] = []
    guests[0].on("event", said.append)
    assert one._cable._sidecar is not None
    os.kill(one._cable._sidecar.pid, signal.SIGKILL)
    for network in (one, two):
        await until(network, lambda network=network: not network.state.link)  # type: ignore[misc]
        assert network.state.sentence == "The network process was ended by signal 9"
    said = [sentence for sentence in said if "network" in sentence]  # of this computer it may say more
    assert said == ["One: its network is gone: The network process was ended by signal 9"]
    assert all(guest.state is GuestState.RUNNING for guest in guests)
    await one.reconnect()
    await two.attach("switch", "lab")
    assert one.state.link and two.state.link and not one.state.sentence


async def test_a_passt_that_dies_is_a_sentence_and_can_be_had_again(start: Start) -> None:
    network = await user(start)
    assert network.state.link and network.state.address.address
    assert network._passt is not None
    os.kill(network._passt.pid, signal.SIGKILL)
    await until(network, lambda: bool(network.state.sentence))
    assert network.state.sentence == "passt was ended by signal 9" and not network.state.link
    assert network._guest.state is GuestState.RUNNING
    await network.reconnect()
    assert network.state.link and not network.state.sentence
    pid = network._passt.pid
    await network.attach("none")
    assert not Path(f"/proc/{pid}").exists()


async def test_a_passt_that_closes_its_end_and_stays_is_ended(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pocketvisor.network.service._LAST_WORDS_SECONDS", 0.01)
    network = await user(start)
    assert network._passt is not None
    pid = network._passt.pid
    network.port_user_ended(network._serial)  # as the network process says it
    await until(network, lambda: bool(network.state.sentence))
    assert network.state.sentence == "passt closed its end of the guest's network"
    await asyncio.gather(*network._tasks)
    assert not Path(f"/proc/{pid}").exists()


async def test_a_passt_that_is_slow_to_end_has_the_last_word(start: Start) -> None:
    """Its stream is closed before anybody hears of its end."""
    network = await user(start)
    assert network._passt is not None
    network.port_user_ended(network._serial)
    await asyncio.sleep(0)
    os.kill(network._passt.pid, signal.SIGKILL)
    await until(network, lambda: bool(network.state.sentence))
    assert network.state.sentence == "passt was ended by signal 9"


@pytest.fixture
def port() -> Iterator[int]:
    with held_port() as port:
        yield port


async def test_a_taken_port_is_refused_and_the_rest_can_be_had(start: Start, port: int) -> None:
    network = await user(start)
    with socket.create_server(("127.0.0.1", port)):
        forward = Forward("tcp", port, 80)
        with pytest.raises(NetworkError, match=f"Port {port} of 127.0.0.1 cannot be forwarded"):
            await network.forward([forward])
        assert network.state.link and network.state.forwards == (), "all is as it was"
        other = network_of(await start("Two", network=NetworkSpec(mode="user", forwards=(forward,))))
        assert "something else has it" in other.state.sentence and not other.state.link
    await other.reconnect()
    assert other.state.link and not other.state.sentence
    await other.forward([])
    await network.forward([forward])
    assert network.state.link and network.state.forwards == (forward,)
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS):
        pass
    await network.forward([])
    assert network.state.link
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=SECONDS)


async def test_a_guest_starts_without_the_network_that_cannot_be_had(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pocketvisor.network.passt.shutil.which", lambda name: None)
    guest = await start(network=NetworkSpec(mode="user"))
    assert guest.state is GuestState.RUNNING
    assert network_of(guest).state.sentence == MISSING and not network_of(guest).state.link


async def test_a_capture_that_cannot_be_written_is_refused(start: Start, tmp_path: Path) -> None:
    network = network_of(await start(network=LAB))
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "no" / "file", tmp_path / "pipe"):
        with pytest.raises(NetworkError, match=str(path)):
            await network.capture(path)
    await network.capture(tmp_path / "frames.pcap")
    assert network.state.capture == tmp_path / "frames.pcap"
    network.stop_capture()
    assert network.state.capture is None


async def test_a_recording_holds_its_card_and_a_replay_has_no_network(start: Start, handset: Any) -> None:
    from pocketvisor.api import RunOptions

    guest = await start(network=LAB, record=True)
    await guest.pause()
    recording = await guest.recording()
    assert recording.head.network is not None
    again = await handset.start(guest.image, options=RunOptions(replay=recording))
    await again.wait_stopped()
    assert await again.digest() == recording.end.digest
    assert network_of(again).state.mac == network_of(guest).state.mac
    assert network_of(again)._cable._sidecar is None
    with pytest.raises(NetworkError, match="is replayed"):
        await network_of(again).attach("none")
