"""A policy's VPN, through a real passt to real peers: its endpoint is reached as a tunnel needs it, and
nothing else is, by IPv4 and IPv6, by address and by name. Without the policy
the same packets arrive.

What happens is in vpn_bench.py, run once in a network of its own.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.network.passt import MISSING

Found = dict[str, Any]
NEEDED = {"ip": "iproute2 is not installed", "unshare": "util-linux is not installed", "passt": MISSING}
REFUSED = "refused at once"
SECONDS = 240
families = pytest.mark.parametrize("family", ["4", "6"])


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    for program, sentence in NEEDED.items():
        if shutil.which(program) is None:
            pytest.skip(sentence)
    apart = ["unshare", "-nm"]
    if os.geteuid() != 0:  # as oneself: passt takes whoever is root for root
        apart += ["-U", "--map-current-user", "--keep-caps"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets its user have no network namespace")
    bench = Path(__file__).with_name("vpn_bench.py")
    command = [*apart, sys.executable, "-X", "faulthandler", bench, tmp_path_factory.mktemp("network")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ran.returncode == 0 and not ran.stderr, ran.stderr
    return dict(json.loads(ran.stdout))


@families
def test_a_tunnel_has_all_that_it_needs(found: Found, family: str) -> None:
    """A handshake, data in packets as large as a link takes, and larger ones, which the host cuts itself."""
    one = found[family]
    assert (one["handshake"], one["data"], one["large"]) == (92, 200, 9000)


@families
def test_nothing_else_leaves_and_whoever_tried_is_told_at_once(found: Found, family: str) -> None:
    one, free = found[family], found[f"{family} without a policy"]
    others = dict(one["others"])
    assert others.pop("a connection from before") == "reset"
    assert set(others.values()) == {REFUSED} and len(others) == 8
    assert one["arrived elsewhere"] == 0 and free["arrived elsewhere"] == 5
    assert set(free["others"].values()) == {"answered"}, "there is somebody to be reached"
    assert set(free["others"]) <= set(one["others"])


@families
def test_what_was_refused_is_told_by_destination(found: Found, family: str) -> None:
    peer, other, router = (
        ("10.77.0.1", "10.77.0.2", "198.51.100.254")
        if family == "4"
        else ("[fd00:77::1]", "[fd00:77::2]", "[fd00:5::fe]")
    )
    assert set(found[family]["refused"]) == {
        f"{peer}:51821/udp",
        f"{other}:51820/udp",
        f"{other}:53/udp",
        f"{peer}:51820/tcp",
        f"{other}:80/tcp",
        peer.strip("[]"),
        f"{router}:80/tcp",
        f"a fragment for {peer.strip('[]')}",
    }


@families
def test_nobody_but_the_endpoint_is_heard(found: Found, family: str) -> None:
    """Not even its machine, from another port, on the way that the endpoint's answers take."""
    assert found[family]["strangers"] == 0
    assert found[f"{family} without a policy"]["strangers"] == 1


@families
def test_the_tunnel_goes_on_after_all_that(found: Found, family: str) -> None:
    assert found[family]["after"] == len("still there") and found[family]["arrived"] == 1


def test_a_machine_of_ipv6_alone_is_not_asked_for_long(found: Found) -> None:
    assert found["IPv6 alone"] == ""


def test_an_endpoint_by_name_is_good_once_its_name_was_asked_for(found: Found) -> None:
    name = found["name"]
    assert name["before it is asked for"] == REFUSED
    assert name["EDNS"] == {"code": 0, "address": True}
    assert name["endpoint"] == "answered" and name["other address"] == REFUSED
    assert name["IPv6"] and name["endpoint by IPv6"] == "answered"


def test_the_name_service_hears_that_name_and_nothing_besides(found: Found) -> None:
    """No option of EDNS, no other name, and nothing by TCP: those are answered in its place, or refused."""
    name = found["name"]
    assert name["asked"] == [name["asked anew"]]
    refused, nothing_of_this_kind = 5, 0
    assert (name["others' names"], name["another kind"]) == (refused, nothing_of_this_kind)
    assert name["by TCP"] == REFUSED
    assert name["asked besides"] == 0 and name["heard elsewhere"] == 0
    assert set(name["refused"]) == {
        "10.77.0.1:51820/udp",
        "10.77.0.2:51820/udp",
        "the name secret.tunnel.example",
        "10.77.0.53:53/tcp",
    }


def test_an_answer_that_does_not_fit_is_not_to_be_had_by_tcp_either(found: Found) -> None:
    name = found["name"]
    assert name["an answer that does not fit"] == {"cut": True, "code": 0}
    assert name["and again by TCP"] == REFUSED
