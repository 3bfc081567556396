"""What a user writes for a network is understood, or refused with a sentence that says what is meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketvisor.errors import NetworkError
from pocketvisor.network.spec import (
    Forward,
    NetworkSpec,
    derived_mac,
    network_spec,
    parse_forward,
    parse_mac,
    parse_network,
    show_mac,
)


def test_networks() -> None:
    assert parse_network("none") == ("none", "") and parse_network("user") == ("user", "")
    assert parse_network("switch:Lab 2") == ("switch", "Lab 2")
    assert network_spec("") is None and network_spec("switch:a") == NetworkSpec(mode="switch", switch="a")


@pytest.mark.parametrize("text", ["", "lan", "switch", "switch:", "switch:../x", "switch:" + "x" * 41])
def test_other_networks_are_refused(text: str) -> None:
    with pytest.raises(NetworkError):
        parse_network(text)


def test_forwards_lead_from_this_machine_alone_unless_said() -> None:
    assert parse_forward("tcp:8080:80") == Forward("tcp", 8080, 80, "127.0.0.1")
    assert parse_forward("udp:0.0.0.0:53:5353") == Forward("udp", 53, 5353, "0.0.0.0")
    assert parse_forward("tcp:[::1]:80:8080").address == "::1"


@given(
    st.sampled_from(["tcp", "udp"]),
    st.integers(1, 65535),
    st.integers(1, 65535),
    st.sampled_from(["127.0.0.1", "0.0.0.0", "::1", "192.0.2.9"]),
)
def test_a_forward_as_it_is_shown_is_the_same_again(
    protocol: str, host_port: int, guest_port: int, address: str
) -> None:
    forward = Forward(protocol, host_port, guest_port, address)  # type: ignore[arg-type]
    assert parse_forward(str(forward)) == forward


@pytest.mark.parametrize(
    "text", ["", "tcp", "tcp:80", "80:80", "sctp:1:2", "tcp:0:80", "tcp:80:65536", "tcp:x:1:2", "tcp:-1:80"]
)
def test_other_forwards_are_refused(text: str) -> None:
    with pytest.raises(NetworkError, match="as in tcp:8080:80"):
        parse_forward(text)


def test_addresses_of_cards() -> None:
    assert show_mac(parse_mac("02-AB-00-12-34-56")) == "02:ab:00:12:34:56"
    for text in ("", "02:00:00:00:00", "01:00:5e:00:00:01", "00:00:00:00:00:00", "zz:00:00:00:00:01"):
        with pytest.raises(NetworkError):
            parse_mac(text)


def test_a_guest_has_the_same_address_each_time_and_no_other_has_it() -> None:
    mac = derived_mac("Nexus One", "Work")
    assert mac == derived_mac("Nexus One", "Work") != derived_mac("Nexus One", "Work 2")
    assert mac[0] & 3 == 2, "locally administered, of one card"


def test_only_a_card_that_starts_at_passt_is_told_a_large_mtu() -> None:
    assert NetworkSpec(mode="user").told_mtu == 65520
    assert NetworkSpec(mode="switch", switch="a").told_mtu == 0
    assert NetworkSpec(mode="user", mtu=1400).told_mtu == 1400
