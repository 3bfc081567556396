"""The network of a governed guest, from its handset: what its policy forbids is refused with a sentence and
a line in the audit log, also what was attached before the policy came. Debian's view of it is at the end."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from held_port import held_port
from passt_here import skip_where_unfit

sys.path.insert(0, str(Path(__file__).parents[1] / "policies"))

from policy_kit import IT
from test_debian_network import start_user
from test_guest_network import network_of, until

from pocketvisor.api import Forward, Guest, Handset, NetworkSpec, Refused, load_models
from pocketvisor.network.service import GuestNetwork
from pocketvisor.policies.governed import Governed
from pocketvisor.profile.file import ProfileFile

LAB = NetworkSpec(mode="switch", switch="lab")
USER = NetworkSpec(mode="user")
OFF = '[network]\nmode = "off"'
HOSTS = '[network]\nmode = "hosts"\nhosts = [{}]'
Start = Callable[..., Any]


class Governor:
    """IT, and a profile whose policy the guest is held to."""

    def __init__(self, folder: Path) -> None:
        self.it = IT(folder)
        self.file: ProfileFile = self.it.profile()
        self.number = 0
        self.governed: Governed | None = None

    def says(self, sections: str) -> Governed:
        """Another policy."""
        self.number += 1
        self.governed = self.it.governs(self.file, sections, self.number)
        return self.governed

    def refusals(self) -> list[str]:
        assert self.governed is not None
        return [line.said for line in self.governed.log() if line.what.startswith("refused")]


@pytest.fixture
def governor(tmp_path: Path) -> Governor:
    return Governor(tmp_path)


async def test_off_is_refused_with_a_sentence_and_a_line(start: Start, governor: Governor) -> None:
    guest: Guest = await start(network=NetworkSpec(mode="none"))
    network = network_of(guest)
    guest.govern(governor.says(OFF))
    for mode, switch in (("user", ""), ("switch", "lab")):
        with pytest.raises(Refused, match=r"Acme's policy allows this phone no network"):
            await network.attach(mode, switch)  # type: ignore[arg-type]
    assert network.state.mode == "none" and len(governor.refusals()) == 2
    await network.attach("none")


async def test_a_policy_pulls_the_cable_of_a_guest_that_runs_and_a_milder_one_puts_it_in(
    start: Start, governor: Governor
) -> None:
    guest: Guest = await start(network=LAB)
    network = network_of(guest)
    guest.govern(governor.says("[screen]\nscreenshots = false"))
    assert network.state.link
    governor.says(OFF)  # the handset finds out by itself
    await until(network, lambda: not network.state.link)
    assert network.state.sentence == "Acme's policy allows this phone no network"
    with pytest.raises(Refused):
        await network.reconnect()
    governor.says("")
    await until(network, lambda: network.state.link and not network.state.sentence)


async def test_on_a_switch_anybody_can_be_anybody(start: Start, governor: Governor) -> None:
    guest: Guest = await start(network=LAB)
    network = network_of(guest)
    guest.govern(governor.says(HOSTS.format('"10.0.0.1"')))
    await until(network, lambda: not network.state.link)
    assert "on a switch between guests anybody could claim" in network.state.sentence
    with pytest.raises(Refused):
        await network.attach("switch", "other")


async def test_the_network_process_has_the_rules_before_the_guest_has_a_wire(
    start: Start, governor: Governor
) -> None:
    """Also one that takes the place of one that died."""
    guest: Guest = await start(network=LAB)
    network = network_of(guest)
    guest.govern(governor.says(OFF))
    await until(network, lambda: not network.state.link)
    assert network._cable._sidecar is not None
    os.kill(network._cable._sidecar.pid, signal.SIGKILL)
    await until(network, lambda: "signal 9" in network.state.sentence)
    with pytest.raises(Refused):
        await network.reconnect()
    assert not network.state.link


async def test_a_profile_that_is_opened_is_held_to_its_policy_from_the_start(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    guest: Guest = await start(network=LAB)
    handset, path = guest.handset, tmp_path / "kept.vphone"
    await guest.keep(path)
    assert network_of(guest).state.link
    await handset.remove(guest)
    it = IT(tmp_path)
    with ProfileFile.open(path) as file:
        it.deliver(it.policy(file.id, 1, OFF), file)
    again = await handset.open_profile(path)
    state = network_of(again).state
    assert again.governed is not None and not state.link
    assert state.sentence == "Acme's policy allows this phone no network"
    clone = await handset.clone(again)
    with pytest.raises(Refused, match="allows this phone no network"):
        await network_of(clone).attach("user")


async def user(start: Start, governor: Governor, sections: str, **options: Any) -> GuestNetwork:
    network = network_of(await start(network=NetworkSpec(mode="user", **options)))
    skip_where_unfit(network.state.sentence)
    network._guest.govern(governor.says(sections))
    await asyncio.gather(*network._tasks)
    assert network.state.link
    return network


async def test_no_port_of_this_machine_leads_to_it(start: Start, governor: Governor) -> None:
    with held_port() as port:
        forward = Forward("tcp", port, 80)
        network = await user(start, governor, HOSTS.format('"10.0.0.1"'), forwards=(forward,))
        await until(network, lambda: network.state.forwards == () and network.state.link)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
    with pytest.raises(Refused, match="lets nobody reach this phone"):
        await network.forward([forward])
    await network.forward([])


async def test_its_frames_are_not_captured_where_it_is_not_recorded(
    start: Start, governor: Governor, tmp_path: Path
) -> None:
    guest: Guest = await start(network=LAB)
    network = network_of(guest)
    await network.capture(tmp_path / "frames.pcap")
    guest.govern(governor.says("[screen]\nrecording = false"))
    assert network.state.capture is None
    with pytest.raises(Refused):
        await network.capture(tmp_path / "more.pcap")
    assert not (tmp_path / "more.pcap").exists()


async def test_nor_where_the_policy_comes_before_the_capture_has_begun(
    start: Start, governor: Governor, tmp_path: Path
) -> None:
    guest: Guest = await start(network=NetworkSpec(mode="none"))
    network = network_of(guest)
    capturing = asyncio.create_task(network.capture(tmp_path / "frames.pcap"))
    await asyncio.sleep(0)  # it was allowed, and the network process is on its way
    guest.govern(governor.says("[screen]\nrecording = false"))
    with pytest.raises(Refused):
        await capturing
    assert network.state.capture is None and not (tmp_path / "frames.pcap").exists()


@pytest.mark.debian
async def test_debian_reaches_what_its_policy_names(governor: Governor) -> None:
    """A name through the real resolver, and nothing besides: not by address, port, ping nor a tunnel."""
    host = web_server()
    phone = Handset(load_models()["galaxy-s2"])
    try:
        debian = await start_user(phone)
        state = debian.network.state.address
        ask_name = f"nslookup {host} {state.dns}"
        if await debian.ask(f"{ask_name} > /dev/null && echo found") != "found\n":
            pytest.skip("there is no name service here")
        found = f"{ask_name} | awk '/^Address/ {{ a = $NF }} END {{ print a }}'"
        server = (await debian.ask(found)).strip()
        get = "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 30 nc {} {} 2>&1 | head -n 1"
        assert "HTTP/1" in await debian.ask(get.format(server, 80))

        debian.guest.govern(governor.says(HOSTS.format(f'"{host}:80"')))
        await asyncio.gather(*debian.network._tasks)
        await debian.carrier(1)
        await debian.ask("udhcpc -i eth0 -s /etc/dhcp -q -n -t 10 -S")
        assert "HTTP/1" not in await debian.ask(get.format(server, 80)), "nobody has asked for its name yet"
        assert (await debian.ask(found)).strip() == server
        assert "HTTP/1" in await debian.ask(get.format(server, 80))
        for other, port in ((server, 8080), ("192.0.2.200", 80), (state.gateway, 80), (state.dns, 53)):
            shown = await debian.ask(f"{get.format(other, port)}; nc -w 2 {other} {port} < /dev/null 2>&1")
            assert "No route to host" in shown, "at once"
        for command in (
            f"nslookup secret.tunnel.example {state.dns}",
            f"nslookup {host} 203.0.113.53",
            f"ping -c 1 -W 1 {server}",
            f"ping -c 1 -W 1 {state.gateway}",
        ):
            assert await debian.ask(f"{command} > /dev/null 2>&1 || echo no") == "no\n", command
        await until(debian.network, lambda: debian.network.state.counters.refused >= 8)
        await said(governor, "secret.tunnel.example")
        await said(governor, "192.0.2.200:80/tcp")

        # A VPN's endpoint, as soon as the handset has seen that policy.
        changed = asyncio.Event()
        debian.guest.on("policy", changed.set)
        governor.says(f'[network]\nmode = "vpn"\nvpn = "{host}:80/tcp"')
        await asyncio.wait_for(changed.wait(), 60)
        await asyncio.gather(*debian.network._tasks)
        await debian.carrier(1)
        await debian.ask("udhcpc -i eth0 -s /etc/dhcp -q -n -t 10 -S")
        assert (await debian.ask(found)).strip() == server
        assert "HTTP/1" in await debian.ask(get.format(server, 80))
        assert "No route to host" in await debian.ask(f"nc -w 2 {server} 443 < /dev/null 2>&1")
        assert await debian.ask(f"nslookup www.debian.org {state.dns} > /dev/null 2>&1 || echo no") == "no\n"

        governor.says(OFF)
        await debian.carrier(0)
        assert "HTTP/1" not in await debian.ask(get.format(server, 80))
    finally:
        await phone.close()


def web_server() -> str:
    """One that answers: where this machine has its packages from."""
    asked = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE)"], capture_output=True, text=True, check=False
    )
    for site in asked.stdout.split():
        url = urlsplit(site)
        if url.scheme == "http" and url.hostname and url.port in (None, 80):
            return url.hostname
    pytest.skip("this machine knows no server that speaks plain HTTP")


async def said(governor: Governor, words: str) -> None:
    async with asyncio.timeout(60):
        while not any(words in line for line in governor.refusals()):
            await asyncio.sleep(0.1)
